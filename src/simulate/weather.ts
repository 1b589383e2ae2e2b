/** Faults that the world causes to a process: every call and every watch event may be hit. */
import type { Change } from "./api.ts";
import type { WatchFate } from "./watches.ts";

/** One call of the operator to the outside. */
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
 *   conflict     another client wrote meanwhile, nothing happened
 *   lost-answer  it happened, but the answer is a time-out
 *   slow         it happens late
 *   dies-before  the process is killed before the call is sent
 *   dies-after   the process is killed after the call had its effect, before the answer arrives
 *   dies-idle    the process is killed after the answer arrived and all work without further answers is done
 *   error        a webhook or metric server answers with an error
 *   hangs        a webhook or metric server does not answer in time
 *   late         a metric server answers with old data
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
  /** undefined: no fault. */
  call(call: PortCall): Fault | undefined;
  watch(change: Change): WatchFate;
}

export const CALM: Weather = { call: () => undefined, watch: () => ({ delayMs: 2 }) };

/** Calm except one fault at the call of that number. */
export function oneFault(index: number, fault: Fault): Weather {
  return { ...CALM, call: (call) => (call.index === index ? fault : undefined) };
}

/** A disturbance of the operator's process besides the weather. `afterMs` counts from the release. */
export type Disturbance = { readonly afterMs: number } & (
  | { readonly kind: "kill" }
  /** A second operator works beside the first for this long. */
  | { readonly kind: "two-leaders"; readonly forMs: number }
  /** The clock of the operator's machine is set, or another API server answers, with another clock. */
  | { readonly kind: "clock-jump"; readonly of: "machine" | "API server"; readonly byMs: number }
  /** The operator is started again with the other order of `-selector-labels`. */
  | { readonly kind: "other-flags" }
);
