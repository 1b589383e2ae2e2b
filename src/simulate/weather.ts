/** What the world does to a process: every call it makes and everything it hears may be hit. */
import type { Change } from "./api.ts";
import type { WatchFate } from "./watches.ts";

/** One call of the operator to the world outside of it. */
export interface PortCall {
  /** Counted over the whole run, from 1. */
  readonly index: number;
  readonly port: "write" | "ask" | "alert";
  /** For people: "patch Canary podinfo status". */
  readonly what: string;
}

/**
 *   refused      the API server answers 500, nothing happened
 *   unreachable  no connection, nothing happened
 *   conflict     somebody else wrote meanwhile, nothing happened
 *   lost-answer  it happened, but the answer is a time-out
 *   slow         it happens late
 *   dies-before  the process is killed before the call goes out
 *   dies-after   the process is killed when it has happened, before it hears of it
 *   dies-idle    the process is killed when it has heard the answer and done all that it does without another answer
 *   error        a webhook or metric server answers with an error
 *   hangs        a webhook or metric server does not answer in time
 *   late         a metric server answers with what was true a while ago
 */
export type Fault =
  | "refused"
  | "unreachable"
  | "conflict"
  | "lost-answer"
  | "slow"
  | "dies-before"
  | "dies-after"
  | "dies-idle"
  | "error"
  | "hangs"
  | "late";

/** Which faults can hit which port. */
export const FAULTS = {
  write: ["refused", "unreachable", "conflict", "lost-answer", "slow", "dies-before", "dies-after", "dies-idle"],
  ask: ["error", "hangs", "late", "slow", "dies-before", "dies-after", "dies-idle"],
  alert: ["slow", "dies-before", "dies-after", "dies-idle"],
} as const satisfies Record<PortCall["port"], readonly Fault[]>;

export interface Weather {
  /** undefined: all is well. */
  call(call: PortCall): Fault | undefined;
  watch(change: Change): WatchFate;
}

export const CALM: Weather = { call: () => undefined, watch: () => ({ delayMs: 2 }) };

/** Calm but for one fault at the call of that number. */
export function oneFault(index: number, fault: Fault): Weather {
  return { ...CALM, call: (call) => (call.index === index ? fault : undefined) };
}
