/** The progress that controllers report for the target and for the primary, in the words of events. */

import { isRunning } from "../../core/phases/table.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { PrimaryReading } from "../../core/turn/observation.ts";
import { startOf } from "../../core/turn/waits.ts";
import type { ObjectRef } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { getQueryError } from "../not-found.ts";
import { isRestorable, keptRevisions, promotionIdOf } from "./kept.ts";
import type { CopiedKind, ReadinessRule, RolloutReading } from "./kind.ts";
import { unfinished, WAITING } from "./unfinished.ts";

/** @param emptied why the object wants no pods, though users need them; absent: it wants pods, or is right not to */
export function rollout(
  which: "primary" | "canary",
  object: WorkloadObject,
  { spec, status }: Canary,
  now: number,
  kind: CopiedKind,
  emptied?: string,
): RolloutReading {
  const { analysis, progressDeadlineSeconds } = spec;
  const rule = {
    progressDeadlineSeconds,
    thresholdPercent: which === "primary" ? analysis.primaryReadyThreshold : analysis.canaryReadyThreshold,
    ...deadlinesOf({ status, spec }),
    now,
  };
  // The controller of an object that wants no pods is content: the operator sets the deadline.
  const { readiness, recheckAt } =
    emptied === undefined ? kind.readiness(object, rule) : unfinished(rule.giveUpAt, rule.now, emptied);
  if (readiness.kind === "ready") return { readiness };
  const { name, namespace = "" } = object.metadata;
  const detail = kind.wrap(which, name, namespace, readiness.detail, readiness.kind === "stuck");
  return {
    readiness: { kind: readiness.kind, detail, ...progressOf(readiness.detail) },
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}

function progressOf(detail: string): { readonly progress?: string } {
  return detail.startsWith(WAITING) ? { progress: detail.slice(WAITING.length) } : {};
}

type Deadlines = Required<Pick<ReadinessRule, "giveUpAt" | "giveUpAtLast">>;

/** A limit that holds despite progress: pods that crash again and again make progress, too. */
const MOST_DEADLINES = 10;

/**
 * When a rollout that makes no progress is given up. Progress is: a new phase, a new target of the current wait, and
 * every write of the status, because a wait is written when its text changes, and the text counts pods. So pods that
 * are replaced one by one have a deadline each. Milliseconds since the epoch; undefined while nothing is rolled out.
 */
export function giveUpAt(canary: Pick<Canary, "status" | "spec">): number | undefined {
  return deadlinesOf(canary)?.giveUpAt;
}

function deadlinesOf({ status, spec }: Pick<Canary, "status" | "spec">): Deadlines | undefined {
  // A Canary that waits for approval cannot start while its primary does not come up, and would wait without end.
  const { phase, phaseSince, writtenAt } = status;
  const waits = phase === "Initializing" || phase === "Waiting" || phase === "Terminating";
  if (!isRunning(phase) && !waits) return undefined;
  const begun = "hold" in status ? Math.max(phaseSince, startOf(status.hold, spec.analysis.intervalMs)) : phaseSince;
  const deadlineMs = spec.progressDeadlineSeconds * 1000;
  const giveUpAtLast = begun + MOST_DEADLINES * deadlineMs;
  return { giveUpAt: Math.min(Math.max(begun, writtenAt) + deadlineMs, giveUpAtLast), giveUpAtLast };
}

export function primaryRollout(
  canary: Canary,
  ref: ObjectRef,
  target: WorkloadObject,
  seen: Snapshot,
  now: number,
  kind: CopiedKind,
): { readonly reading: PrimaryReading; readonly recheckAt?: number } {
  const primary: WorkloadObject | undefined = seen.get(ref);
  if (primary === undefined) {
    const detail = kind.wrap("primary", ref.name, ref.namespace, getQueryError(ref), false);
    return { reading: { exists: false, readiness: { kind: "progressing", detail }, available: 0 } };
  }
  const emptied = kind.emptied(primary, target, canary, seen);
  const { readiness, recheckAt } = rollout("primary", primary, canary, now, kind, emptied);
  const promotionId = promotionIdOf(primary);
  const { status } = canary;
  const { run, previous, earlier } = keptRevisions(primary);
  return {
    reading: {
      exists: true,
      readiness,
      available: kind.available(primary),
      ...(emptied === undefined ? {} : { emptied: true }),
      ...(promotionId === undefined ? {} : { promotionId }),
      ...(run === undefined ? {} : { run }),
      ...(previous === undefined ? {} : { previous }),
      ...(earlier.length === 0 ? {} : { earlier }),
      ...(status.phase === "Failed" ? { restorable: isRestorable(primary, status) } : {}),
    },
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}
