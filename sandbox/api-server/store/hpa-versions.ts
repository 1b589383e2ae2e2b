/**
 * HorizontalPodAutoscalers: stored as autoscaling/v2, served as v1, too. v1 knows only a CPU percentage; what it has no
 * field for travels in annotations, so that reading and writing v1 loses nothing.
 */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";

const PREFIX = "autoscaling.alpha.kubernetes.io/";
const METRICS = `${PREFIX}metrics`;
const BEHAVIOR = `${PREFIX}behavior`;
const CURRENT = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;

const isCpuPercentage = (metric: KubeFields): boolean =>
  metric?.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target?.type === "Utilization";

/** autoscaling/v1 from v2. */
export function hpaFromStorage(object: KubeObject): KubeObject {
  const { metrics = [], behavior, ...spec } = object.spec ?? {};
  const { currentMetrics, conditions, ...status } = object.status ?? {};
  const cpu = metrics.find(isCpuPercentage);
  const others = metrics.filter((metric: KubeFields) => metric !== cpu);
  const current = (currentMetrics ?? []).find((metric: KubeFields) => metric?.resource?.name === "cpu");
  const usage = current?.resource?.current?.averageUtilization;
  const notes = { [METRICS]: others, [BEHAVIOR]: behavior, [CURRENT]: currentMetrics, [CONDITIONS]: conditions };
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  for (const [name, value] of Object.entries(notes)) {
    const empty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    if (!empty) annotations[name] = JSON.stringify(value);
  }
  const metadata = { ...object.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) };
  const target = cpu?.resource?.target?.averageUtilization;
  return {
    ...object,
    metadata,
    spec: { ...spec, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    ...(object.status && {
      status: { ...status, ...(usage !== undefined && { currentCPUUtilizationPercentage: usage }) },
    }),
  };
}

/** autoscaling/v2 from v1. */
export function hpaToStorage(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = object.spec ?? {};
  const { currentCPUUtilizationPercentage: usage, ...status } = object.status ?? {};
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  const take = (name: string): KubeFields => {
    const text = annotations[name];
    delete annotations[name];
    return text === undefined ? undefined : parsed(text);
  };
  const others = take(METRICS) ?? [];
  const behavior = take(BEHAVIOR);
  const conditions = take(CONDITIONS);
  const currentMetrics = take(CURRENT) ?? (usage === undefined ? undefined : [cpuUsage(usage)]);
  const metrics = target === undefined ? others : [cpuTarget(target), ...others];
  const { annotations: _annotations, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...spec, ...(metrics.length > 0 && { metrics }), ...(behavior && { behavior }) },
    ...(object.status && {
      status: { ...status, ...(currentMetrics && { currentMetrics }), ...(conditions && { conditions }) },
    }),
  };
}

/** Users may write anything into annotations: what cannot be read is ignored. */
function parsed(text: string): KubeFields {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const cpuTarget = (averageUtilization: number) => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});

const cpuUsage = (averageUtilization: number) => ({
  type: "Resource",
  resource: { name: "cpu", current: { averageUtilization, averageValue: "0" } },
});
