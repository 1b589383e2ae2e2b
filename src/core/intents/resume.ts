import { update } from "../turn/turn.ts";
import { waitUntil } from "../turn/waits.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** The step is held for a full interval again: the metrics must be measured after the run was resumed. */
export const resume: Intent = {
  phases: ["Waiting", "Progressing", "WaitingPromotion", "Promoting"],
  apply({ status, now, spec, canaryShare }) {
    const { paused, ...rest } = status;
    if (paused === undefined) return refused("not paused");
    const isOnStep = "step" in rest && rest.step > 0;
    const resumed = isOnStep ? { ...rest, hold: waitUntil(now + spec.analysis.intervalMs) } : rest;
    return applied(`goes on from ${canaryShare} %`, update(resumed));
  },
};
