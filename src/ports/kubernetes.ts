/**
 * Raw Kubernetes JSON. Objects are never decoded into partial classes: fields that Aviary does not know must survive.
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The object that owns this one: Kubernetes deletes both together. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** `metadata` of an object. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  [field: string]: unknown;
}

/** Any object of the Kubernetes API, as its JSON. */
// biome-ignore lint/suspicious/noExplicitAny: fields differ by kind; adapters narrow them where they read.
export type KubeFields = any;

/** An object of the Kubernetes API; fields below the metadata differ by kind. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: KubeFields;
  status?: KubeFields;
  data?: KubeFields;
  [field: string]: KubeFields;
}

/** The name and these fields of the metadata, where they are set: what is kept of an object that is not kept whole. */
export function metadataPart(
  { metadata }: Pick<KubeObject, "metadata">,
  ...fields: readonly (keyof ObjectMeta)[]
): ObjectMeta {
  const present = (["name", ...fields] as const).filter((field) => metadata[field] !== undefined);
  return Object.fromEntries(present.map((field) => [field, metadata[field]])) as unknown as ObjectMeta;
}

/**
 * Names one resource of the API, e.g. `{ group: "apps", version: "v1", plural: "deployments", kind: "Deployment" }`.
 */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Names one object. `namespace` is empty for cluster-scoped kinds. */
export interface ObjectRef {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

/** "apps/v1", or "v1" for the core group. */
export function apiVersionOf(type: Pick<ResourceType, "group" | "version">): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** Whether a reference is to an object of this kind. */
export function isOfType({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">, type: ResourceType): boolean {
  return kind === type.kind && apiVersion === apiVersionOf(type);
}

/** The path of a collection: `/apis/apps/v1/namespaces/test/deployments`; all namespaces when `namespace` is empty. */
export function collectionPath(type: ResourceType, namespace = ""): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  return type.namespaced && namespace !== ""
    ? `${root}/namespaces/${segment(namespace)}/${type.plural}`
    : `${root}/${type.plural}`;
}

/** The path of one object. @throws RangeError for a name that would lead to another path */
export function objectPath(ref: ObjectRef): string {
  return `${collectionPath(ref.type, ref.namespace)}/${segment(ref.name)}`;
}

/**
 * Names come from tenants and from people: no name may leave its place in the path. Colons are usual in names of roles.
 */
function segment(name: string): string {
  if (name === "" || name === "." || name === "..") throw new RangeError(`"${name}" is no name of an object`);
  return encodeURIComponent(name).replaceAll("%3A", ":");
}

/** Labels as a label selector and as people write them: "app=shop,tier=web". */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}

/** A kind whose objects live in a namespace. An adapter declares the kinds that only the adapter works with. */
export function namespaced(group: string, version: string, kind: string, plural: string): ResourceType {
  return { group, version, kind, plural, namespaced: true };
}

/** A kind whose objects live in no namespace. */
export function clusterScoped(group: string, version: string, kind: string, plural: string): ResourceType {
  return { group, version, kind, plural, namespaced: false };
}

/** The resources that more than one module works with. */
export const RESOURCES = {
  canary: namespaced("flagger.app", "v1beta1", "Canary", "canaries"),
  metricTemplate: namespaced("flagger.app", "v1beta1", "MetricTemplate", "metrictemplates"),
  alertProvider: namespaced("flagger.app", "v1beta1", "AlertProvider", "alertproviders"),
  deployment: namespaced("apps", "v1", "Deployment", "deployments"),
  daemonSet: namespaced("apps", "v1", "DaemonSet", "daemonsets"),
  statefulSet: namespaced("apps", "v1", "StatefulSet", "statefulsets"),
  replicaSet: namespaced("apps", "v1", "ReplicaSet", "replicasets"),
  pod: namespaced("", "v1", "Pod", "pods"),
  service: namespaced("", "v1", "Service", "services"),
  endpoints: namespaced("", "v1", "Endpoints", "endpoints"),
  endpointSlice: namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
  configMap: namespaced("", "v1", "ConfigMap", "configmaps"),
  secret: namespaced("", "v1", "Secret", "secrets"),
  event: namespaced("", "v1", "Event", "events"),
  lease: namespaced("coordination.k8s.io", "v1", "Lease", "leases"),
  hpa: namespaced("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  scaledObject: namespaced("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
  ingress: namespaced("networking.k8s.io", "v1", "Ingress", "ingresses"),
  virtualService: namespaced("networking.istio.io", "v1beta1", "VirtualService", "virtualservices"),
  destinationRule: namespaced("networking.istio.io", "v1beta1", "DestinationRule", "destinationrules"),
  gateway: namespaced("networking.istio.io", "v1beta1", "Gateway", "gateways"),
  knativeService: namespaced("serving.knative.dev", "v1", "Service", "services"),
  knativeRevision: namespaced("serving.knative.dev", "v1", "Revision", "revisions"),
  namespace: clusterScoped("", "v1", "Namespace", "namespaces"),
  crd: clusterScoped("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
} as const satisfies Record<string, ResourceType>;
