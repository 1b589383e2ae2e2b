/** The columns of Services, autoscalers and events. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { selectorText } from "../selector-text.ts";
import type { ColumnList } from "./column.ts";
import { ageOf, NONE, text, UNKNOWN, wide } from "./column.ts";

function ports({ spec }: KubeObject): string {
  const all: KubeFields[] = spec?.ports ?? [];
  const words = all.map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ""}/${protocol}`);
  return words.length === 0 ? NONE : words.join(",");
}

function externalAddress({ spec, status }: KubeObject): string {
  if (spec?.type === "ExternalName") return spec.externalName ?? NONE;
  const balancers: KubeFields[] = status?.loadBalancer?.ingress ?? [];
  const all = [...balancers.map(({ ip, hostname }) => ip ?? hostname), ...(spec?.externalIPs ?? [])];
  if (all.length > 0) return all.join(",");
  return spec?.type === "LoadBalancer" ? "<pending>" : NONE;
}

export const serviceColumns: ColumnList = [
  text("Type", "How it is reached.", ({ spec }) => spec?.type ?? ""),
  text("Cluster-IP", "Address inside the cluster.", ({ spec }) => spec?.clusterIP ?? NONE),
  text("External-IP", "Address outside the cluster.", externalAddress),
  text("Port(s)", "Ports.", ports),
  "age",
  wide("Selector", "Labels of its pods.", ({ spec }) => selectorText(spec?.selector) || NONE),
];

/** "cpu: 20%/80%": what is measured, and what is wanted. */
function metricText(metric: KubeFields, current: KubeFields): string {
  const source = metric.resource ?? metric.pods ?? metric.object ?? metric.external ?? metric.containerResource ?? {};
  const { target = {} } = source;
  const now = (current?.resource ?? current?.pods ?? current?.object ?? current?.external)?.current ?? {};
  const name = metric.resource?.name ?? metric.containerResource?.name;
  const label = name === undefined ? "" : `${name}: `;
  if (target.averageUtilization !== undefined) {
    const value = now.averageUtilization === undefined ? UNKNOWN : `${now.averageUtilization}%`;
    return `${label}${value}/${target.averageUtilization}%`;
  }
  if (target.averageValue !== undefined) return `${label}${now.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${label}${now.value ?? UNKNOWN}/${target.value ?? UNKNOWN}`;
}

function targets({ spec, status }: KubeObject): string {
  const metrics: KubeFields[] = spec?.metrics ?? [];
  const all = metrics.map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
  if (all.length === 0) return NONE;
  return all.length <= 2 ? all.join(", ") : `${all.slice(0, 2).join(", ")} + ${all.length - 2} more...`;
}

/** Rows always come from the stored version, autoscaling/v2. */
export const hpaColumns: ColumnList = [
  text("Reference", "What is scaled.", ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`),
  text("Targets", "Measured and wanted values.", (hpa) => targets(hpa)),
  text("MinPods", "Fewest pods.", ({ spec }) => String(spec?.minReplicas ?? UNKNOWN)),
  text("MaxPods", "Most pods.", ({ spec }) => spec?.maxReplicas ?? 0),
  text("Replicas", "Pods now.", ({ status }) => status?.currentReplicas ?? 0),
  "age",
];

const involved = (event: KubeObject): KubeFields => event["involvedObject"] ?? event["regarding"] ?? {};
const source = (event: KubeObject): KubeFields => event["source"] ?? event["deprecatedSource"] ?? {};
const countOf = (event: KubeObject): number =>
  event["series"]?.count ?? event["count"] ?? event["deprecatedCount"] ?? 1;
const first = (event: KubeObject): string | undefined =>
  event["firstTimestamp"] ?? event["deprecatedFirstTimestamp"] ?? event["eventTime"] ?? undefined;
const last = (event: KubeObject): string | undefined =>
  event["series"]?.lastObservedTime ?? event["lastTimestamp"] ?? event["deprecatedLastTimestamp"] ?? first(event);

function objectText(event: KubeObject): string {
  const { kind = "", name = "" } = involved(event);
  return kind === "" ? name : `${kind.toLowerCase()}/${name}`;
}

const createdAt = (event: KubeObject) => event.metadata.creationTimestamp;

export const eventColumns: ColumnList = [
  text("Last Seen", "Time since it last happened.", (event, nowMs) => {
    const age = ageOf(last(event) ?? createdAt(event), nowMs);
    const count = countOf(event);
    return count > 1 ? `${age} (x${count} over ${ageOf(first(event) ?? createdAt(event), nowMs)})` : age;
  }),
  text("Type", "Normal or Warning.", (event) => event["type"] ?? ""),
  text("Reason", "Why it was told.", (event) => event["reason"] ?? ""),
  text("Object", "What it is about.", objectText),
  wide("Subobject", "Which part.", (event) => involved(event).fieldPath ?? ""),
  wide("Source", "Who tells.", (event) => source(event).component ?? event["reportingComponent"] ?? ""),
  text("Message", "What happened.", (event) => String(event["message"] ?? event["note"] ?? "").trim()),
  wide("First Seen", "Time since it first happened.", (event, nowMs) => ageOf(first(event) ?? createdAt(event), nowMs)),
  wide("Count", "How often.", countOf),
  wide("Name", "Name of the event.", ({ metadata }) => metadata.name),
];
