/** Names of runs, and what a status remembers of its run. */

import { isRunning } from "../phases/table.ts";
import type { CanaryStatus, RunRef } from "../status/canary.ts";
import type { DecisionInput } from "../turn/turn.ts";

/** @returns the status with the name of its run, and without what belongs to an earlier run or step */
export function ofItsRun(input: DecisionInput, status: CanaryStatus): CanaryStatus {
  const { cause, paused, override, approved, offSplit, ...rest } = status;
  const running = isRunning(status.phase);
  const begins = running && beginsRun(input.status, status);
  const isPaused = paused !== undefined && (running || status.phase === "Waiting");
  // An override is given before its run begins, too.
  const isOver = isRunning(input.status.phase) && !running;
  const step = "step" in status ? status.step : 0;
  const isApproved = approved !== undefined && approved.step === step && isSameRun(input.status, status);
  return {
    ...rest,
    ...(begins ? { run: nameRun(input, status.applied?.spec ?? "") } : {}),
    ...(cause === undefined || running ? {} : { cause }),
    ...(isPaused ? { paused } : {}),
    ...(isOver || override === undefined ? {} : { override }),
    ...(isApproved ? { approved } : {}),
    ...(offSplit === undefined || begins ? {} : { offSplit }),
  } as CanaryStatus;
}

function beginsRun(from: CanaryStatus, to: CanaryStatus): boolean {
  return !isRunning(from.phase) || !isSameRun(from, to);
}

function isSameRun(from: CanaryStatus, to: CanaryStatus): boolean {
  return from.restarted?.at === to.restarted?.at;
}

/** A name of Kubernetes has at most 253 characters. The time and the revision take 25 of them. */
const LONGEST_NAME = 220;

/** e.g. "podinfo-20260101t000100-85d557": sorts by time, and fits a name of Kubernetes. */
function nameRun({ ref, now }: DecisionInput, revision: string): RunRef {
  const at = new Date(now)
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, "")
    .toLowerCase();
  const hash =
    revision
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "")
      .slice(0, 6) || "0";
  // A part of a name ends with a letter or a digit.
  const name = ref.name.slice(0, LONGEST_NAME).replace(/[^a-z0-9]+$/, "");
  return { id: `${name}-${at}-${hash}`, startedAt: now };
}
