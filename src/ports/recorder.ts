import type { Canary, Routes } from "../core/status/canary.ts";
import type { RolloutEvent } from "../core/texts/events.ts";
import type { Answered } from "../core/turn/observation.ts";
import type { DecisionInput, Transition } from "../core/turn/turn.ts";
import type { Count } from "./probe-runner.ts";

/** One turn that was taken: what was known, what was decided. */
export interface Turn {
  /** As loaded before the turn. */
  readonly canary: Canary;
  readonly input: DecisionInput;
  readonly transition: Transition;
  /** The traffic promised after it; undefined while the engine does not own the routes. */
  readonly routes: Routes | undefined;
  /** How long it took, milliseconds. */
  readonly tookMs: number;
  /**
   * Runs the checks that only the record needs. The turn is over, so their answers steer nothing. Absent: there are
   * none.
   */
  readonly askForTheRecord?: (wanted: Wanted, signal: AbortSignal) => Promise<ForTheRecord>;
}

/** What the record asks for beside the answers of the decision. */
export interface Wanted {
  /** Requests are counted over the last so many milliseconds. */
  readonly windowMs: number;
}

/** Answers that only the record needs. */
export interface ForTheRecord {
  /** Of checks that the decision did not need. */
  readonly answers: readonly Answered[];
  readonly canary?: Count;
  readonly primary?: Count;
}

/** The Canary of an event outside a turn; of an invalid Canary only a part is known. */
export type EventSubject = Pick<Canary, "ref" | "uid" | "resourceVersion"> & Partial<Pick<Canary, "spec" | "status">>;

/**
 * A listener: Kubernetes Events, log, metrics, journal, alerts, live stream. Returns at once and never throws: what is
 * slow is queued.
 */
export interface Recorder {
  record(turn: Turn): void;
  /** Announces an event outside a turn, e.g. that a Canary is invalid or that a write failed. */
  announce(about: EventSubject, event: RolloutEvent): void;
  /** To be called for a deleted Canary: its series and memories can be dropped, too. */
  forget(ref: Canary["ref"]): void;
}
