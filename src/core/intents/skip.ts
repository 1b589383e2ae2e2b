import { enterStep } from "../phases/analysis.ts";
import { hooksOf } from "../turn/probes.ts";
import { applied, type Intent, obstacleTo, refused, withoutPause } from "./intent.ts";

/**
 * Goes forward to a step. When gates lie in between, the person must also ask to skip gates; the refusal names them.
 */
export const skip: Intent = {
  phases: ["Progressing"],
  apply(turn, { toStep, toWeight, gatesToo }) {
    const { status, plan, spec } = turn;
    if (status.phase !== "Progressing") return refused("no run is under way");
    const byWeight = toWeight === undefined ? 0 : plan.steps.findIndex(({ weight }) => weight >= toWeight) + 1;
    const to = toStep ?? byWeight;
    const step = plan.steps[to - 1];
    if (step === undefined) return refused(`there is no such step: the plan has ${plan.steps.length}`);
    if (to <= status.step) return refused(`the run is at step ${status.step} already`);
    const between = plan.steps.slice(status.step, to).flatMap(({ gates }) => gates);
    const gates = [...new Set(between)].flatMap((type) => hooksOf(spec, type).map(({ name }) => name));
    if (gates.length > 0 && gatesToo !== true) return refused(`gates are in between: ${gates.join(", ")}`);
    const obstacle = obstacleTo(turn);
    if (obstacle !== undefined) return refused(obstacle);
    return applied(`step ${status.step} -> ${to}`, withoutPause(enterStep(turn, status, step, to, [])));
  },
};
