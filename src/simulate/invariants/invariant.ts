/** What must hold in every run, whatever the weather. */
import type { Scenario } from "../scenario.ts";
import type { Universe, Watcher } from "../universe.ts";

export interface Invariant {
  /** As in reports: "weights-sum". */
  readonly name: string;
  /** What holds, as a sentence. */
  readonly rule: string;
  /** Why users need it, as a sentence. */
  readonly why: string;
  /** Listens to a run, and reports where the rule is broken. */
  readonly watch: (universe: Universe, report: Report) => Watcher;
}

/** @param text what was found, and where */
export type Report = (text: string) => void;

export interface Violation {
  readonly invariant: string;
  /** Milliseconds since the release. */
  readonly at: number;
  readonly text: string;
}

/** Times in which nobody interfered for so long that everything must have been heard of. */
export const SETTLING_MS = 45_000;

export function isUndisturbed({ schedule, interferedAt }: Universe): boolean {
  return schedule.now() - interferedAt >= SETTLING_MS;
}

/** Whether people do any of these things in the scenario. */
export function usersDo({ users }: Scenario, ...kinds: readonly string[]): boolean {
  return users.some(({ kind }) => kinds.includes(kind));
}
