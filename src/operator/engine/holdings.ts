/** The objects whose contents a Canary needs, in caches that do not keep all objects, see ObjectCache.hold. */
import { errorText } from "../../error-text.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import type { ObjectRef, ResourceType } from "../../ports/kubernetes.ts";
import { cureOf } from "../cluster/missing-right.ts";
import { ReadFailure } from "../cluster/read-failure.ts";
import { refKey } from "../cluster/read-your-writes.ts";

export interface Holdings {
  /** A holder, e.g. a Canary, needs these objects from now on, and no others. @throws ReadFailure */
  keep(holder: string, refs: readonly ObjectRef[]): Promise<void>;
  /** Whether the holder has the contents of these objects, and of no others. */
  areKept(holder: string, refs: readonly ObjectRef[]): boolean;
  drop(holder: string): void;
  /** An object that is read now and then. It is kept while it is among the last MOST_READ. @throws ReadFailure */
  touch(ref: ObjectRef): Promise<void>;
}

/** Secrets and templates that checks and alerts read. */
const MOST_READ = 200;

type Track = (type: ResourceType, namespace: string) => ObjectCache;

/** Whether an object takes too much memory to be kept before it is held. */
export const leftOutIn =
  (track: Track) =>
  ({ type, namespace, name }: ObjectRef): boolean =>
    track(type, namespace).lacks?.(namespace, name) === true;

export function createHoldings(track: Track): Holdings {
  const held = new Map<string, Map<string, ObjectRef>>();
  /** What `keep` was asked for last, and has done. */
  const settled = new Map<string, readonly ObjectRef[]>();
  const recent = new Map<string, ObjectRef>();
  const isOnDemand = ({ type, namespace }: ObjectRef) => track(type, namespace).hold !== undefined;
  const isLeftOut = leftOutIn(track);
  const release = ({ type, namespace, name }: ObjectRef) => track(type, namespace).release?.(namespace, name);

  async function holdIn(mine: Map<string, ObjectRef>, ref: ObjectRef): Promise<void> {
    const { type, namespace, name } = ref;
    mine.set(refKey(ref), ref);
    try {
      await track(type, namespace).hold?.(namespace, name);
    } catch (error) {
      mine.delete(refKey(ref)); // a failed hold keeps nothing
      const text = errorText(error);
      throw new ReadFailure(`cannot read ${type.kind} ${namespace}/${name}: ${text}${cureOf(error)}`);
    }
  }

  return {
    async keep(holder, refs) {
      const wanted = new Map(refs.filter(isOnDemand).map((ref) => [refKey(ref), ref]));
      const mine = held.get(holder) ?? new Map<string, ObjectRef>();
      held.set(holder, mine);
      settled.delete(holder);
      for (const [key, ref] of [...mine]) {
        if (wanted.has(key) && !isLeftOut(ref)) continue;
        mine.delete(key);
        release(ref);
      }
      await Promise.all([...wanted].map(([key, ref]) => (mine.has(key) ? undefined : holdIn(mine, ref))));
      settled.set(holder, refs);
    },
    areKept: (holder, refs) => isSameList(settled.get(holder), refs),
    drop(holder) {
      for (const ref of held.get(holder)?.values() ?? []) release(ref);
      held.delete(holder);
      settled.delete(holder);
    },
    async touch(ref) {
      if (!isOnDemand(ref)) return;
      const key = refKey(ref);
      const known = recent.get(key);
      recent.delete(key);
      if (known !== undefined && isLeftOut(ref)) release(ref);
      if (known === undefined || isLeftOut(ref)) await holdIn(recent, ref);
      else recent.set(key, ref);
      const [oldest] = recent;
      if (recent.size <= MOST_READ || oldest === undefined) return;
      recent.delete(oldest[0]);
      release(oldest[1]);
    },
  };
}

/** In the same order: adapters name their inputs alike at every turn. */
export function isSameList(known: readonly ObjectRef[] | undefined, wanted: readonly ObjectRef[]): boolean {
  if (known === undefined || known.length !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i += 1) {
    const [a, b] = [known[i], wanted[i]];
    if (a?.name !== b?.name || a?.namespace !== b?.namespace || a?.type !== b?.type) return false;
  }
  return true;
}
