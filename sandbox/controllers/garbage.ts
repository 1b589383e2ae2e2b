/**
 * Garbage collection by owner references.
 *
 *   background   the owner is gone            -> its dependents are removed
 *   foreground   the owner waits (finalizer)  -> blocking dependents are removed first, then the owner is let go
 *   orphan       the owner waits (finalizer)  -> dependents lose the reference, then the owner is let go
 */
import type { KubeObject, OwnerReference, ResourceType } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "./context.ts";
import { type Kinds, watchKinds } from "./kinds.ts";
import { edit, isTerminating, keyOf, namespaceOf, splitKey } from "./objects.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/** Queue keys: "plural.group|namespace/name". */
interface Located {
  readonly type: ResourceType;
  readonly key: string;
}

interface Garbage {
  readonly context: ControllerContext;
  readonly queue: Wiring["queue"];
  readonly kinds: Kinds;
  readonly located: Map<string, Located>;
  /** Owner uid -> ids of objects that refer to it. */
  readonly dependents: Map<string, Set<string>>;
  /** Object id -> owner uids it was indexed under. */
  readonly owners: Map<string, readonly string[]>;
  /** Uids of owners that were seen to go and still have dependents: their kind may have gone with them. */
  readonly gone: Set<string>;
}

export function startGarbageCollector(context: ControllerContext): Stop {
  let stopKinds: Stop = () => {};
  const stop = startController(context, "garbage-collector-controller", (wiring) => {
    const located = new Map<string, Located>();
    const dependents = new Map<string, Set<string>>();
    const owners = new Map<string, readonly string[]>();
    const pending: ResourceType[] = [];
    let garbage: Garbage | undefined;
    const follow = (type: ResourceType, to: Garbage) =>
      wiring.on(type, (object, event) => concerned(to, type, object, event === "DELETED"));
    const kinds = watchKinds(context.cluster, (type) => {
      if (garbage === undefined) pending.push(type);
      else follow(type, garbage);
    });
    stopKinds = kinds.stop;
    const collector: Garbage = { context, queue: wiring.queue, kinds, located, dependents, owners, gone: new Set() };
    garbage = collector;
    for (const type of pending) follow(type, collector);
    return (id) => collect(collector, id);
  });
  return () => {
    stopKinds();
    stop();
  };
}

function idOf(type: ResourceType, object: KubeObject): string {
  return `${type.plural}.${type.group}|${keyOf(object)}`;
}

/** Keeps the index, and answers what has to be looked at after this change. */
function concerned(garbage: Garbage, type: ResourceType, object: KubeObject, deleted: boolean): readonly string[] {
  const { located, dependents, owners, gone } = garbage;
  const id = idOf(type, object);
  const before = owners.get(id) ?? [];
  const now = deleted ? [] : (object.metadata.ownerReferences ?? []).map((owner) => owner.uid);
  for (const uid of before) if (!now.includes(uid)) unlink(garbage, uid, id);
  for (const uid of now) dependents.set(uid, (dependents.get(uid) ?? new Set()).add(id));
  if (now.length === 0) owners.delete(id);
  else owners.set(id, now);
  const { finalizers = [], uid = "" } = object.metadata;
  const waits = isTerminating(object) && (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN));
  if (deleted) located.delete(id);
  else if (now.length > 0 || waits) located.set(id, { type, key: keyOf(object) });
  const orphaned = deleted ? [...(dependents.get(uid) ?? [])] : [];
  if (orphaned.length > 0) gone.add(uid);
  // A waiting owner looks again when one of its dependents has gone or let go of it.
  const lost = before.filter((owner) => !now.includes(owner)).flatMap((owner) => waitingOwners(garbage, owner, object));
  return [...(deleted || (now.length === 0 && !waits) ? [] : [id]), ...orphaned, ...lost];
}

function unlink({ dependents, gone }: Garbage, uid: string, id: string): void {
  const ids = dependents.get(uid);
  ids?.delete(id);
  if (ids?.size !== 0) return;
  dependents.delete(uid);
  gone.delete(uid);
}

function waitingOwners({ located, context }: Garbage, uid: string, dependent: KubeObject): string[] {
  return [...located].flatMap(([id, { type, key }]) => {
    const { namespace, name } = splitKey(key);
    if (namespace !== "" && namespace !== namespaceOf(dependent)) return [];
    return context.cluster.get(type, namespace, name)?.metadata.uid === uid ? [id] : [];
  });
}

