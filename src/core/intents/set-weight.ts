import { maxWeightOf } from "../plan/plan.ts";
import { currentStep } from "../plan/steps.ts";
import { update } from "../turn/turn.ts";
import { waitUntil } from "../turn/waits.ts";
import { applied, type Intent, obstacleTo, refused } from "./intent.ts";

/** Holds the run at the weight that the person chose. `resume` goes on with the next larger step. */
export const setWeight: Intent = {
  phases: ["Progressing"],
  apply(turn, { toWeight, by, reason }) {
    const { status, plan, spec, canaryShare, now } = turn;
    if (status.phase !== "Progressing") return refused("no run is under way");
    if (toWeight === undefined) return refused("no weight was given");
    if (currentStep(plan, status.step)?.announcement.kind !== "weight") {
      return refused("only a run that stands on a step with a weight has one to set");
    }
    const most = maxWeightOf(spec);
    if (toWeight > most) return refused(`the largest weight of this Canary is ${most}`);
    const obstacle = obstacleTo(turn);
    if (obstacle !== undefined) return refused(obstacle);
    const paused = { by, at: now, ...(reason === undefined ? {} : { reason }) };
    const hold = waitUntil(now + spec.analysis.intervalMs);
    const set = update({ ...status, canaryWeight: toWeight, paused, hold });
    return applied(`weight ${canaryShare} -> ${toWeight}, held there`, set);
  },
};
