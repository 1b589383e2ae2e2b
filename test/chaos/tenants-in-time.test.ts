/**
 * The time of a quiet tenant beside a poisoned one, in the virtual time of the simulation: a busy machine changes nothing. The
 * engine takes four turns at once; the poisoned tenant has many Canaries whose webhooks never answer.
 */
import { expect, it } from "vitest";
import type { Canary } from "../../src/core/canary.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import type { Turn } from "../../src/ports/recorder.ts";
import type { Scenario } from "../../src/simulate/scenario.ts";
import { aScenario } from "../../src/simulate/stories.ts";
import { run, type Universe } from "../../src/simulate/universe.ts";
import { CALM } from "../../src/simulate/weather.ts";

const POISONED = 40;
const SEED = 7;

interface Step {
  readonly what: string;
  readonly atMs: number;
}

function inNamespace(object: KubeObject, namespace: string, name: string): KubeObject {
  return { ...structuredClone(object), metadata: { ...structuredClone(object.metadata), namespace, name } };
}

/** Canaries of another namespace that ask, in every turn, what is never answered. */
function poison({ canary, target }: Scenario): readonly KubeObject[] {
  const hang = { name: "hang", type: "confirm-rollout", url: "http://hang.invalid/" };
  const gate = { ...hang, type: "rollout" };
  return Array.from({ length: POISONED }, (_, i) => `poison-${i}`).flatMap((name) => {
    const poisoned = inNamespace(canary, "evil", name);
    const { spec } = poisoned as { spec: Record<string, unknown> };
    const { targetRef, service, analysis } = spec as Record<string, Record<string, unknown>>;
    Object.assign(spec, {
      targetRef: { ...targetRef, name },
      service: { ...service, name },
      analysis: { ...analysis, interval: "10s", webhooks: [hang, gate] },
      autoscalerRef: undefined,
    });
    const workload = inNamespace(target, "evil", name);
    const labels = { app: name };
    const template = { ...workload["spec"].template, metadata: { labels } };
    Object.assign(workload["spec"], { selector: { matchLabels: labels }, template });
    return [workload, poisoned];
  });
}

/** When the quiet Canary's status changed in its release, counted from the release. */
async function stepsOf(objects: readonly KubeObject[], scenario: Scenario): Promise<readonly Step[]> {
  const steps: Step[] = [];
  let asked = 0;
  const watchers = [
    (universe: Universe) => {
      universe.api.onChange(({ kind, object, old }) => releasePoison(universe.api, kind, object, old));
      return {
        turn({ canary, input, transition }: Turn) {
          const releasedAt = universe.releasedAt();
          if (canary.ref.namespace === "evil" || releasedAt === undefined || transition.status === input.status) return;
          const { phase, canaryWeight } = transition.status;
          steps.push({ what: `${phase} ${canaryWeight}`, atMs: universe.schedule.now() - releasedAt });
        },
        asked(canary: Canary) {
          if (canary.ref.namespace === "evil") asked += 1;
        },
      };
    },
  ];
  await run({
    scenario: { ...scenario, objects: [...scenario.objects, ...objects] },
    seed: SEED,
    weather: CALM,
    watchers,
  });
  expect(asked > 0).toBe(objects.length > 0);
  return steps;
}

/** A poisoned Canary that is initialised gets a new release at once, whose gate never answers. */
function releasePoison(
  api: Universe["api"],
  kind: ResourceType,
  object: KubeObject,
  old: KubeObject | undefined,
): void {
  const { namespace = "", name } = object.metadata;
  const isNew = object["status"]?.phase === "Initialized" && old?.["status"]?.phase !== "Initialized";
  if (kind !== RESOURCES.canary || namespace !== "evil" || !isNew) return;
  const ref = { type: RESOURCES.deployment, namespace, name };
  const { template } = api.get(ref)?.["spec"] ?? {};
  const containers = (template?.spec.containers ?? []).map((container: object) => ({
    ...container,
    image: "podinfo:2",
  }));
  api.patch(ref, { spec: { template: { spec: { containers } } } }, {}, "user");
}

/** The first time of each state, and how long after the one before. */
function lengths(steps: readonly Step[]): ReadonlyMap<string, number> {
  const firsts = steps.filter(({ what }, i) => steps.findIndex((other) => other.what === what) === i);
  return new Map(firsts.map(({ what, atMs }, i) => [what, atMs - (firsts[i - 1]?.atMs ?? 0)]));
}

it("each step of the quiet tenant comes within a second of its time", async () => {
  const scenario = aScenario({ hooks: { hang: { kind: "hangs" } } });
  const alone = lengths(await stepsOf([], scenario));
  const beside = lengths(await stepsOf(poison(scenario), scenario));
  expect(alone.size).toBeGreaterThan(4);
  expect([...beside.keys()]).toEqual([...alone.keys()]);
  const late = [...beside].map(([what, ms]) => ({ what, lateMs: ms - (alone.get(what) ?? 0) }));
  expect(late.filter(({ lateMs }) => lateMs > 1_000)).toEqual([]);
});
