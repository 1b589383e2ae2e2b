import { hooksOf, isApprovedGate } from "../probes.ts";
import type { HookType } from "../spec.ts";
import type { Turn } from "../turn.ts";

/** A webhook that a person may pass or refuse. */
export interface Gate {
  readonly type: HookType;
  readonly name: string;
}

/** The gates before the next step or the promotion that no person has approved yet. */
export function gatesAhead({ status, plan, spec }: Turn): readonly Gate[] {
  return typesAhead({ status, plan })
    .flatMap((type) => hooksOf(spec, type).map(({ name }) => ({ type, name })))
    .filter(({ type, name }) => !isApprovedGate(status, type, name));
}

function typesAhead({ status, plan }: Pick<Turn, "status" | "plan">): readonly HookType[] {
  if (status.phase === "Waiting") return ["confirm-rollout"];
  if (status.phase !== "Progressing" && status.phase !== "WaitingPromotion") return [];
  const gates = plan.steps[status.step]?.gates ?? plan.promotionGates;
  return status.phase === "Progressing" ? gates : gates.filter((gate) => gate !== "confirm-traffic-increase");
}

/** The run waits because a gate is closed. */
export function isWaitingAtGate({ phase, announced }: Turn["status"]): boolean {
  return phase === "Waiting" || phase === "WaitingPromotion" || announced?.reason === "GateRefused";
}
