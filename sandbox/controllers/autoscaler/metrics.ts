/** How many replicas a metric asks for: pure arithmetic over what the pods of the target use. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { formatQuantity, parseQuantity } from "../../quantity.ts";
import { isActive, isReady } from "../pods.ts";

/** What one pod uses right now. */
export interface PodUsage {
  /** Thousandths of a CPU. */
  readonly cpuMillis: number;
  readonly requestsPerSecond: number;
}

/** Where usage comes from; undefined: nothing is known about the pod (yet). */
export type UsageSource = (namespace: string, pod: string) => PodUsage | undefined;

/** Where the values of External metrics come from; undefined: nothing is known of it (yet). */
export type ExternalSource = (namespace: string, name: string, selector: KubeFields) => number | undefined;

export interface Sources {
  readonly usage: UsageSource;
  /** Of one autoscaler's namespace. */
  readonly external: ((name: string, selector: KubeFields) => number | undefined) | undefined;
}

export type Proposal =
  | { readonly kind: "replicas"; readonly replicas: number; readonly current: KubeFields; readonly name: string }
  | { readonly kind: "unavailable"; readonly reason: string; readonly message: string };

/** Within this share of the target nothing is scaled. */
const TOLERANCE = 0.1;

/** @param pods all pods of the target @param replicas its current size */
export function propose(
  metric: KubeFields,
  pods: readonly KubeObject[],
  replicas: number,
  { usage, external }: Sources,
): Proposal {
  const active = pods.filter(isActive);
  const ready = active.filter(isReady);
  if (metric.type === "External" && external !== undefined) {
    const { name, selector } = metric.external?.metric ?? {};
    const value = external(name, selector);
    if (value !== undefined) return whole(metric, ready.length, value, replicas);
    const message = `unable to get external metric ${name}: no answer from the metrics server`;
    return { kind: "unavailable", reason: "FailedGetExternalMetric", message };
  }
  const sampled = ready.flatMap((pod) => {
    const sample = usage(pod.metadata.namespace ?? "", pod.metadata.name);
    return sample === undefined ? [] : [{ pod, sample }];
  });
  const missing = (what: string): Proposal => ({
    kind: "unavailable",
    reason: `FailedGet${what}Metric`,
    message: `unable to get metrics for ${what.toLowerCase()}: no metrics returned from the pods of the target`,
  });
  if (sampled.length === 0) return missing(metric.type);
  switch (metric.type) {
    case "Resource":
    case "ContainerResource":
      return cpu(metric, active.length - ready.length, sampled, replicas);
    case "Pods": {
      const target = parseQuantity(metric.pods?.target?.averageValue) ?? 0;
      const total = sampled.reduce((sum, { sample }) => sum + sample.requestsPerSecond, 0);
      const current = { averageValue: formatQuantity(total / sampled.length) };
      const name = `pods metric ${metric.pods?.metric?.name}`;
      const wanted = scaled(total / sampled.length / target, sampled.length, active.length - ready.length, replicas);
      return {
        kind: "replicas",
        replicas: wanted,
        name,
        current: { type: "Pods", pods: { metric: metric.pods?.metric, current } },
      };
    }
    case "Object":
    case "External":
      return whole(
        metric,
        ready.length,
        sampled.reduce((sum, { sample }) => sum + sample.requestsPerSecond, 0),
        replicas,
      );
    default:
      return {
        kind: "unavailable",
        reason: "InvalidMetricSourceType",
        message: `unknown metric type "${metric.type}"`,
      };
  }
}

type Sampled = readonly { readonly pod: KubeObject; readonly sample: PodUsage }[];

function cpu(metric: KubeFields, unready: number, sampled: Sampled, replicas: number): Proposal {
  const source = metric.resource ?? metric.containerResource ?? {};
  const field = metric.type === "Resource" ? "resource" : "containerResource";
  if (source.name !== "cpu") {
    const message = `the sandbox measures only cpu, not ${source.name}`;
    return { kind: "unavailable", reason: `FailedGet${metric.type}Metric`, message };
  }
  const total = sampled.reduce((sum, { sample }) => sum + sample.cpuMillis, 0);
  const averageValue = formatQuantity(total / sampled.length / 1000);
  const name = "cpu resource utilization (percentage of request)";
  if (source.target?.type !== "Utilization") {
    const target = (parseQuantity(source.target?.averageValue) ?? 0) * 1000;
    const wanted = scaled(total / sampled.length / target, sampled.length, unready, replicas);
    return {
      kind: "replicas",
      replicas: wanted,
      name: "cpu resource",
      current: { type: metric.type, [field]: { name: "cpu", current: { averageValue } } },
    };
  }
  const requested = sampled.reduce((sum, { pod }) => sum + requestedMillis(pod), 0);
  if (requested === 0) {
    return {
      kind: "unavailable",
      reason: "FailedGetResourceMetric",
      message: "missing request for cpu in the pods of the target",
    };
  }
  const utilization = Math.trunc((total * 100) / requested);
  const wanted = scaled(utilization / (source.target.averageUtilization ?? 80), sampled.length, unready, replicas);
  const current = { averageUtilization: utilization, averageValue };
  return {
    kind: "replicas",
    replicas: wanted,
    name,
    current: { type: metric.type, [field]: { name: "cpu", current } },
  };
}

function requestedMillis(pod: KubeObject): number {
  const containers: KubeFields[] = pod.spec?.containers ?? [];
  const cpuOf = ({ requests, limits }: KubeFields) => parseQuantity(requests?.cpu ?? limits?.cpu ?? 0) ?? 0;
  return containers.reduce((sum, container) => sum + cpuOf(container.resources ?? {}), 0) * 1000;
}

/** A number for the whole target: requests per second of all its pods. */
function whole(metric: KubeFields, ready: number, total: number, replicas: number): Proposal {
  const field = metric.type === "Object" ? "object" : "external";
  const source = metric[field] ?? {};
  const perPod = parseQuantity(source.target?.averageValue);
  const value = parseQuantity(source.target?.value);
  const name = `${field} metric ${source.metric?.name}`;
  const described = {
    metric: source.metric,
    ...(source.describedObject && { describedObject: source.describedObject }),
  };
  if (perPod !== undefined) {
    const ratio = total / (perPod * Math.max(1, replicas));
    const wanted = Math.abs(1 - ratio) <= TOLERANCE ? replicas : Math.ceil(total / perPod - 1e-9);
    const current = { averageValue: formatQuantity(total / Math.max(1, ready)) };
    return {
      kind: "replicas",
      replicas: wanted,
      name,
      current: { type: metric.type, [field]: { ...described, current } },
    };
  }
  const ratio = total / (value ?? 1);
  const wanted = Math.abs(1 - ratio) <= TOLERANCE ? replicas : Math.ceil(ratio * ready - 1e-9);
  const current = { value: formatQuantity(total) };
  return {
    kind: "replicas",
    replicas: wanted,
    name,
    current: { type: metric.type, [field]: { ...described, current } },
  };
}

/** Pods that are not ready yet count as idle when growing, so that a start-up does not ask for still more pods. */
function scaled(ratio: number, measured: number, unready: number, replicas: number): number {
  if (Math.abs(1 - ratio) <= TOLERANCE) return replicas;
  if (ratio < 1 || unready === 0) return Math.ceil(ratio * measured - 1e-9);
  const cautious = (ratio * measured) / (measured + unready);
  return cautious <= 1 + TOLERANCE ? replicas : Math.ceil(cautious * (measured + unready) - 1e-9);
}
