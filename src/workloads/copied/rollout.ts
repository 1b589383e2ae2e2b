/** How far the controllers have come with the target and with the primary, in the words of events. */
import { type Canary, type CanaryStatus, isRunning } from "../../core/canary.ts";
import type { PrimaryReading } from "../../core/observation.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { getQueryError } from "../not-found.ts";
import type { CopiedKind, RolloutReading } from "./kind.ts";
import { isRestorable, promotionIdOf } from "./primary.ts";

export function rollout(
  which: "primary" | "canary",
  object: KubeObject,
  { spec, status }: Canary,
  now: number,
  kind: CopiedKind,
): RolloutReading {
  const { analysis, progressDeadlineSeconds } = spec;
  const since = gotOnAt(status, analysis.intervalMs);
  const { readiness, recheckAt } = kind.readiness(object, {
    progressDeadlineSeconds,
    thresholdPercent: which === "primary" ? analysis.primaryReadyThreshold : analysis.canaryReadyThreshold,
    ...(since === undefined ? {} : { giveUpAt: since + progressDeadlineSeconds * 1000 }),
    now,
  });
  if (readiness.kind === "ready") return { readiness };
  const { name, namespace = "" } = object.metadata;
  const detail = kind.wrap(which, name, namespace, readiness.detail, readiness.kind === "stuck");
  return { readiness: { kind: readiness.kind, detail }, ...(recheckAt === undefined ? {} : { recheckAt }) };
}

/**
 * When the rollout last got on: when its phase began, or the check that it waits for now was set. A long run, in which a
 * pod goes missing late, is not given up for that at once. undefined while nothing is rolled out.
 */
export function gotOnAt(status: CanaryStatus, intervalMs: number): number | undefined {
  // One that waits for approval cannot begin with a primary that does not come up, and would wait for it without end.
  const { phase } = status;
  if (!isRunning(phase) && phase !== "Initializing" && phase !== "Waiting") return undefined;
  return "holdUntil" in status ? Math.max(status.phaseSince, status.holdUntil - intervalMs) : status.phaseSince;
}

export function primaryRollout(
  canary: Canary,
  ref: ObjectRef,
  seen: Snapshot,
  now: number,
  kind: CopiedKind,
): { readonly reading: PrimaryReading; readonly recheckAt?: number } {
  const primary = seen.get(ref);
  if (primary === undefined) {
    const detail = kind.wrap("primary", ref.name, ref.namespace, getQueryError(ref), false);
    return { reading: { exists: false, readiness: { kind: "progressing", detail }, available: 0 } };
  }
  const { readiness, recheckAt } = rollout("primary", primary, canary, now, kind);
  const promotionId = promotionIdOf(primary);
  return {
    reading: {
      exists: true,
      readiness,
      available: kind.available(primary),
      ...(promotionId === undefined ? {} : { promotionId }),
      ...(canary.status.phase === "Failed" ? { restorable: isRestorable(primary) } : {}),
    },
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}
