/** The objects whose contents a Canary needs. Some caches read contents only on demand, see ObjectCache.hold. */

import { errorText } from "../../error-text.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import type { ObjectRef, ResourceType } from "../../ports/kubernetes.ts";
import { cureOf } from "../cluster/missing-right.ts";
import { refKey } from "../cluster/read-your-writes.ts";
import { ReadFailure } from "./read-failure.ts";

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

export function createHoldings(track: (type: ResourceType, namespace: string) => ObjectCache): Holdings {
  const held = new Map<string, Map<string, ObjectRef>>();
  const recent = new Map<string, ObjectRef>();
  const isOnDemand = ({ type, namespace }: ObjectRef) => track(type, namespace).hold !== undefined;
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
      if (wanted.size === 0 && mine.size === 0) return;
      held.set(holder, mine);
      await Promise.all([...wanted].map(([key, ref]) => (mine.has(key) ? undefined : holdIn(mine, ref))));
      for (const [key, ref] of [...mine]) {
        if (wanted.has(key)) continue;
        mine.delete(key);
        release(ref);
      }
    },
    areKept(holder, refs) {
      const mine = held.get(holder);
      const wanted = refs.filter(isOnDemand);
      return wanted.length === (mine?.size ?? 0) && wanted.every((ref) => mine?.has(refKey(ref)) === true);
    },
    drop(holder) {
      for (const ref of held.get(holder)?.values() ?? []) release(ref);
      held.delete(holder);
    },
    async touch(ref) {
      if (!isOnDemand(ref)) return;
      const key = refKey(ref);
      const known = recent.get(key);
      recent.delete(key);
      if (known === undefined) await holdIn(recent, ref);
      else recent.set(key, ref);
      const [oldest] = recent;
      if (recent.size <= MOST_READ || oldest === undefined) return;
      recent.delete(oldest[0]);
      release(oldest[1]);
    },
  };
}
