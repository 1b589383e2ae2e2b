/**
 * Autoscalers: HorizontalPodAutoscalers, which do nothing while their target has no replicas, and KEDA's ScaledObjects,
 * which scale it up again unless they are paused. Those with a minimum of 0 take the last pod when there was no work
 * for a while, and give it back when there is.
 */
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Api } from "../api.ts";
import { valueAt } from "../curve.ts";
import type { Scenario } from "../scenario.ts";
import type { Schedule } from "../schedule.ts";
import type { Traffic } from "../traffic.ts";

export const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";

export interface AutoscalerPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly scenario: Scenario;
  readonly traffic: Traffic;
  readonly releasedAt: () => number | undefined;
}

/** The interval of their checks, as in Kubernetes. */
const PERIOD_MS = 15_000;
/** Requests per second for one pod. */
const LOAD_PER_POD = 40;
/** The last pod goes when there was no work for so long. */
const COOLDOWN_MS = 300_000;

export function watchAutoscalers(ports: AutoscalerPorts): void {
  const { api, schedule } = ports;
  /** By uid: since when there is no work. */
  const idle = new Map<string, number>();
  api.onChange(({ kind, type, object, old }) => {
    if (kind !== RESOURCES.hpa && kind !== RESOURCES.scaledObject) return;
    const ref = { type: kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
    const { uid } = object.metadata;
    if (type === "added") schedule.after(PERIOD_MS, () => tick(ref, uid));
    // KEDA reacts to its objects at once.
    const paused = old?.metadata.annotations?.[PAUSED_REPLICAS] !== object.metadata.annotations?.[PAUSED_REPLICAS];
    if (kind === RESOURCES.scaledObject && type === "modified" && paused) {
      schedule.after(100, () => scale(ref, idle, ports));
    }
  });

  function tick(ref: ObjectRef, uid: string | undefined): void {
    const found = api.get(ref);
    if (found === undefined || found.metadata.uid !== uid) return;
    scale(ref, idle, ports);
    schedule.after(PERIOD_MS, () => tick(ref, uid));
  }
}

function scale(ref: ObjectRef, idle: Map<string, number>, ports: AutoscalerPorts): void {
  const { api, schedule } = ports;
  const scaler = api.get(ref);
  const name: string = scaler?.spec?.scaleTargetRef?.name ?? "";
  const workload = { type: targetType(scaler), namespace: ref.namespace, name };
  const target = api.get(workload);
  if (scaler === undefined || target === undefined) return;
  const { spec, metadata } = scaler;
  const now: number = target.spec?.replicas ?? 1;
  const paused = metadata.annotations?.[PAUSED_REPLICAS];
  const isKeda = ref.type === RESOURCES.scaledObject;
  const [min, max] = [spec.minReplicas ?? spec.minReplicaCount ?? 1, spec.maxReplicas ?? spec.maxReplicaCount ?? 1];
  // An HPA with a minimum leaves a target that has no replicas alone; KEDA does not.
  if (now === 0 && !isKeda && min > 0) return;
  const load = loadOf(name, ports);
  if (isKeda && min === 0) tellActivity(ref, scaler, load > 0, api);
  const { uid = "" } = metadata;
  const since = load > 0 ? undefined : (idle.get(uid) ?? schedule.now());
  if (since === undefined) idle.delete(uid);
  else idle.set(uid, since);
  const isCold = since !== undefined && (now === 0 || schedule.now() - since >= COOLDOWN_MS);
  const least = min === 0 && !isCold ? 1 : min;
  const byLoad = Math.min(max, Math.max(least, Math.ceil(load / LOAD_PER_POD)));
  const wanted = isKeda && paused !== undefined ? Number(paused) : byLoad;
  if (wanted !== now) api.patch(workload, { spec: { replicas: wanted } }, {}, "cluster");
}

/** Requests per second. */
function loadOf(name: string, { traffic, releasedAt, schedule, scenario }: AutoscalerPorts): number {
  const { primary, canary } = traffic.split();
  const share = name.endsWith("-primary") ? primary : canary;
  const seconds = Math.max(0, schedule.now() - (releasedAt() ?? schedule.now())) / 1000;
  return (valueAt(scenario.rps, seconds, canary) * share) / 100;
}

function tellActivity(ref: ObjectRef, { status }: KubeObject, isActive: boolean, api: Api): void {
  const [active] = status?.conditions ?? [];
  const is = isActive ? "True" : "False";
  if (active?.status === is) return;
  const conditions = [{ type: "Active", status: is }];
  api.patch(ref, { status: { conditions } }, { subresource: "status" }, "cluster");
}

function targetType(scaler: KubeObject | undefined) {
  return scaler?.spec?.scaleTargetRef?.kind === "StatefulSet" ? RESOURCES.statefulSet : RESOURCES.deployment;
}
