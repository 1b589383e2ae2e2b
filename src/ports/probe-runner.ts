import type { Canary } from "../core/status/canary.ts";
import type { Answer, Probe } from "../core/turn/observation.ts";

/**
 * Runs the probes of a decision: calls webhooks and metric servers. A failure of the other side is an answer, not an
 * exception.
 */
export interface ProbeRunner {
  run(canary: Canary, probe: Probe, signal: AbortSignal): Promise<Answer>;
  /**
   * How many requests one version got in the last `windowMs` milliseconds.
   * @returns undefined where the metrics of the mesh do not tell
   */
  count?(canary: Canary, of: "canary" | "primary", windowMs: number, signal: AbortSignal): Promise<Count | undefined>;
}

/** Requests, rounded to whole ones. */
export interface Count {
  readonly requests: number;
  /** How many of them failed; absent where the metrics do not tell. */
  readonly failed?: number;
  /**
   * At most so many of them, per second and pod, no route led there: probes, scrapes. Absent: the count says nothing of
   * how the mesh splits.
   */
  readonly strayRate?: number;
}
