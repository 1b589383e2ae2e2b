/** The columns of what runs pods. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { selectorText } from "../selector-text.ts";
import type { ColumnList } from "./column.ts";
import { ageOf, type Column, duration, labelsText, NONE, text, UNKNOWN, wide } from "./column.ts";

const containersOf = ({ spec }: KubeObject): KubeFields[] =>
  (spec?.template ?? spec?.jobTemplate?.spec?.template)?.spec?.containers ?? [];

const templateColumns: readonly Column[] = [
  wide("Containers", "Names of the containers.", (object) =>
    containersOf(object)
      .map(({ name }) => name)
      .join(","),
  ),
  wide("Images", "Images of the containers.", (object) =>
    containersOf(object)
      .map(({ image }) => image)
      .join(","),
  ),
];

const selector = wide("Selector", "Labels of its pods.", ({ spec }) => selectorText(spec?.selector) || NONE);

const count = (name: string, description: string, cell: (object: KubeObject) => number | undefined): Column =>
  text(name, description, (object) => cell(object) ?? 0, { type: "integer" });

export const deploymentColumns: ColumnList = [
  text(
    "Ready",
    "Ready pods of wanted pods.",
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
  ),
  count("Up-to-date", "Pods of the newest template.", ({ status }) => status?.updatedReplicas),
  count("Available", "Pods that serve.", ({ status }) => status?.availableReplicas),
  "age",
  ...templateColumns,
  selector,
];

export const replicaSetColumns: ColumnList = [
  count("Desired", "Wanted pods.", ({ spec }) => spec?.replicas),
  count("Current", "Pods.", ({ status }) => status?.replicas),
  count("Ready", "Ready pods.", ({ status }) => status?.readyReplicas),
  "age",
  ...templateColumns,
  selector,
];

export const statefulSetColumns: ColumnList = [
  text(
    "Ready",
    "Ready pods of wanted pods.",
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
  ),
  "age",
  ...templateColumns,
];

export const daemonSetColumns: ColumnList = [
  count("Desired", "Nodes that should run it.", ({ status }) => status?.desiredNumberScheduled),
  count("Current", "Nodes that run it.", ({ status }) => status?.currentNumberScheduled),
  count("Ready", "Nodes whose pod is ready.", ({ status }) => status?.numberReady),
  count("Up-to-date", "Pods of the newest template.", ({ status }) => status?.updatedNumberScheduled),
  count("Available", "Pods that serve.", ({ status }) => status?.numberAvailable),
  text("Node Selector", "Which nodes.", ({ spec }) => labelsText(spec?.template?.spec?.nodeSelector)),
  "age",
  ...templateColumns,
  selector,
];

function jobStatus({ spec, status, metadata }: KubeObject): string {
  const has = (type: string) =>
    status?.conditions?.some((condition: KubeFields) => condition.type === type && condition.status === "True");
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  return spec?.suspend === true ? "Suspended" : "Running";
}

function jobDuration({ status }: KubeObject, nowMs: number): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return duration(end - Date.parse(status.startTime));
}

export const jobColumns: ColumnList = [
  text("Status", "How it stands.", jobStatus),
  text(
    "Completions",
    "Finished of wanted.",
    ({ spec, status }) => `${status?.succeeded ?? 0}/${spec?.completions ?? 1}`,
  ),
  text("Duration", "Time it took.", jobDuration),
  "age",
  ...templateColumns,
  selector,
];

export const cronJobColumns: ColumnList = [
  text("Schedule", "When it runs.", ({ spec }) => spec?.schedule ?? ""),
  text("Timezone", "Time zone of the schedule.", ({ spec }) => spec?.timeZone ?? NONE),
  text("Suspend", "Whether it pauses.", ({ spec }) => (spec?.suspend === true ? "True" : "False")),
  count("Active", "Running jobs.", ({ status }) => status?.active?.length),
  text("Last Schedule", "When it ran.", ({ status }, nowMs) => {
    const age = ageOf(status?.lastScheduleTime, nowMs);
    return age === UNKNOWN ? NONE : age;
  }),
  "age",
  ...templateColumns,
];
