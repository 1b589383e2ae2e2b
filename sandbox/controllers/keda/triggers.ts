/** What a ScaledObject measures, as metrics of the HorizontalPodAutoscaler that KEDA makes for it. Pure. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { formatQuantity, parseQuantity } from "../../quantity.ts";

/** A trigger that asks a Prometheus. */
export interface QueryTrigger {
  /** Of the metric in the HorizontalPodAutoscaler: "s0-prometheus", by the trigger's place in the list. */
  readonly metricName: string;
  /** "http://prometheus.istio-system:9090" */
  readonly server: string;
  readonly query: string;
  /** Beyond this value there is something to do. */
  readonly activation: number;
  /** An empty answer is an error, not a zero. */
  readonly strict: boolean;
}

export interface Triggers {
  readonly queries: readonly QueryTrigger[];
  /** For the HorizontalPodAutoscaler, resources last. */
  readonly metrics: readonly KubeFields[];
  readonly resourceNames: readonly string[];
  /** Each type once: "cpu,prometheus". */
  readonly types: string;
}

/** Names the ScaledObject in labels and in the selectors of its metrics. */
export const OWNER_LABEL = "scaledobject.keda.sh/name";

/** @throws Error that says which trigger the sandbox does not know, or what it lacks */
export function triggersOf(scaledObject: KubeObject): Triggers {
  const list: KubeFields[] = scaledObject.spec?.triggers ?? [];
  const queries: QueryTrigger[] = [];
  const external: KubeFields[] = [];
  const resources: KubeFields[] = [];
  for (const [i, trigger] of list.entries()) {
    if (trigger.type === "prometheus") {
      const query = queryTrigger(trigger, i);
      queries.push(query);
      const selector = { matchLabels: { [OWNER_LABEL]: scaledObject.metadata.name } };
      const metric = { name: query.metricName, selector };
      external.push({ type: "External", external: { metric, target: thresholdOf(trigger, i) } });
    } else if (trigger.type === "cpu") resources.push({ type: "Resource", resource: resourceOf(trigger, i) });
    else throw new Error(`trigger ${i}: the sandbox knows "prometheus" and "cpu", not "${trigger.type}"`);
  }
  return {
    queries,
    metrics: [...external, ...resources],
    resourceNames: resources.map(({ resource }) => resource.name),
    types: [...new Set(list.map(({ type }) => String(type)))].sort().join(","),
  };
}

function queryTrigger({ metadata = {} }: KubeFields, i: number): QueryTrigger {
  const { serverAddress, query, activationThreshold = "0", ignoreNullValues = "true" } = metadata;
  if (!serverAddress) throw new Error(`trigger ${i}: metadata.serverAddress is missing`);
  if (!query) throw new Error(`trigger ${i}: metadata.query is missing`);
  return {
    metricName: `s${i}-prometheus`,
    server: serverAddress,
    query,
    activation: numberOf(activationThreshold, "activationThreshold", i),
    strict: ignoreNullValues === "false",
  };
}

function thresholdOf({ metadata = {}, metricType = "AverageValue" }: KubeFields, i: number): KubeFields {
  const threshold = formatQuantity(numberOf(metadata.threshold, "threshold", i));
  if (metricType === "AverageValue") return { type: metricType, averageValue: threshold };
  if (metricType === "Value") return { type: metricType, value: threshold };
  throw new Error(`trigger ${i}: metricType "${metricType}" is not for queries`);
}

function resourceOf({ metadata = {}, metricType }: KubeFields, i: number): KubeFields {
  const type = metricType ?? metadata.type;
  if (type === "Utilization") {
    return { name: "cpu", target: { type, averageUtilization: numberOf(metadata.value, "value", i) } };
  }
  if (type === "AverageValue" && parseQuantity(metadata.value) !== undefined) {
    return { name: "cpu", target: { type, averageValue: metadata.value } };
  }
  throw new Error(`trigger ${i}: a cpu trigger needs a metricType of Utilization or AverageValue, and metadata.value`);
}

function numberOf(text: unknown, name: string, i: number): number {
  const number = Number(text);
  if (text === undefined || text === "" || Number.isNaN(number)) {
    throw new Error(`trigger ${i}: metadata.${name} must be a number, not ${JSON.stringify(text) ?? "missing"}`);
  }
  return number;
}
