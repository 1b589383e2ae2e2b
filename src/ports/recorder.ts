import type { Canary, Routes } from "../core/canary.ts";
import type { RolloutEvent } from "../core/events.ts";
import type { Answered } from "../core/observation.ts";
import type { AdvanceInput, Transition } from "../core/turn.ts";
import type { Count } from "./asking.ts";

/** One turn that was taken: what was known, what was decided. */
export interface Turn {
  /** As loaded before the turn. */
  readonly canary: Canary;
  readonly input: AdvanceInput;
  readonly transition: Transition;
  /** The traffic promised after it; undefined while the engine does not own the routes. */
  readonly routes: Routes | undefined;
  /** How long it took, milliseconds. */
  readonly tookMs: number;
  /** Asks what only a record wants to know. It never steers: the turn is over. Absent: nothing is to be asked. */
  readonly askForTheRecord?: (wanted: Wanted, signal: AbortSignal) => Promise<ForTheRecord>;
}

export interface Wanted {
  /** Requests are counted over the last so many milliseconds. */
  readonly windowMs: number;
}

export interface ForTheRecord {
  /** Of checks that the decision did not need. */
  readonly answers: readonly Answered[];
  readonly canary?: Count;
  readonly primary?: Count;
}

/** Whom something is said of outside a turn: a Canary, or as much as is known of one that is invalid. */
export type SaidOf = Pick<Canary, "ref" | "uid" | "resourceVersion"> & Partial<Pick<Canary, "spec" | "status">>;

/**
 * A listener: Kubernetes Events, log, metrics, journal, alerts, live stream. Returns at once and never throws: what is
 * slow is queued.
 */
export interface Recorder {
  record(turn: Turn): void;
  /** Said outside a turn, e.g. that a Canary is invalid or that a write failed. */
  say(about: SaidOf, event: RolloutEvent): void;
  /** A Canary is gone: its series and memories can go, too. */
  forget(ref: Canary["ref"]): void;
}