function collect(garbage: Garbage, id: string): void {
  const { context, located } = garbage;
  const place = located.get(id);
  if (place === undefined) return;
  const { namespace, name } = splitKey(place.key);
  const object = context.cluster.get(place.type, namespace, name);
  if (object === undefined) return;
  const { finalizers = [] } = object.metadata;
  if (isTerminating(object)) {
    if (finalizers.includes(ORPHAN)) orphan(garbage, place.type, object);
    else if (finalizers.includes(FOREGROUND)) foreground(garbage, place.type, object);
    return;
  }
  const refs = object.metadata.ownerReferences ?? [];
  const states = refs.map((ref) => ownerState(garbage, object, ref));
  if (refs.length === 0 || states.includes("unknown")) return;
  const solid = states.includes("present");
  const waiting = states.includes("waiting");
  if (!solid && waiting) {
    // The owner waits for this object, which may wait for its own dependents in turn.
    if (hasDependents(garbage, object)) addFinalizer(garbage, place.type, object);
    context.cluster.remove(place.type, namespace, name);
  } else if (!solid) context.cluster.remove(place.type, namespace, name);
  else if (states.includes("absent") || waiting) {
    edit(context.cluster, place.type, object, (copy) => {
      copy.metadata.ownerReferences = refs.filter((_ref, i) => states[i] === "present");
    });
  }
}

type OwnerState = "present" | "absent" | "waiting" | "unknown";

/** The store itself is asked, so that the order in which kinds are watched does not matter. */
function ownerState({ kinds, context, gone }: Garbage, object: KubeObject, ref: OwnerReference): OwnerState {
  if (gone.has(ref.uid)) return "absent";
  const type = kinds.find(ref.apiVersion, ref.kind);
  if (type === undefined) return "unknown";
  const owner = context.cluster.get(type, type.namespaced ? namespaceOf(object) : "", ref.name);
  if (owner === undefined || owner.metadata.uid !== ref.uid) return "absent";
  const foregroundNow = isTerminating(owner) && owner.metadata.finalizers?.includes(FOREGROUND) === true;
  return foregroundNow ? "waiting" : "present";
}

function dependentsOf({ dependents, located, context }: Garbage, owner: KubeObject): [ResourceType, KubeObject][] {
  return [...(dependents.get(owner.metadata.uid ?? "") ?? [])].flatMap((id): [ResourceType, KubeObject][] => {
    const place = located.get(id);
    if (place === undefined) return [];
    const { namespace, name } = splitKey(place.key);
    const object = context.cluster.get(place.type, namespace, name);
    return object === undefined ? [] : [[place.type, object]];
  });
}

function hasDependents(garbage: Garbage, object: KubeObject): boolean {
  return dependentsOf(garbage, object).length > 0;
}

function addFinalizer({ context }: Garbage, type: ResourceType, object: KubeObject): void {
  edit(context.cluster, type, object, (copy) => {
    const { finalizers = [] } = copy.metadata;
    if (!finalizers.includes(FOREGROUND)) copy.metadata.finalizers = [...finalizers, FOREGROUND];
  });
}

function foreground(garbage: Garbage, type: ResourceType, owner: KubeObject): void {
  const { context, queue } = garbage;
  const left = dependentsOf(garbage, owner);
  for (const [kind, dependent] of left) if (!isTerminating(dependent)) queue.add(idOf(kind, dependent));
  const { uid } = owner.metadata;
  const blocks = (dependent: KubeObject) =>
    dependent.metadata.ownerReferences?.some((ref) => ref.uid === uid && ref.blockOwnerDeletion === true) === true;
  if (!left.some(([, dependent]) => blocks(dependent))) dropFinalizer(context, type, owner, FOREGROUND);
}

function orphan(garbage: Garbage, type: ResourceType, owner: KubeObject): void {
  const { context } = garbage;
  for (const [kind, dependent] of dependentsOf(garbage, owner)) {
    edit(context.cluster, kind, dependent, (copy) => {
      const others = (copy.metadata.ownerReferences ?? []).filter((ref) => ref.uid !== owner.metadata.uid);
      copy.metadata.ownerReferences = others;
    });
  }
  dropFinalizer(context, type, owner, ORPHAN);
}

function dropFinalizer(
  { cluster }: ControllerContext,
  type: ResourceType,
  object: KubeObject,
  finalizer: string,
): void {
  edit(cluster, type, object, (copy) => {
    copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  });
}
