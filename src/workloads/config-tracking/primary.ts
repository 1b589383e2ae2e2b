/**
 * The primary's own copy of a ConfigMap or Secret: the primary serves with the tested data while users edit the
 * original.
 */
import type { KubeObject, OwnerReference } from "../../ports/kubernetes.ts";
import { filterPrefixes, primaryNameOf } from "../metadata.ts";

export interface CopyOptions {
  /** The Canary for which the copy is made. */
  readonly owner: OwnerReference;
  /** The existing copy. Other Canaries may use it too. */
  readonly existing?: KubeObject;
  /** `-include-label-prefix`. */
  readonly includeLabelPrefixes: readonly string[];
}

/**
 * The whole object `<name>-primary` as it should be: data, binary data and secret type of `object`, no annotations. It
 * is not `immutable`, because the next promotion has to change it.
 */
export function primaryConfig(object: KubeObject, { owner, existing, includeLabelPrefixes }: CopyOptions): KubeObject {
  const { name, namespace, labels } = object.metadata;
  const kept = filterPrefixes(labels, includeLabelPrefixes);
  const { data, binaryData, type } = object;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name: primaryNameOf(name),
      ...(namespace !== undefined && { namespace }),
      ...(Object.keys(kept).length > 0 && { labels: kept }),
      ownerReferences: [owner, ...othersOf(existing, owner)],
    },
    ...(type !== undefined && { type }),
    ...(data !== undefined && { data }),
    ...(binaryData !== undefined && { binaryData }),
  };
}

/** An object has one controller at most. The other owners also keep the object alive. */
function othersOf(existing: KubeObject | undefined, owner: OwnerReference): OwnerReference[] {
  const others = (existing?.metadata.ownerReferences ?? []).filter((other) => !isSame(other, owner));
  return others.map((other) => ({ ...other, controller: false }));
}

/** Compared by name as well: a Canary that was deleted and created again has another uid. */
function isSame(a: OwnerReference, b: OwnerReference): boolean {
  return a.uid === b.uid || (a.kind === b.kind && a.name === b.name && groupOf(a) === groupOf(b));
}

function groupOf({ apiVersion }: OwnerReference): string {
  return apiVersion.split("/")[0] ?? "";
}
