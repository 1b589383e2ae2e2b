import type { CanaryRef } from "../core/spec/spec.ts";
import type { Canary, CanaryStatus } from "../core/status/canary.ts";

/** A Canary whose spec cannot be used: why, as the text of the event. Its routes and workloads stay as they are. */
export interface InvalidCanary {
  readonly kind: "invalid";
  readonly ref: CanaryRef;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly problem: string;
}

/** A Canary that can take a turn, or one whose spec or status is refused. */
export type Loaded =
  /** `doubts`: what is accepted, but cannot be meant; texts of Warning events. */
  { readonly kind: "canary"; readonly canary: Canary; readonly doubts?: readonly string[] } | InvalidCanary;

/** Where Canaries are kept. `save` is the commit point of a turn. */
export interface CanaryStore {
  /** Says in the condition why the spec is refused; everything else in the status stays. */
  refuse(invalid: InvalidCanary, now: number, signal: AbortSignal): Promise<void>;
  /** undefined when there is no such Canary (any more). */
  load(ref: CanaryRef): Loaded | undefined;
  /**
   * Compare and set.
   * @returns the Canary as it is now stored
   * @throws KubeError Conflict when another writer wrote since `canary` was loaded
   */
  save(canary: Canary, status: CanaryStatus, signal: AbortSignal): Promise<Canary>;
  /**
   * Writes nothing, but checks that `canary` is still current: to act on an older Canary would undo another writer's
   * work.
   * @throws KubeError Conflict when another writer wrote since `canary` was loaded
   */
  confirm(canary: Canary, signal: AbortSignal): Promise<void>;
  /** Adds or removes the operator's finalizer. */
  setFinalizer(canary: Canary, present: boolean, signal: AbortSignal): Promise<void>;
}
