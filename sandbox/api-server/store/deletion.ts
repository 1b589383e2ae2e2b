/** How the deletion of an object begins: finalizers, propagation, grace period. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { copyOf } from "./json.ts";

export type Propagation = "Background" | "Foreground" | "Orphan";

export interface DeleteOptions {
  /** What happens to dependents; the kind's default when absent. The garbage collector does the work. */
  readonly propagation?: Propagation;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Seconds for a pod to stop in; its own terminationGracePeriodSeconds when absent. */
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: boolean;
}

export interface Deletion {
  /** The last state, or the state with its deletionTimestamp. */
  readonly object: KubeObject;
  /** False while finalizers keep the object. */
  readonly removed: boolean;
}

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/** Kinds from the early days leave their pods behind unless told otherwise. */
const ORPHANING: ReadonlySet<string> = new Set(["batch/v1/Job", "v1/ReplicationController"]);

/** The object as it looks once its deletion has begun. @param now RFC 3339 */
export function doomed(live: KubeObject, options: DeleteOptions, now: string): KubeObject {
  const draft = copyOf(live);
  const finalizers = finalizersFor(live, options.propagation);
  if (finalizers.length > 0) draft.metadata.finalizers = finalizers;
  else delete draft.metadata.finalizers;
  const grace = gracePeriod(live, options);
  if (draft.metadata.deletionTimestamp === undefined) {
    draft.metadata.deletionTimestamp = now;
    draft.metadata.deletionGracePeriodSeconds = grace;
    if (draft.metadata.generation !== undefined) draft.metadata.generation += 1;
    if (draft.kind === "Namespace" && draft.apiVersion === "v1")
      draft.status = { ...draft.status, phase: "Terminating" };
  } else if (options.gracePeriodSeconds !== undefined) {
    draft.metadata.deletionGracePeriodSeconds = Math.min(grace, draft.metadata.deletionGracePeriodSeconds ?? grace);
  }
  return draft;
}

function finalizersFor(live: KubeObject, propagation: Propagation | undefined): string[] {
  const before = live.metadata.finalizers ?? [];
  const wanted = propagation ?? (ORPHANING.has(`${live.apiVersion}/${live.kind}`) ? "Orphan" : undefined);
  // Without options, what an earlier deletion or the object's author asked for stays.
  if (wanted === undefined) return before;
  const others = before.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (wanted === "Foreground") return [...others, FOREGROUND];
  return wanted === "Orphan" ? [...others, ORPHAN] : others;
}

/** Only pods have a grace period. */
function gracePeriod(live: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (live.apiVersion !== "v1" || live.kind !== "Pod") return 0;
  return gracePeriodSeconds ?? live.spec?.terminationGracePeriodSeconds ?? 30;
}
