/**
 * Objects of other people that happen to have a name under which Aviary makes an object. They are never written, owned
 * or deleted: the Canary waits and says which object it is.
 */
import type { Canary } from "../../core/canary.ts";
import { type KubeObject, type OwnerReference, RESOURCES } from "../../ports/kubernetes.ts";
import type { MadeObject } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";

/** @returns the text of a Warning event; undefined when every object that is there was made for this Canary */
export function foreignObject(canary: Canary, made: readonly MadeObject[], seen: Snapshot): string | undefined {
  for (const candidate of made) {
    const object = seen.get(candidate.ref);
    if (object !== undefined && !isOurs(canary, object, candidate)) return textOf(object, candidate);
  }
  return undefined;
}

function isOurs(canary: Canary, object: KubeObject, { use, isMade }: MadeObject): boolean {
  const { ownerReferences = [] } = object.metadata;
  const canaries = ownerReferences.filter(isCanary);
  // A Canary that was deleted and made again has another uid.
  if (canaries.some(({ uid, name }) => uid === canary.uid || name === canary.ref.name)) return true;
  if (canaries.length > 0) return use === "shared";
  if (use === "adopted") return true;
  // Owners get lost: `kubectl delete --cascade=orphan` takes them away, and so does many a backup.
  return !ownerReferences.some(({ controller }) => controller === true) && isMade?.(object) === true;
}

function isCanary({ kind, apiVersion }: OwnerReference): boolean {
  return kind === RESOURCES.canary.kind && apiVersion.startsWith(`${RESOURCES.canary.group}/`);
}

function textOf({ kind, metadata }: KubeObject, { as }: MadeObject): string {
  const { name, namespace = "", ownerReferences = [] } = metadata;
  const owner = ownerReferences.find(({ controller }) => controller === true) ?? ownerReferences[0];
  const whose = owner === undefined ? "it has no owner" : `its owner is ${owner.kind} ${owner.name}`;
  return (
    `${kind} ${name}.${namespace} was not made for this canary (${whose}), and ${as} needs that name: ` +
    `rename or delete ${kind} ${name}, or rename what ${as} is named after`
  );
}
