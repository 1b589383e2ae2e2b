/** What other people do, by chance, to the objects around a Canary. */
import type { KubeFields } from "../ports/kubernetes.ts";
import { withForeign } from "./foreign.ts";
import type { Chance } from "./random.ts";
import { withReferences } from "./references.ts";
import type { Scenario, UserAction } from "./scenario.ts";

/** Other people own objects with the operator's names, edit what the Canary refers to, and have admission webhooks. */
export function withOthers(scenario: Scenario, isPlain: boolean, chance: Chance): Scenario {
  if (isPlain || !chance.hits(0.4)) return scenario;
  const what = chance.pick(["foreign", "references", "labels", "outage", "autoscaler", "stamps"] as const);
  if (what === "stamps") return { ...scenario, stamps: true };
  if (what === "foreign") return withForeign(scenario, chance);
  if (what === "references") return withReferences(scenario, chance);
  if (what === "labels") return withOtherLabels(scenario, chance);
  if (what === "outage") return withOutage(scenario, chance);
  if (scenario.canary.spec.autoscalerRef === undefined) return scenario;
  return chance.hits(0.5) ? withImpossibleLimits(scenario, chance) : withoutAutoscaler(scenario, chance);
}

/** The minimum for the primary is above the maximum of its autoscaler, for a while. */
function withImpossibleLimits(scenario: Scenario, chance: Chance): Scenario {
  const afterMs = chance.between(0, 150) * 1_000;
  const limits = (primaryScalerReplicas: KubeFields) => ({ autoscalerRef: { primaryScalerReplicas } });
  const users = [
    ...scenario.users,
    { afterMs, kind: "edit-canary", spec: limits({ minReplicas: 9 }) },
    { afterMs: afterMs + 60_000, kind: "edit-canary", spec: limits(null) },
  ] satisfies readonly UserAction[];
  return { ...scenario, users };
}

function withoutAutoscaler(scenario: Scenario, chance: Chance): Scenario {
  // An autoscaler that stays without its reference would bring the target up again, each time that the operator takes
  // it down.
  const afterMs = chance.between(0, 200) * 1_000;
  const edit = { afterMs, kind: "edit-canary", spec: { autoscalerRef: null } } as const;
  const gone = { afterMs: afterMs + 20_000, kind: "delete-scaler" } as const;
  return { ...scenario, users: [...scenario.users, edit, gone] };
}

/** A node fails, and new pods do not get ready for a while. */
function withOutage(scenario: Scenario, chance: Chance): Scenario {
  const of = chance.pick(["primary", "primary", "target"] as const);
  const [afterMs, forMs] = [chance.between(0, 200) * 1_000, chance.between(5, 50) * 1_000];
  return { ...scenario, users: [...scenario.users, { afterMs, kind: "lose-pods", of, all: true, forMs }] };
}

/** The target is made again with other labels, or it has two labels that `-selector-labels` may name. */
function withOtherLabels(scenario: Scenario, chance: Chance): Scenario {
  const { target } = scenario;
  if (target.kind === "Service") return scenario;
  if (chance.hits(0.5)) {
    const again = { afterMs: chance.between(0, 200) * 1_000, kind: "relabel-target" } as const;
    return { ...scenario, users: [...scenario.users, again] };
  }
  const labels = { app: target.metadata.name, name: target.metadata.name };
  const { template } = target.spec;
  const labelled = { ...template, metadata: { ...template.metadata, labels } };
  const spec = { ...target.spec, selector: { matchLabels: labels }, template: labelled };
  return { ...scenario, target: { ...target, spec } };
}
