/** The owner of every field that is changed. */
import { mergePatch } from "../../json/merge-patch.ts";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";
import type { Change } from "../api.ts";
import { PAUSED_REPLICAS } from "../controllers/autoscalers.ts";
import { namesOf } from "../targets.ts";
import type { Invariant } from "./invariant.ts";

export const handsOff: Invariant = {
  name: "hands-off",
  rule:
    "Of objects that people made, only these fields are written: the target's replicas (of a DaemonSet its node " +
    "selector, of a Knative Service its traffic and annotations), the pause of a ScaledObject, the apex Service's selector, " +
    "ports and Flux annotations, the Canary's status and finalizers, the status of a CanaryAction. Of these objects, only answered " +
    "CanaryActions are deleted.",
  why: "People and GitOps agents own the rest, and the operator would overwrite their fields without end.",
  watch({ api, refs, scenario, kind: targetKind }, report) {
    const { service } = namesOf(scenario);
    /** What the operator made, by uid. */
    const own = new Set<string>();
    api.onChange((change) => {
      const { object, kind, by } = change;
      if (by !== "operator") return;
      const uid = object.metadata.uid ?? "";
      if (change.type === "added") own.add(uid);
      if (change.type === "deleted") {
        if (!isGone(change) && !own.has(uid)) report(`${nameOf(object)} was deleted`);
        return;
      }
      const isTarget = kind === targetKind.type && object.metadata.name === refs.target.name;
      if (isTarget) complain(change, targetKind.ours, report);
      else if (kind === RESOURCES.canary) complain(change, ["status", "metadata.finalizers"], report);
      else if (!own.has(uid)) complain(change, oursOf(object, service), report);
    });
    return {};
  },
};

const OURS: Readonly<Record<string, readonly string[]>> = {
  Service: ["spec.selector", "spec.ports", "metadata.annotations"],
  CanaryAction: ["status"],
  ScaledObject: [`metadata.annotations.${PAUSED_REPLICAS}`],
};
/** Of Services that people made, only the one that users reach is pointed at other pods. */
function oursOf({ kind, metadata }: KubeObject, service: string): readonly string[] {
  return kind === "Service" && metadata.name !== service ? [] : (OURS[kind] ?? []);
}

/** Fields of the API server. */
const BOOKKEEPING = ["metadata.resourceVersion", "metadata.generation"];

/** A Canary goes when its finalizer does; an answered action goes when its time is over. */
const isGone = ({ kind, object }: Change): boolean =>
  kind === RESOURCES.canary || (kind === STEERING.action && object.status?.phase !== undefined);

const nameOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;

function complain({ object, old }: Change, ours: readonly string[], report: (text: string) => void): void {
  if (old === undefined) return report(`${nameOf(object)} was made`);
  const allowed = new Set([...ours, ...BOOKKEEPING]);
  for (const path of changedPaths(mergePatch(old, object) ?? {}, allowed)) {
    report(`${path} of ${nameOf(object)} was written`);
  }
}

/** "spec.replicas" and so on, down to values that are no objects, without what is allowed. */
function changedPaths(patch: object, allowed: ReadonlySet<string>, prefix = ""): string[] {
  return Object.entries(patch).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (allowed.has(path)) return [];
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? changedPaths(value, allowed, `${path}.`)
      : [path];
  });
}
