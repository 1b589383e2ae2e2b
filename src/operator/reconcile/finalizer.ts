/** `revertOnDeletion`: a finalizer keeps the Canary until everything was handed back. */
import type { Canary, CanaryStatus } from "../../core/status/canary.ts";
import { EVENTS } from "../../core/texts/events.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { CanaryStore } from "../../ports/store.ts";

export const FINALIZER = "finalizer.flagger.app";

interface FinalizerPorts {
  readonly store: CanaryStore;
  readonly recorder: Recorder;
}

/**
 * Adds or removes the finalizer, as the spec asks.
 * @returns "written": the next turn goes on; "leaves": the Canary is being deleted, and nothing is handed back
 */
export async function ensureFinalizer(
  canary: Canary,
  { store }: FinalizerPorts,
  signal: AbortSignal,
): Promise<"unchanged" | "written" | "leaves"> {
  const present = canary.finalizers.includes(FINALIZER);
  if (canary.deleting && !present) return "leaves";
  const wanted = canary.spec.revertOnDeletion;
  if (present === wanted) return "unchanged";
  // `revertOnDeletion` was set after the deletion was asked for: the Canary is deleted without a hand-back.
  if (wanted && canary.deleting) return "leaves";
  await store.setFinalizer(canary, wanted, signal);
  return "written";
}

/**
 * Removes the finalizer once everything was handed back.
 * @returns whether it was removed: then the Canary needs no further turn
 */
export async function removeFinalizer(
  canary: Canary,
  status: CanaryStatus,
  { store, recorder }: FinalizerPorts,
  signal: AbortSignal,
): Promise<boolean> {
  if (!canary.deleting || status.phase !== "Terminating" || !status.handedBack) return false;
  await store.setFinalizer(canary, false, signal);
  recorder.announce(canary, { ...EVENTS.terminated(canary).event, phase: status.phase });
  return true;
}
