/** The columns of pods. The status sums up init containers, waiting reasons and exit codes. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { ColumnList } from "./column.ts";
import { ageOf, duration, NONE, text, UNKNOWN, wide } from "./column.ts";

const statusesOf = (pod: KubeObject): KubeFields[] => pod.status?.containerStatuses ?? [];

function ready(pod: KubeObject): string {
  const count = statusesOf(pod).filter((status) => status.ready === true).length;
  return `${count}/${pod.spec?.containers?.length ?? 0}`;
}

/** What a container that does not run says about itself. */
function reasonOf({ state = {} }: KubeFields): string | undefined {
  if (state.waiting?.reason) return state.waiting.reason;
  if (state.terminated === undefined) return undefined;
  if (state.terminated.reason) return state.terminated.reason;
  const { signal, exitCode } = state.terminated;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function initReason(pod: KubeObject): string | undefined {
  const statuses: KubeFields[] = pod.status?.initContainerStatuses ?? [];
  for (const [index, status] of statuses.entries()) {
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (terminated !== undefined) return `Init:${reasonOf(status)}`;
    if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
    return `Init:${index}/${pod.spec?.initContainers?.length ?? statuses.length}`;
  }
  return undefined;
}

function phase(pod: KubeObject): string {
  const { status, metadata } = pod;
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  const initializing = initReason(pod);
  if (initializing !== undefined) return initializing;
  const reasons = statusesOf(pod).flatMap((container) => reasonOf(container) ?? []);
  const running = statusesOf(pod).some(
    (container) => container.state?.running !== undefined && container.ready === true,
  );
  const [reason = status?.reason ?? status?.phase ?? UNKNOWN] = reasons;
  return reason === "Completed" && running ? "Running" : reason;
}

function restarts(pod: KubeObject, nowMs: number): string {
  const statuses = statusesOf(pod);
  const count = statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  const ends = statuses.map(({ lastState }) => Date.parse(lastState?.terminated?.finishedAt ?? ""));
  const last = Math.max(...ends.filter((end) => !Number.isNaN(end)));
  return count === 0 || !Number.isFinite(last) ? String(count) : `${count} (${duration(nowMs - last)} ago)`;
}

function gates({ spec, status }: KubeObject): string {
  const all: KubeFields[] = spec?.readinessGates ?? [];
  if (all.length === 0) return NONE;
  const passed = all.filter(({ conditionType }) =>
    status?.conditions?.some(
      (condition: KubeFields) => condition.type === conditionType && condition.status === "True",
    ),
  );
  return `${passed.length}/${all.length}`;
}

export const podColumns: ColumnList = [
  text("Ready", "Ready containers of all containers.", ready),
  text("Status", "What the pod is doing.", phase),
  text("Restarts", "How often containers were started again.", restarts),
  text("Age", "Time since the object was created.", (pod, nowMs) => ageOf(pod.metadata.creationTimestamp, nowMs)),
  wide("IP", "Address of the pod.", ({ status }) => status?.podIP ?? NONE),
  wide("Node", "Where it runs.", ({ spec }) => spec?.nodeName ?? NONE),
  wide("Nominated Node", "Where it may run.", ({ status }) => status?.nominatedNodeName ?? NONE),
  wide("Readiness Gates", "Passed gates of all gates.", gates),
];
