/**
 * When a Canary without `revertOnDeletion` is deleted, Kubernetes also deletes its primary, its Services and its
 * routes.
 */
import { dotted, type TargetRef } from "../../core/spec/spec.ts";
import type { ObjectChange } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Recorder } from "../../ports/recorder.ts";

/** Kinds of targets that are scaled to zero while the primary serves. */
const SCALED_DOWN = ["Deployment", "StatefulSet", "DaemonSet"];

/**
 * Warns that no pod serves the users any more, and says what to do. A Canary that was never initialised took no traffic
 * over, so nothing is announced.
 * @param primary as the cache showed it last; the message names its size
 */
export function warnOfDeletion(change: ObjectChange, primary: KubeObject | undefined, recorder: Recorder): void {
  if (change.type !== "deleted") return;
  const { metadata, spec, status } = change.object;
  const target: TargetRef | undefined = spec?.targetRef;
  if (spec?.revertOnDeletion === true || !status?.lastPromotedSpec || target === undefined) return;
  if (!SCALED_DOWN.includes(target.kind)) return;
  const { namespace = "", name, uid = "", resourceVersion = "" } = metadata;
  const ref = { namespace, name };
  const message =
    `Canary ${dotted(name, ref)} was deleted without revertOnDeletion: its primary, Services and routes go with it, unless ` +
    `it was deleted with --cascade=orphan, and ${target.kind} ${target.name} is scaled to zero. Nothing serves until ` +
    cure(target, namespace, primary);
  recorder.announce(
    { ref, uid, resourceVersion },
    { type: "Warning", reason: "Deleted", message, phase: "Terminated" },
  );
}

function cure({ kind, name }: TargetRef, namespace: string, primary: KubeObject | undefined): string {
  if (kind === "DaemonSet") return `you remove the node selector that keeps DaemonSet ${name} down`;
  const replicas: unknown = primary?.spec?.replicas;
  const size = typeof replicas === "number" && replicas > 0 ? replicas : 1;
  return `you run: kubectl -n ${namespace} scale ${kind.toLowerCase()}/${name} --replicas=${size}`;
}
