/** Written by Flagger when a Canary leaves. Aviary lets the Canary go instead, and touches nothing any more. */
import { unchanged } from "../turn/turn.ts";
import type { PhaseRules } from "./phase.ts";

export const terminated: PhaseRules<"Terminated"> = {
  name: "Terminated",
  arrows: [],
  running: false,
  decide: (turn) => unchanged(turn),
  routes: () => undefined,
  desired: () => "hands-off",
  condition: (kind) => ({ status: "Unknown", message: `New ${kind} detected, starting initialization.` }),
  memory: { read: () => ({ phase: "Terminated" }), write: () => ({}) },
};
