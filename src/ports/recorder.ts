import type { Canary, Routes } from "../core/canary.ts";
import type { RolloutEvent } from "../core/events.ts";
import type { AdvanceInput, Transition } from "../core/turn.ts";

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
}

/** Whom something is said of outside a turn: a Canary, or as much as is known of one that is invalid. */
export type SaidOf = Pick<Canary, "ref" | "uid" | "resourceVersion"> & Partial<Pick<Canary, "spec" | "status">>;

/**
 * A listener: Kubernetes Events, log, metrics, journal, alerts, live stream. Returns at once and never throws: what is slow
 * is queued.
 */
export interface Recorder {
  record(turn: Turn): void;
  /** Said outside a turn, e.g. that a Canary is invalid or that a write failed. */
  say(about: SaidOf, event: RolloutEvent): void;
  /** A Canary is gone: its series and memories can go, too. */
  forget(ref: Canary["ref"]): void;
}
