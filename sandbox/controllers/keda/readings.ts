/** What the queries of triggers answered last, and asking them again. */

import { withOwnSignal } from "../../../src/async/own-signal.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { QueryTrigger } from "./triggers.ts";

/**
 * The value of an instant query, undefined when its answer is empty.
 * @throws Error when the server cannot be asked, or answers with more than one number
 */
export type QuerySource = (server: string, query: string, signal: AbortSignal) => Promise<number | undefined>;

export interface Readings {
  /** Asks all of them; `then` is called when all have answered or failed, unless they are forgotten by then. */
  ask(uid: string, generation: number, triggers: readonly QueryTrigger[], then: () => void): void;
  /** Of the object for which was asked last. */
  generation(uid: string): number | undefined;
  /** The last answer; undefined: none, or it failed. */
  last(uid: string, trigger: QueryTrigger): number | undefined;
  /** Why the last one failed. */
  failure(uid: string, trigger: QueryTrigger): string | undefined;
  /**
   * The last answer, which asks for a newer one when it is old: a HorizontalPodAutoscaler looks more often than KEDA
   * polls.
   */
  fresh(uid: string, trigger: QueryTrigger): number | undefined;
  forget(uid: string): void;
  stop(): void;
}

const OLD_MS = 1_000;
const TIMEOUT_MS = 3_000;

type Answer = { readonly value: number } | { readonly failure: string };

interface Entry {
  readonly generation: number;
  readonly answers: Map<string, Answer & { readonly at: number }>;
  readonly asking: Set<string>;
  readonly stop: AbortController;
}

export function createReadings(clock: Clock, query: QuerySource): Readings {
  const entries = new Map<string, Entry>();
  const forget = (uid: string) => {
    entries.get(uid)?.stop.abort();
    entries.delete(uid);
  };
  const answerOf = (uid: string, { metricName }: QueryTrigger) => entries.get(uid)?.answers.get(metricName);
  const numberOf = (uid: string, trigger: QueryTrigger) => {
    const answer = answerOf(uid, trigger);
    return answer !== undefined && "value" in answer ? answer.value : undefined;
  };
  const askOne = async (entry: Entry, trigger: QueryTrigger) => {
    entry.asking.add(trigger.metricName);
    const answer = await answered(query, trigger, entry.stop.signal);
    entry.asking.delete(trigger.metricName);
    entry.answers.set(trigger.metricName, { ...answer, at: clock.now() });
  };
  return {
    ask: (uid, generation, triggers, then) => {
      if (entries.get(uid)?.generation !== generation) forget(uid);
      const entry = entries.get(uid) ?? {
        generation,
        answers: new Map(),
        asking: new Set<string>(),
        stop: new AbortController(),
      };
      entries.set(uid, entry);
      void Promise.all(triggers.map((trigger) => askOne(entry, trigger))).then(() => {
        if (entries.get(uid) === entry) then();
      });
    },
    generation: (uid) => entries.get(uid)?.generation,
    last: numberOf,
    failure: (uid, trigger) => {
      const answer = answerOf(uid, trigger);
      return answer !== undefined && "failure" in answer ? answer.failure : undefined;
    },
    fresh: (uid, trigger) => {
      const entry = entries.get(uid);
      const age = clock.now() - (answerOf(uid, trigger)?.at ?? Number.NEGATIVE_INFINITY);
      if (entry !== undefined && age >= OLD_MS && !entry.asking.has(trigger.metricName)) void askOne(entry, trigger);
      return numberOf(uid, trigger);
    },
    forget,
    stop: () => {
      for (const uid of [...entries.keys()]) forget(uid);
    },
  };
}

async function answered(query: QuerySource, trigger: QueryTrigger, stop: AbortSignal): Promise<Answer> {
  try {
    const value = await withOwnSignal(stop, (own) =>
      query(trigger.server, trigger.query, AbortSignal.any([own, AbortSignal.timeout(TIMEOUT_MS)])),
    );
    if (value !== undefined && Number.isFinite(value)) return { value };
    return trigger.strict ? { failure: "the answer of the query is empty" } : { value: 0 };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
