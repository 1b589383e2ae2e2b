/** Objects that a Canary and its target refer to. People delete them in the middle of a run, and create them again. */
import { typeOf } from "../operator/cluster/write.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { isForeign } from "./foreign.ts";
import type { Chance } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { REFERENCES, type Reference } from "./scenario.ts";
import { withConfig } from "./stories.ts";
import type { Universe } from "./watcher.ts";

/** One or two objects go at random times, and come back a while later. */
export function withReferences(scenario: Scenario, chance: Chance): Scenario {
  const target = scenario.target.kind === "Service" ? scenario : withConfigOnce(scenario);
  const referring = chance.hits(0.5) ? withTemplate(withProvider(target)) : target;
  const there = REFERENCES.filter((of) => referring.objects.some((object) => isReference(object, of)));
  const [first, ...others] = there;
  if (first === undefined) return scenario;
  const users = Array.from({ length: chance.between(1, 2) }, () => {
    const of = chance.pick([first, ...others]);
    const afterMs = chance.between(0, 200) * 1_000;
    const back = afterMs + chance.between(1, 90) * 1_000;
    return [
      { afterMs, kind: "delete-reference", of } as const,
      { afterMs: back, kind: "restore-reference", of } as const,
    ];
  }).flat();
  return { ...referring, users: [...referring.users, ...users] };
}

const isReference = (object: KubeObject, of: string): boolean => object.kind === of && !isForeign(object);

function withConfigOnce(scenario: Scenario): Scenario {
  return scenario.objects.some((object) => isReference(object, "ConfigMap")) ? scenario : withConfig(scenario);
}

function withTemplate(scenario: Scenario): Scenario {
  const metric = { name: "errors", templateRef: { name: "errors" }, thresholdRange: { max: 1 }, interval: "30s" };
  const spec = { provider: { type: "prometheus", address: "http://prometheus.invalid" }, query: "vector(0)" };
  const object = made(scenario, "MetricTemplate", "errors", spec);
  const { metrics = [] } = scenario.canary.spec.analysis;
  return analysed({ ...scenario, objects: [...scenario.objects, object] }, { metrics: [...metrics, metric] });
}

function withProvider(scenario: Scenario): Scenario {
  const alert = { name: "chat", severity: "info", providerRef: { name: "chat" } };
  const object = made(scenario, "AlertProvider", "chat", { type: "slack", address: "http://chat.invalid" });
  return analysed({ ...scenario, objects: [...scenario.objects, object] }, { alerts: [alert] });
}

function made({ target }: Scenario, kind: string, name: string, spec: KubeFields): KubeObject {
  const { namespace = "" } = target.metadata;
  return { apiVersion: "flagger.app/v1beta1", kind, metadata: { name, namespace }, spec };
}

function analysed(scenario: Scenario, fields: KubeFields): Scenario {
  const { canary } = scenario;
  const spec = { ...canary.spec, analysis: { ...canary.spec.analysis, ...fields } };
  return { ...scenario, canary: { ...canary, spec } };
}

export function deleteReference(of: Reference, universe: Universe): void {
  deleteAll(
    universe.scenario.objects.filter((one) => isReference(one, of)),
    universe,
  );
}

export function deleteAll(objects: readonly KubeObject[], { api }: Universe): void {
  for (const object of objects) {
    const { namespace = "", name } = object.metadata;
    api.delete({ type: typeOf(object), namespace, name }, "user");
  }
}

export function restoreReference(of: Reference, { api, scenario }: Universe): void {
  for (const object of scenario.objects.filter((one) => isReference(one, of))) {
    const { namespace = "", name } = object.metadata;
    const type = typeOf(object);
    if (api.get({ type, namespace, name }) === undefined) api.create(type, object, "user");
  }
}
