/**
 * When a Canary without `revertOnDeletion` is deleted, Kubernetes also deletes its primary, its Services and its
 * routes.
 */
import { dotted, type TargetRef } from "../../core/spec/spec.ts";
import type { ObjectChange } from "../../ports/kube.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Workload } from "../../ports/workload.ts";
import { workloadOf } from "../adapters.ts";

/**
 * Warns that no pod serves the users any more, and says what to do. A Canary that was never initialised took no traffic
 * over, so nothing is announced.
 * @param seen the caches, which may still show the primary; the message names its size
 */
export function warnOfDeletion(
  change: ObjectChange,
  workloads: readonly Workload[],
  seen: Snapshot,
  recorder: Recorder,
): void {
  if (change.type !== "deleted") return;
  const { metadata, spec, status } = change.object;
  const target: TargetRef | undefined = spec?.targetRef;
  if (spec?.revertOnDeletion === true || !status?.lastPromotedSpec || target === undefined) return;
  const { namespace = "", name, uid = "", resourceVersion = "" } = metadata;
  const cure = workloadOf(workloads, target)?.revival?.({ namespace, name: target.name }, seen);
  if (cure === undefined) return;
  const ref = { namespace, name };
  const message =
    `Canary ${dotted(name, ref)} was deleted without revertOnDeletion: its primary, Services and routes go with it, unless ` +
    `it was deleted with --cascade=orphan, and ${target.kind} ${target.name} is scaled to zero. Nothing serves until ${cure}`;
  recorder.announce(
    { ref, uid, resourceVersion },
    { type: "Warning", reason: "Deleted", message, phase: "Terminated" },
  );
}
