/**
 * A Canary that was just created and has no status yet. `decide` lets it enter Initializing.
 */
import { unchanged } from "../turn/turn.ts";
import type { PhaseRules } from "./phase.ts";

export const newborn: PhaseRules<""> = {
  name: "",
  arrows: ["Initializing", "Terminating"],
  running: false,
  decide: (turn) => unchanged(turn),
  routes: () => undefined,
  desired: () => "hands-off",
  condition: (kind) => ({ status: "Unknown", message: `New ${kind} detected, starting initialization.` }),
  memory: { read: () => ({ phase: "" }), write: () => ({}) },
};
