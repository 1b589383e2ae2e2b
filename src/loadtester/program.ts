/** Programs that are built into the load tester: they need no shell and no installation. */
import type { LookupFunction } from "node:net";
import type { Dispatcher } from "undici";
import type { Clock } from "../ports/clock.ts";

/** What a built-in program may use. */
export interface ProgramContext {
  readonly dispatcher: Dispatcher;
  /** How host names are resolved for connections that are not HTTP; as the machine does when absent. */
  readonly lookup?: LookupFunction;
  readonly clock: Clock;
  /** Milliseconds from any fixed point, never going back: for measuring. */
  readonly monotonicMs: () => number;
  readonly limits: LoadLimits;
  /** Aborted when the command's time is over or the service stops. */
  readonly signal: AbortSignal;
  /** What the command before it in a pipeline wrote. */
  readonly stdin: Buffer;
}

/** Bounds of the load that one command may make inside this process. */
export interface LoadLimits {
  /** Concurrent workers. */
  readonly workers: number;
  /** Requests per second over all workers of one command. */
  readonly requestsPerSecond: number;
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A command line that was understood (`run` never rejects but for a bug), or the reason why not. */
export type Understood =
  | { readonly kind: "ready"; readonly run: (context: ProgramContext) => Promise<ProgramResult> }
  | { readonly kind: "refused"; readonly reason: string };

export type Program = (args: readonly string[]) => Understood;

export function refused(reason: string): Understood {
  return { kind: "refused", reason };
}
