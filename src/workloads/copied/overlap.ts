/**
 * Primaries whose pods cannot be told apart. Two releases of one chart often share the value of their selector label:
 * the Services of the first would then send requests to pods of the second.
 */
import type { Canary } from "../../core/status/canary.ts";
import { labelText, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Strings, WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { type PodLabels, primaryNameOf } from "../metadata.ts";

export interface Overlap {
  readonly ref: ObjectRef;
  readonly object: WorkloadObject;
}

/** Kinds whose pods a Service may select. */
const KINDS = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];

/**
 * Another workload whose pods the primary's Services would select too, or another primary whose Services would select
 * the pods of this primary. Checked only before the traffic is switched: a Canary that is initialised goes on.
 */
export function overlapping(
  canary: Canary,
  primary: ObjectRef,
  target: WorkloadObject,
  labels: PodLabels,
  seen: Snapshot,
): Overlap | undefined {
  const { phase } = canary.status;
  if (canary.deleting || (phase !== "" && phase !== "Initializing")) return undefined;
  const own: WorkloadObject | undefined = seen.get(primary);
  const pods = { ...target.spec?.template?.metadata?.labels, ...labels.pods };
  const { namespace } = canary.ref;
  const selectsPrimary = selectorFrom(labels.primary);
  for (const type of KINDS) {
    for (const object of seen.list(type, namespace) as readonly WorkloadObject[]) {
      const { name } = object.metadata;
      if (type.kind === target.kind && (name === target.metadata.name || name === primary.name)) continue;
      const isMixed = selectsPrimary(podsOf(object)) || (isPrimary(object) && selectorFrom(selectorOf(object))(pods));
      if (isMixed && (own === undefined || isElder(object, own))) return { ref: { type, namespace, name }, object };
    }
  }
  return undefined;
}

/** Text of the event. */
export function overlapProblem(target: WorkloadObject, labels: PodLabels, { object: other }: Overlap): string {
  const { name, namespace = "" } = target.metadata;
  const shared = selectorFrom(labels.primary)(podsOf(other)) ? labels.primary : selectorOf(other);
  return (
    `the pods of ${target.kind} ${primaryNameOf(name)}.${namespace} could not be told apart from the pods of ` +
    `${other.kind} ${other.metadata.name}.${namespace}, which are selected by ` +
    `${labelText(shared)} as well: ` +
    `give ${target.kind} ${name} a label of its own in spec.selector.matchLabels`
  );
}

function podsOf({ spec }: WorkloadObject): Strings {
  return spec?.template?.metadata?.labels ?? {};
}

function selectorOf({ spec }: WorkloadObject): Strings {
  return spec?.selector?.matchLabels ?? {};
}

/** An empty selector of a workload selects nothing. */
function selectorFrom(selector: Strings): (pods: Strings) => boolean {
  const entries = Object.entries(selector);
  return (pods) => entries.length > 0 && entries.every(([key, value]) => pods[key] === value);
}

function isPrimary({ metadata }: WorkloadObject): boolean {
  return (metadata.ownerReferences ?? []).some(({ kind }) => kind === RESOURCES.canary.kind);
}

/** Of two primaries that were created at the same time, the younger one waits. */
function isElder({ metadata: a }: WorkloadObject, { metadata: b }: WorkloadObject): boolean {
  const [bornA, bornB] = [a.creationTimestamp ?? "", b.creationTimestamp ?? ""];
  return bornA === bornB ? a.name < b.name : bornA < bornB;
}
