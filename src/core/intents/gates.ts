import type { Plan } from "../plan/plan.ts";
import type { HookType } from "../spec/spec.ts";
import { hooksOf, isApprovedGate } from "../turn/probes.ts";
import type { Turn } from "../turn/turn.ts";

/** A webhook that a person may pass or refuse. */
export interface Gate {
  readonly type: HookType;
  readonly name: string;
}

/** The gates before the next step or the promotion that no person has approved yet. */
export function gatesAhead({ status, plan, spec }: Turn): readonly Gate[] {
  return gateTypesAhead(status.phase, "step" in status ? status.step : 0, plan)
    .flatMap((type) => hooksOf(spec, type).map(({ name }) => ({ type, name })))
    .filter(({ type, name }) => !isApprovedGate(status, type, name));
}

/** @param step steps entered */
export function gateTypesAhead(phase: string, step: number, plan: Plan): readonly HookType[] {
  if (phase === "Waiting") return ["confirm-rollout"];
  if (phase !== "Progressing" && phase !== "WaitingPromotion") return [];
  const gates = plan.steps[step]?.gates ?? plan.promotionGates;
  return phase === "Progressing" ? gates : gates.filter((gate) => gate !== "confirm-traffic-increase");
}

/** The run waits because a gate is closed. */
export function isWaitingAtGate({ phase, announced }: Turn["status"]): boolean {
  return phase === "Waiting" || phase === "WaitingPromotion" || announced?.reason === "GateRefused";
}
