/**
 * The time of a quiet tenant beside a poisoned one, in the virtual time of the simulation: a busy machine changes
 * nothing. The engine takes four turns at once; the poisoned tenant has many Canaries whose webhooks never answer.
 */
import { expect, it } from "vitest";
import type { Canary } from "../../src/core/status/canary.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import type { Turn } from "../../src/ports/recorder.ts";
import { createChance } from "../../src/simulate/random.ts";
import type { Scenario } from "../../src/simulate/scenario.ts";
import { aScenario } from "../../src/simulate/stories.ts";
import { run } from "../../src/simulate/universe.ts";
import type { Universe } from "../../src/simulate/watcher.ts";
import { CALM, type Disturbance, FAULTS, type Fault, type Weather } from "../../src/simulate/weather.ts";

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

/** What is done to both runs alike, and what is done to the poisoned tenant alone. */
interface Chaos {
  readonly weather: Weather;
  readonly disturbances: readonly Disturbance[];
}

const NO_CHAOS: Chaos = { weather: CALM, disturbances: [] };

/**
 * The process is killed, and its clock is set. Beside that, every second call for the poisoned tenant fails, hangs or
 * comes late, and the watches of its objects stutter.
 */
function chaosOf(seed: number): Chaos {
  const chance = createChance(seed);
  const { write, ask } = FAULTS;
  const harmless = (faults: readonly Fault[]) => faults.filter((fault) => !fault.startsWith("dies"));
  const oneOf = (faults: readonly Fault[]) => faults[chance.between(0, faults.length - 1)];
  const weather: Weather = {
    call({ what, port }) {
      if (!/poison-|hang/.test(what) || chance.hits(0.5)) return undefined;
      return port === "alert" ? "slow" : oneOf(harmless(port === "write" ? write : ask));
    },
    watch: ({ object }) =>
      object.metadata.namespace === "evil" && chance.hits(0.2)
        ? { delayMs: 2, twice: chance.hits(0.5) }
        : CALM.watch({} as never),
  };
  const kill = (): Disturbance => ({ kind: "kill", afterMs: chance.between(1_000, 240_000) });
  const jump = (): Disturbance => ({
    ...{ kind: "clock-jump", of: "machine", afterMs: chance.between(1_000, 240_000) },
    byMs: chance.between(-3_600_000, 3_600_000),
  });
  return { weather, disturbances: [kill(), jump(), kill()] };
}

/**
 * When the quiet Canary's status changed in its release, and when its events were written, counted from the release.
 */
async function stepsOf(
  objects: readonly KubeObject[],
  scenario: Scenario,
  { weather, disturbances }: Chaos,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  let asked = 0;
  const watchers = [
    (universe: Universe) => {
      universe.api.onChange(({ kind, object, old }) => releasePoison(universe.api, kind, object, old));
      return {
        turn({ canary, input, transition }: Turn) {
          const releasedAt = universe.releasedAt();
          if (canary.ref.namespace === "evil" || releasedAt === undefined) return;
          const { phase, canaryWeight } = transition.status;
          const atMs = universe.schedule.now() - releasedAt;
          for (const { message } of transition.events) steps.push({ what: `says ${message}`, atMs });
          if (transition.status !== input.status) steps.push({ what: `${phase} ${canaryWeight}`, atMs });
        },
        asked(canary: Canary) {
          if (canary.ref.namespace === "evil") asked += 1;
        },
      };
    },
  ];
  await run({
    scenario: { ...scenario, objects: [...scenario.objects, ...objects] },
    ...{ seed: SEED, weather, disturbances, watchers },
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

/** The first time of each state and of each event, counted from the release. */
function firsts(steps: readonly Step[]): ReadonlyMap<string, number> {
  return new Map([...steps].reverse().map(({ what, atMs }) => [what, atMs] as const));
}

const SEEDS = (process.env["CHAOS_SEEDS"] ?? "1,2,3,4").split(",").map(Number);

it.each<[how: string, chaos: () => Chaos]>([
  ["in calm", () => NO_CHAOS],
  ...SEEDS.map((seed): [string, () => Chaos] => [`under the chaos of seed ${seed}`, () => chaosOf(seed)]),
])("each step and each event of the quiet tenant comes within a second of its time %s", async (_, chaos) => {
  const scenario = aScenario({ hooks: { hang: { kind: "hangs" } } });
  const alone = firsts(await stepsOf([], scenario, chaos()));
  const beside = firsts(await stepsOf(poison(scenario), scenario, chaos()));
  const said = [...alone.keys()].filter((what) => what.startsWith("says "));
  expect(said.length, JSON.stringify([...alone])).toBeGreaterThan(4);
  expect([...beside.keys()].sort()).toEqual([...alone.keys()].sort());
  const late = [...beside].map(([what, ms]) => ({ what, lateMs: ms - (alone.get(what) ?? 0) }));
  expect(late.filter(({ lateMs }) => lateMs > 1_000)).toEqual([]);
});
