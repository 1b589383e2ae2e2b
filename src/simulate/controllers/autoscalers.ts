/**
 * Autoscalers: HorizontalPodAutoscalers, which do nothing while their target has no replicas, and KEDA's ScaledObjects,
 * which scale it up again unless they are paused.
 */
import { type KubeFields, type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
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

export function watchAutoscalers(ports: AutoscalerPorts): void {
  const { api, schedule } = ports;
  api.onChange(({ kind, type, object, old }) => {
    if (kind !== RESOURCES.hpa && kind !== RESOURCES.scaledObject) return;
    const ref = { type: kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
    const { uid } = object.metadata;
    if (type === "added") schedule.after(PERIOD_MS, () => tick(ref, uid));
    // KEDA reacts to its objects at once.
    const paused = old?.metadata.annotations?.[PAUSED_REPLICAS] !== object.metadata.annotations?.[PAUSED_REPLICAS];
    if (kind === RESOURCES.scaledObject && type === "modified" && paused) {
      schedule.after(100, () => scale(ref, ports));
    }
  });

  function tick(ref: ObjectRef, uid: string | undefined): void {
    const found = api.get(ref);
    if (found === undefined || found.metadata.uid !== uid) return;
    scale(ref, ports);
    schedule.after(PERIOD_MS, () => tick(ref, uid));
  }
}

function scale(ref: ObjectRef, ports: AutoscalerPorts): void {
  const { api, scenario } = ports;
  const scaler = api.get(ref);
  const name: string = scaler?.spec?.scaleTargetRef?.name ?? "";
  const workload = { type: targetType(scaler), namespace: ref.namespace, name };
  const target = api.get(workload);
  if (scaler === undefined || target === undefined) return;
  const now: number = target.spec?.replicas ?? 1;
  const paused = scaler.metadata.annotations?.[PAUSED_REPLICAS];
  const isKeda = ref.type === RESOURCES.scaledObject;
  // An HPA does not scale a target that has no replicas; KEDA does.
  if (now === 0 && !isKeda) return;
  const wanted = isKeda && paused !== undefined ? Number(paused) : wantedBy(scaler.spec, name, ports);
  if (wanted !== now) api.patch(workload, { spec: { replicas: wanted } }, {}, "cluster");

  function wantedBy(spec: KubeFields, of: string, { traffic, releasedAt, schedule }: AutoscalerPorts): number {
    const { primary, canary } = traffic.split();
    const share = of.endsWith("-primary") ? primary : canary;
    const seconds = Math.max(0, schedule.now() - (releasedAt() ?? schedule.now())) / 1000;
    const load = (valueAt(scenario.rps, seconds, canary) * share) / 100;
    const [min, max] = [spec.minReplicas ?? spec.minReplicaCount ?? 1, spec.maxReplicas ?? spec.maxReplicaCount ?? 1];
    return Math.min(max, Math.max(min, Math.ceil(load / LOAD_PER_POD)));
  }
}

function targetType(scaler: KubeObject | undefined) {
  return scaler?.spec?.scaleTargetRef?.kind === "StatefulSet" ? RESOURCES.statefulSet : RESOURCES.deployment;
}
