/**
 * How KEDA itself scales a target. From the minimum to the maximum the HorizontalPodAutoscaler decides. Between zero
 * and the minimum KEDA decides: a target with an active trigger gets the minimum, others get nothing. Pure.
 */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import type { NewCondition } from "../conditions.ts";

export interface Activity {
  readonly spec: KubeFields;
  readonly current: number;
  /** A trigger says that there is something to do. */
  readonly active: boolean;
  /** A trigger could not be asked. */
  readonly failed: boolean;
  /** Milliseconds since 1970, as the next ones. */
  readonly now: number;
  readonly createdAt: number;
  readonly activeAt: number | undefined;
}

export interface Verdict {
  /** The size to give to the target; undefined: it is left alone. */
  readonly replicas?: number;
  /** There was something to do just now. */
  readonly busy: boolean;
  readonly conditions: readonly NewCondition[];
}

const COOLDOWN_SECONDS = 300;

const ready: NewCondition = {
  type: "Ready",
  status: "True",
  reason: "ScaledObjectReady",
  message: "ScaledObject is defined correctly and is ready for scaling",
};
const condition = (type: string, status: NewCondition["status"], reason: string, message: string): NewCondition => ({
  type,
  status,
  reason,
  message,
});

export function judgeActivity(activity: Activity): Verdict {
  return activity.active ? awake(activity) : idle(activity);
}

function awake({ spec, current, failed }: Activity): Verdict {
  const least: number = spec.minReplicaCount ?? 0;
  const active = condition("Active", "True", "ScalerActive", "Scaling is performed because triggers are active");
  if (current === 0 || (spec.idleReplicaCount !== undefined && current < least)) {
    return { replicas: Math.max(1, least), busy: true, conditions: [ready, active] };
  }
  const partly = "Some triggers defined in ScaledObject are not working correctly";
  return failed
    ? { busy: false, conditions: [condition("Ready", "Unknown", "PartialTriggerError", partly), active] }
    : { busy: true, conditions: [ready, active] };
}

function idle(activity: Activity): Verdict {
  const { spec, current, failed } = activity;
  const least: number = spec.minReplicaCount ?? 0;
  const resting: number | undefined = spec.idleReplicaCount;
  const message = "Scaling is not performed because triggers are not active";
  const inactive = condition("Active", "False", "ScalerNotActive", message);
  if (failed) {
    const broken = "Triggers defined in ScaledObject are not working correctly";
    return { busy: false, conditions: [condition("Ready", "False", "TriggerError", broken), inactive] };
  }
  if (resting === undefined ? current > 0 && least === 0 : current > resting) {
    if (hasCooledDown(activity)) return { replicas: resting ?? 0, busy: false, conditions: [ready, inactive] };
    const cooling = "Scaler cooling down because triggers are not active";
    return { busy: false, conditions: [ready, condition("Active", "False", "ScalerCooldown", cooling)] };
  }
  if (resting === undefined && current < least) return { replicas: least, busy: false, conditions: [ready, inactive] };
  return { busy: false, conditions: [ready, inactive] };
}

/** A target without a known activity has no cool-down. */
function hasCooledDown({ spec, now, createdAt, activeAt }: Activity): boolean {
  if (activeAt === undefined) return createdAt + (spec.initialCooldownPeriod ?? 0) * 1000 <= now;
  return activeAt + (spec.cooldownPeriod ?? COOLDOWN_SECONDS) * 1000 <= now;
}
