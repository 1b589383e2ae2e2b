/**
 * Kubernetes' own types (apps/v1, v1, networking.k8s.io/v1), as far as Aviary reads and writes them. Every type may
 * carry further fields, which are passed on as they are.
 */
import type { KubeObject } from "./kubernetes.ts";

export interface Fields {
  readonly [field: string]: unknown;
}

export type Strings = Readonly<Record<string, string>>;

export interface LabelExpression extends Fields {
  readonly key: string;
  readonly values?: readonly string[];
}

export interface LabelSelector extends Fields {
  readonly matchLabels?: Strings;
  readonly matchExpressions?: readonly LabelExpression[];
}

export interface ContainerPort extends Fields {
  readonly name?: string;
  readonly containerPort: number;
}

export interface Container extends Fields {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly ContainerPort[];
}

/** A term of an affinity, or a topology spread constraint. */
export interface Selecting extends Fields {
  readonly labelSelector?: LabelSelector;
}

export interface WeightedTerm extends Fields {
  readonly podAffinityTerm?: Selecting;
}

export interface PodAntiAffinity extends Fields {
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly WeightedTerm[];
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly Selecting[];
}

export interface PodSpec extends Fields {
  readonly containers?: readonly Container[];
  readonly nodeSelector?: Strings;
  readonly affinity?: Fields & { readonly podAntiAffinity?: PodAntiAffinity };
  readonly topologySpreadConstraints?: readonly Selecting[];
}

export interface PodTemplate extends Fields {
  readonly metadata?: Fields & { readonly labels?: Strings; readonly annotations?: Strings };
  readonly spec?: PodSpec;
}

/** "25%", or a number of pods. */
export type PodCount = number | string;

export interface UpdateStrategy extends Fields {
  readonly type?: string;
  readonly rollingUpdate?: Fields & {
    readonly maxSurge?: PodCount;
    readonly maxUnavailable?: PodCount;
    /** Of a StatefulSet. */
    readonly partition?: number;
  };
}

export interface WorkloadSpec extends Fields {
  readonly replicas?: number;
  readonly paused?: boolean;
  /** Of a StatefulSet. */
  readonly serviceName?: string;
  readonly volumeClaimTemplates?: readonly Fields[];
  readonly selector?: LabelSelector;
  readonly template?: PodTemplate;
  /** Of a Deployment. */
  readonly strategy?: UpdateStrategy;
  /** Of a DaemonSet or StatefulSet. */
  readonly updateStrategy?: UpdateStrategy;
}

export interface WorkloadCondition extends Fields {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly lastUpdateTime?: string;
}

export interface WorkloadStatus extends Fields {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
  readonly conditions?: readonly WorkloadCondition[];
  /** Of a DaemonSet. */
  readonly desiredNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
}

/** A Deployment, DaemonSet or StatefulSet. */
export interface WorkloadObject extends KubeObject {
  spec?: WorkloadSpec;
  status?: WorkloadStatus;
}

export interface ServicePort extends Fields {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
  readonly nodePort?: number;
}

export interface ServiceSpec extends Fields {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly externalTrafficPolicy?: string;
  readonly healthCheckNodePort?: number;
  readonly selector?: Strings;
  readonly ports?: readonly ServicePort[];
  readonly publishNotReadyAddresses?: boolean;
}

export interface ServiceObject extends KubeObject {
  spec?: ServiceSpec;
}

export interface IngressPath extends Fields {
  readonly path?: string;
  readonly backend?: Fields & { readonly service?: Fields & { readonly name?: string } };
}

export interface IngressRule extends Fields {
  readonly host?: string;
  readonly http?: Fields & { readonly paths?: readonly IngressPath[] };
}

export interface IngressSpec extends Fields {
  readonly rules?: readonly IngressRule[];
}

export interface IngressObject extends KubeObject {
  spec?: IngressSpec;
}

/** A MetricTemplate of Flagger: the metric server, and the query. */
export interface MetricTemplateObject extends KubeObject {
  spec?: { readonly provider?: MetricProviderSpec; readonly query?: string };
}

export interface MetricProviderSpec extends Fields {
  readonly type?: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly region?: string;
  readonly insecureSkipVerify?: boolean;
  readonly secretRef?: { readonly name?: string };
}

/** An AlertProvider of Flagger: the receiver of alerts. */
export interface AlertProviderObject extends KubeObject {
  spec?: {
    readonly type?: string;
    readonly address?: string;
    readonly channel?: string;
    readonly username?: string;
    readonly proxy?: string;
    readonly secretRef?: { readonly name?: string };
  };
}
