/**
 * Objects of other people that happen to have a name under which Aviary makes an object. They are never written, owned
 * or deleted: the Canary waits and says which object it is.
 */
import type { Canary } from "../../core/status/canary.ts";
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
  if (isOwnedBy(canary, object)) return true;
  if (ownerReferences.some(isCanary)) return use === "shared";
  if (use === "adopted") return true;
  // Owners get lost: `kubectl delete --cascade=orphan` takes them away, and so does many a backup.
  return !ownerReferences.some(({ controller }) => controller === true) && isMade?.(object) === true;
}

/** Whether the object was made for this Canary. One that was deleted and made again has another uid. */
export function isOwnedBy({ uid, ref }: Canary, { metadata }: KubeObject): boolean {
  const owners = (metadata.ownerReferences ?? []).filter(isCanary);
  return owners.some((owner) => owner.uid === uid || owner.name === ref.name);
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
