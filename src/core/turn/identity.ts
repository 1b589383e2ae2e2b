/**
 * Identifiers that look random, and are the same when a turn is repeated after a crash, because they are computed from
 * what they identify. Not for secrets.
 */
import type { Revision } from "../status/canary.ts";
import { perObject } from "./per-object.ts";

const FNV_OFFSET = 2_166_136_261;
const FNV_PRIME = 16_777_619;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** FNV-1a over UTF-16 units, started from `seed`. */
function fnv(text: string, seed: number): number {
  let hash = (FNV_OFFSET ^ seed) >>> 0;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME) >>> 0;
  }
  // Finish with an avalanche, so that neighbouring seeds give unrelated words.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A UUID of version 4 form, a function of `text`. */
export function uuidFrom(text: string): string {
  const hex = [1, 2, 3, 4].map((seed) => fnv(text, seed).toString(16).padStart(8, "0")).join("");
  const variant = (8 + (Number.parseInt(hex.charAt(16), 16) % 4)).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** `count` letters a-z and A-Z, a function of `text`. */
export function lettersFrom(text: string, count: number): string {
  return Array.from({ length: count }, (_, i) => LETTERS.charAt(fnv(text, i + 1) % LETTERS.length)).join("");
}

/**
 * Identity of promoting one revision, written as the pod template's `flagger-id`: the primary carries it exactly when
 * its template was copied from that revision, so that copying can be repeated and is done once.
 */
export function promotionId(uid: string, revision: Revision): string {
  const ids = idsOf(revision);
  const known = ids.get(uid);
  if (known !== undefined) return known;
  const configs = Object.entries(revision.configs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const id = uuidFrom(JSON.stringify([uid, revision.spec, configs]));
  ids.set(uid, id);
  return id;
}

/** A turn asks several times for the identity of one revision. */
const idsOf = perObject((_revision: Revision) => new Map<string, string>());
