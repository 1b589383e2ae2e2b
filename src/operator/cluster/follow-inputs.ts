/** What a turn reads of the cluster is followed first, and large objects are worked through in pieces. */

import type { CanaryRef } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { ObjectRef } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Adapters } from "../adapters.ts";
import { KindMissing } from "./read-failure.ts";
import type { FreshSnapshot } from "./read-your-writes.ts";

export interface FollowPorts {
  readonly snapshot: FreshSnapshot;
  /** Resolves when every object named can be read from the snapshot; `canary` is woken when one of them changes. */
  readonly follow: (canary: CanaryRef, refs: readonly ObjectRef[], signal: AbortSignal) => Promise<void>;
  /** Whether these objects are followed already, and can be read now; absent: never. */
  readonly isFollowing?: (canary: CanaryRef, refs: readonly ObjectRef[]) => boolean;
  /** Whether the object is not in memory before the Canary follows it: see Follower.isLeftOut; absent: never. */
  readonly isLeftOut?: (ref: ObjectRef) => boolean;
  /** Does long works in pieces, and gives way to others between them; absent: all in one. See inPieces. */
  readonly inPieces?: (works: readonly (() => unknown)[]) => Promise<void> | undefined;
}

/** @param more what is looked at beside what the adapters read */
export async function followAndDigest(
  canary: Canary,
  adapters: Adapters,
  more: readonly ObjectRef[],
  ports: FollowPorts,
  signal: AbortSignal,
): Promise<void> {
  await followInputs(canary, adapters, more, ports, signal);
  const pieces = ports.inPieces?.(adapters.workload.digests?.(canary, ports.snapshot) ?? []);
  if (pieces === undefined) return;
  await pieces;
  // Other objects may have come meanwhile.
  await followInputs(canary, adapters, more, ports, signal);
}

/** The snapshot without the objects that are left out of memory: a cache throws when it is asked for one of them. */
export function inMemory(snapshot: Snapshot, isLeftOut: (ref: ObjectRef) => boolean = () => false): Snapshot {
  return { ...snapshot, get: (ref) => (isLeftOut(ref) ? undefined : snapshot.get(ref)) };
}

/**
 * The objects to read depend on objects that were read (a pod template names its ConfigMaps), so the list is made until
 * it stays.
 */
async function followInputs(
  canary: Canary,
  adapters: Adapters,
  more: readonly ObjectRef[],
  ports: FollowPorts,
  signal: AbortSignal,
): Promise<void> {
  const { router, workload, services, autoscaler } = adapters;
  // What is left out of memory is unknown until it is followed. The next round knows what it names.
  const seen = inMemory(ports.snapshot, ports.isLeftOut);
  for (let known = -1, round = 0; round < 3; round += 1) {
    const refs = [
      ...workload.inputs(canary, seen),
      ...services.inputs(canary),
      ...router.inputs(canary),
      ...(autoscaler?.inputs(canary) ?? []),
      ...more,
    ];
    if (refs.length === known) return;
    known = refs.length;
    // Nothing is awaited, so that nothing else can have been seen since.
    if (ports.isFollowing?.(canary.ref, refs) === true) return;
    try {
      await ports.follow(canary.ref, refs, signal);
    } catch (error) {
      // The cluster does not know the kind. So it has no object of this kind to hand back.
      if (!(canary.deleting && error instanceof KindMissing)) throw error;
    }
  }
}
