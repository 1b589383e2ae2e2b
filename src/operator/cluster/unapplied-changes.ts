/**
 * Fields that the API server stores otherwise than they were written: its schema prunes a field, or an admission
 * webhook changes one. To write such a field again would have the same result, turn after turn, for ever.
 */

import { equal, type Fields, isFields } from "../../json/merge-patch.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import { refKey } from "./read-your-writes.ts";

export interface UnappliedChanges {
  /** Whether the last write of this object left this very difference behind. */
  has(ref: ObjectRef, seen: KubeObject, patch: Fields): boolean;
  /** Compares the answer to a write with what was asked for. */
  note(ref: ObjectRef, patch: Fields, answer: KubeObject): void;
  /** Nothing differs any more. */
  settle(ref: ObjectRef): void;
}

/** Far more than there are such objects. The oldest is forgotten, and costs one write. */
const KNOWN_MAX = 1000;

export function createUnappliedChanges(): UnappliedChanges {
  const known = new Map<string, string>();
  return {
    has: (ref, seen, patch) => known.size > 0 && known.get(refKey(ref)) === keyOf(patch, seen),
    note(ref, patch, answer) {
      known.delete(refKey(ref));
      const left = unappliedOf(patch, answer);
      if (left === undefined) return;
      known.set(refKey(ref), keyOf(left, answer));
      const [oldest = ""] = known.keys();
      if (known.size > KNOWN_MAX) known.delete(oldest);
    },
    settle: (ref) => void (known.size > 0 && known.delete(refKey(ref))),
  };
}

/** Key of a difference: the patch plus the current values, so a foreign change yields a new key. */
function keyOf(patch: Fields, seen: Fields): string {
  return JSON.stringify([patch, sameFieldsOf(seen, patch)]);
}

function sameFieldsOf(seen: unknown, patch: Fields): unknown {
  if (!isFields(seen)) return seen;
  const pairs = Object.entries(patch).map(([key, value]) => [
    key,
    isFields(value) ? sameFieldsOf(seen[key], value) : seen[key],
  ]);
  return Object.fromEntries(pairs);
}

/** The part of a merge patch that is not so in the answer to it; undefined when all of it is. */
function unappliedOf(patch: Fields, answer: Fields): Fields | undefined {
  const left = Object.entries(patch).flatMap(([key, value]): [string, unknown][] => {
    const got = answer[key];
    if (isFields(value) && isFields(got)) {
      const nested = unappliedOf(value, got);
      return nested === undefined ? [] : [[key, nested]];
    }
    return equal(value ?? undefined, got ?? undefined) ? [] : [[key, value]];
  });
  return left.length === 0 ? undefined : Object.fromEntries(left);
}
