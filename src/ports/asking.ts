import type { Canary } from "../core/canary.ts";
import type { Answer, Probe } from "../core/observation.ts";

/** Asks the world outside the caches: webhooks and metric servers. Never throws for what the other side does. */
export interface Asking {
  ask(canary: Canary, probe: Probe, signal: AbortSignal): Promise<Answer>;
}
