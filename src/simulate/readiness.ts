/** When pods count as ready, by chance. */
import type { Chance } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { ready } from "./stories.ts";

/** Kubernetes gives a Deployment up sooner than its Canary does. */
function hurried(scenario: Scenario, chance: Chance): Scenario {
  const { target } = scenario;
  if (target.kind !== "Deployment" || !chance.hits(0.1)) return scenario;
  return { ...scenario, target: { ...target, spec: { ...target.spec, progressDeadlineSeconds: 20 } } };
}

/** Pods that have been ready for a while, or a part of the pods. */
export function withReadiness(scenario: Scenario, chance: Chance): Scenario {
  const { canary, target } = scenario;
  const { kind } = target;
  const hasPods = kind === "Deployment" || kind === "StatefulSet" || kind === "DaemonSet";
  const waiting = hasPods && chance.hits(0.15) ? ready(scenario, chance.pick([5, 15])) : hurried(scenario, chance);
  if (!chance.hits(0.1)) return waiting;
  const analysis = { ...canary.spec.analysis, primaryReadyThreshold: 50, canaryReadyThreshold: 50 };
  return { ...waiting, canary: { ...canary, spec: { ...canary.spec, analysis } } };
}
