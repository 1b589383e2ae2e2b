/** The objects of the given manifests as the cluster that they will be applied to: what of it refuses a Canary. */
import type { Canary } from "../core/status/canary.ts";
import type { Adapters } from "../operator/adapters.ts";
import { foreignObject } from "../operator/cluster/foreign.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { ownerReference } from "../ports/owner.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import { overlapProblem, overlapping } from "../workloads/copied/overlap.ts";
import { podLabelsOf, primaryNameOf } from "../workloads/metadata.ts";

export interface Given {
  /** Texts of the Warnings that the operator would write, because of another object in the manifests. */
  problems(canary: Canary, adapters: Adapters): readonly string[];
}

/** Kinds whose primary is a copy that runs pods. */
const COPIED: readonly ResourceType[] = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];

/** @param selectorLabels the flag `-selector-labels` of the operator */
export function readGiven(manifests: readonly KubeObject[], selectorLabels: readonly string[]): Given {
  const objects = manifests.map(withNamespace);
  const given = snapshotOf(objects);
  const primaries = objects
    .filter(({ kind }) => kind === RESOURCES.canary.kind)
    .flatMap((canary) => primaryOf(canary, given, selectorLabels));
  const all = snapshotOf([...objects, ...primaries]);
  return {
    problems(canary, adapters) {
      const overlap = overlapOf(canary, all, selectorLabels);
      const { router, workload, services, autoscaler } = adapters;
      const made = [
        ...workload.made(canary, given),
        // Without pods of the target's own no Services are generated.
        ...(COPIED.some(({ kind }) => kind === canary.spec.targetRef.kind) ? services.made(canary) : []),
        ...(autoscaler?.made(canary) ?? []),
        ...(router.made?.(canary) ?? []),
      ];
      const foreign = foreignObject(canary, made, given);
      return [overlap ?? unfit(canary, adapters, given), foreign].filter((problem) => problem !== undefined);
    },
  };
}

/** What refuses the target itself, when the manifests hold it. Configurations that they lack may be in the cluster. */
function unfit(canary: Canary, { workload }: Adapters, given: Snapshot): string | undefined {
  const { kind, name } = canary.spec.targetRef;
  const type = COPIED.find((known) => known.kind === kind);
  if (type === undefined || given.get({ type, namespace: canary.ref.namespace, name }) === undefined) return undefined;
  const reading = workload.read(canary, given, 0);
  return reading.kind === "problem" && reading.unreadable !== true ? reading.detail : undefined;
}

/** The primary that the operator will make for a Canary of the manifests, as far as its labels go. */
function primaryOf(canary: KubeObject, given: Snapshot, selectorLabels: readonly string[]): readonly KubeObject[] {
  const { kind, name } = canary.spec?.targetRef ?? {};
  const { namespace = "", uid = "" } = canary.metadata;
  const type = COPIED.find((known) => known.kind === kind);
  const target = type === undefined ? undefined : given.get({ type, namespace, name });
  if (type === undefined || target === undefined) return [];
  const existing = given.get({ type, namespace, name: primaryNameOf(name) });
  const labels = podLabelsOf(target, existing, selectorLabels);
  if (labels === undefined || existing !== undefined) return [];
  const owner = ownerReference({ ref: canary.metadata, uid });
  return [
    {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: { name: primaryNameOf(name), namespace, ownerReferences: [owner] },
      spec: { selector: { matchLabels: labels.primary }, template: { metadata: { labels: labels.pods } } },
    },
  ];
}

function overlapOf(canary: Canary, all: Snapshot, selectorLabels: readonly string[]): string | undefined {
  const { kind, name } = canary.spec.targetRef;
  const { namespace } = canary.ref;
  const type = COPIED.find((known) => known.kind === kind);
  const target = type === undefined ? undefined : all.get({ type, namespace, name });
  if (type === undefined || target === undefined) return undefined;
  const primary: ObjectRef = { type, namespace, name: primaryNameOf(name) };
  const labels = podLabelsOf(target, all.get(primary), selectorLabels);
  if (labels === undefined) return undefined;
  // Which of the two primaries is made first cannot be known from files: both Canaries are told.
  const others: Snapshot = { ...all, get: (ref) => (ref.name === primary.name ? undefined : all.get(ref)) };
  const other = overlapping(canary, primary, target, labels, others);
  return other === undefined ? undefined : overlapProblem(target, labels, other);
}

function snapshotOf(objects: readonly KubeObject[]): Snapshot {
  const byKind = new Map<string, KubeObject[]>();
  for (const object of objects) {
    const { apiVersion, kind, metadata } = object;
    const key = `${groupOf(apiVersion)} ${kind} ${metadata.namespace}`;
    const known = byKind.get(key);
    if (known === undefined) byKind.set(key, [object]);
    else known.push(object);
  }
  const list = ({ group, kind }: ResourceType, namespace: string) => byKind.get(`${group} ${kind} ${namespace}`) ?? [];
  return {
    get: ({ type, namespace, name }) => list(type, namespace).find(({ metadata }) => metadata.name === name),
    list,
  };
}

const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "");

/** What names no namespace is applied to "default". */
function withNamespace(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? "default" } };
}
