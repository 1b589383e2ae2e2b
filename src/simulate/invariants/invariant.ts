/** A rule that must hold in every run, under every fault. */
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Scenario } from "../scenario.ts";
import type { Universe, Watcher } from "../watcher.ts";

export interface Invariant {
  /** The name in reports: "weights-sum". */
  readonly name: string;
  /** The rule, as a sentence. */
  readonly rule: string;
  /** Why users need it, as a sentence. */
  readonly why: string;
  /** Follows a run, and reports where the rule is broken. */
  readonly watch: (universe: Universe, report: Report) => Watcher;
}

/** @param text the finding, and its place */
export type Report = (text: string) => void;

export interface Violation {
  readonly invariant: string;
  /** Milliseconds since the release. */
  readonly at: number;
  readonly text: string;
}

/** Times without interference that are long enough for every change to have arrived. */
export const SETTLING_MS = 45_000;

export function isUndisturbed({ schedule, interferedAt }: Universe): boolean {
  return schedule.now() - interferedAt >= SETTLING_MS;
}

/** Whether people do any of these things in the scenario. */
export function usersDo({ users }: Scenario, ...kinds: readonly string[]): boolean {
  return users.some(({ kind }) => kinds.includes(kind));
}

/** The revisions behind the hashes in a status, recorded from the target's history. */
export function imagesByHash({ api, refs, kind, target }: Universe): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  const learn = (object: KubeObject) => {
    const { hash, image } = kind.held(object, api);
    images.set(hash, image);
  };
  const first = target();
  if (first !== undefined) learn(first);
  api.onChange(({ kind: type, object, old }) => {
    if (type !== refs.target.type || object.metadata.name !== refs.target.name) return;
    if (old === undefined || kind.content(old) !== kind.content(object)) learn(object);
  });
  return images;
}
