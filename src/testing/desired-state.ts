/** The wanted state of the cluster, in one line. */

import type { DesiredState } from "../core/desired.ts";
import type { Phase } from "../core/phases/positions.ts";
import { ALL_TO_PRIMARY } from "../core/plan/steps.ts";
import type { Canary, CanaryStatus } from "../core/status/canary.ts";
import { aCanary, type CanaryParts } from "./canary.ts";

/** Idle: the primary exists, all traffic goes to it, and nothing is to be scaled. */
export function aDesiredState(parts: Partial<DesiredState> = {}): DesiredState {
  return {
    engaged: true,
    primary: { kind: "present" },
    target: "as-is",
    syncScaler: false,
    traffic: ALL_TO_PRIMARY,
    ...parts,
  };
}

export function inPhase(phase: Phase, parts: CanaryParts = {}, status: Partial<CanaryStatus> = {}): Canary {
  const canary = aCanary(parts);
  return { ...canary, status: { ...canary.status, ...status, phase } as CanaryStatus };
}
