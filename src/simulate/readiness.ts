/** When pods count as ready, by chance. */
import type { Chance } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { ready } from "./stories.ts";

/** Pods that have been ready for a while, or a part of the pods. */
export function withReadiness(scenario: Scenario, chance: Chance): Scenario {
  const { canary, target } = scenario;
  const { kind } = target;
  const hasPods = kind === "Deployment" || kind === "StatefulSet" || kind === "DaemonSet";
  const waiting = hasPods && chance.hits(0.15) ? ready(scenario, chance.pick([5, 15])) : scenario;
  if (!chance.hits(0.1)) return waiting;
  const analysis = { ...canary.spec.analysis, primaryReadyThreshold: 50, canaryReadyThreshold: 50 };
  return { ...waiting, canary: { ...canary, spec: { ...canary.spec, analysis } } };
}
