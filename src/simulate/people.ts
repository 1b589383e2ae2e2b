/** People who steer: they click at random, twice, on old pages, and without the right. */
import { VERBS, type Verb } from "../core/people/steering.ts";
import { apiVersionOf, type KubeObject } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { keptRevisions } from "../workloads/copied/kept.ts";
import type { Case } from "./generate.ts";
import { type Chance, createChance } from "./random.ts";
import type { Click, UserAction } from "./scenario.ts";
import type { Universe } from "./watcher.ts";

/** What the roles that are shipped let each person do, see deploy/steering. */
export const RIGHTS: Readonly<Record<Click["by"], readonly Verb[]>> = {
  alice: VERBS,
  olga: ["pause", "resume", "approve", "refuse", "promote", "abort", "retry"],
  mallory: [],
};

/** What people click at random. An override comes with a freeze. */
const CLICKED = VERBS.filter((verb) => verb !== "override") as unknown as readonly [Verb, ...Verb[]];
const STEP_BOUND: readonly Verb[] = ["promote", "approve", "refuse", "skip", "set-weight"];

/** Creates the CanaryAction, as the API server admits it. */
export function click(asked: Click, { api, canary, primary, refs }: Universe): void {
  const { verb, by, how, weight, step, forMs } = asked;
  const seen = canary();
  if (seen === undefined || !RIGHTS[by].includes(verb)) return;
  const { lastAppliedSpec, aviary: memory = {} } = seen.status ?? {};
  const old = how === "stale";
  const present: number = memory.step ?? 0;
  const expect = {
    ...(memory.run === undefined ? {} : { run: old ? `${memory.run.id}-before` : memory.run.id }),
    ...(lastAppliedSpec === undefined || lastAppliedSpec === "" ? {} : { revision: lastAppliedSpec }),
    ...(STEP_BOUND.includes(verb) ? { step: old ? present + 3 : present } : {}),
  };
  const run = asked.run === undefined ? undefined : runOf(asked.run, primary());
  const to = {
    ...(weight === undefined ? {} : { weight }),
    ...(step === undefined ? {} : { step }),
    ...(run === undefined ? {} : { run }),
  };
  const spec = {
    ...{ canary: refs.canary.name, verb, by, expect, to, gatesToo: true, reason: "an urgent fix" },
    ...(forMs === undefined ? {} : { for: `${forMs / 1000}s` }),
  };
  const { namespace } = refs.canary;
  for (let times = how === "twice" ? 2 : 1; times > 0; times -= 1) {
    const name = `click-${api.list(STEERING.action).length}`;
    const metadata = { name, namespace };
    api.create(
      STEERING.action,
      { apiVersion: apiVersionOf(STEERING.action), kind: STEERING.action.kind, metadata, spec },
      "user",
    );
  }
}

/** Releases of the Canary do not begin until the time is over, unless a person overrides the freeze. */
export function freeze({ name, runs, forMs }: Frozen, { api, refs, schedule }: Universe): void {
  const { namespace } = refs.canary;
  const metadata = { name, namespace };
  const spec = { by: "carol", reason: "the sale", runs };
  const { freeze: type } = STEERING;
  if (api.get({ type, namespace, name }) !== undefined) return;
  api.create(type, { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec }, "user");
  schedule.after(forMs, () => api.delete({ type, namespace, name }, "user"));
}

/** The oldest run that the primary could get back; where it keeps none of before, the last one. */
function runOf(which: "earlier" | "unknown", primary: KubeObject | undefined): string {
  if (which === "unknown" || primary === undefined) return "podinfo-of-long-ago";
  const { earlier, previous } = keptRevisions(primary);
  return earlier.at(-1)?.run ?? previous?.run ?? "podinfo-of-long-ago";
}

/** The same case, and people who steer in it. */
export function withPeople(given: Case): Case {
  const chance = createChance(given.seed).fork("people");
  const random = Array.from({ length: chance.between(2, 8) }, () => aClick(chance)).flatMap(follow);
  const fixed = { kind: "steer", by: "alice", how: "fresh" } as const;
  const early: Steer = { ...fixed, verb: "skip", step: 2, afterMs: chance.between(15, 45) * 1_000 };
  // Promotions are over by then.
  const late: Steer = { ...fixed, verb: "undo", afterMs: chance.between(400, 700) * 1_000 };
  const deep = createChance(given.seed).fork("undo --to");
  const ice = createChance(given.seed).fork("freezes");
  const clicks = [
    ...random,
    ...(chance.hits(0.5) ? [early] : []),
    ...(chance.hits(0.7) ? [late] : []),
    ...(deep.hits(0.5) ? releasesAndUndo(deep) : []),
    ...(ice.hits(0.6) ? freezesAndOverrides(ice) : []),
  ];
  const users = [...given.scenario.users, ...clicks].sort((a, b) => a.afterMs - b.afterMs);
  return { ...given, scenario: { ...given.scenario, users } };
}

const IMAGES = ["podinfo:3", "podinfo:1", "podinfo:2"] as const;
const BETWEEN_RELEASES_MS = 160_000;

/** More releases, so that the primary keeps earlier ones; then a person goes back to one of them. */
function releasesAndUndo(chance: Chance): readonly UserAction[] {
  const fixed = { kind: "steer", by: "alice" } as const;
  const begin = 800_000;
  const releases = IMAGES.flatMap((image, index): UserAction[] => {
    const at = begin + index * BETWEEN_RELEASES_MS;
    const full = { ...fixed, verb: "promote-full", how: "fresh" } as const;
    // A release that was held by a pause or a fault goes on, and the second click finds it.
    return [
      { kind: "release", image, afterMs: at },
      { ...fixed, verb: "resume", how: "fresh", afterMs: at + 30_000 },
      { ...full, afterMs: at + 40_000 },
      { ...full, afterMs: at + 80_000 },
    ];
  });
  const afterUndo = begin + IMAGES.length * BETWEEN_RELEASES_MS + chance.between(10, 100) * 1_000;
  const run = chance.hits(0.85) ? "earlier" : "unknown";
  return [
    ...releases,
    { ...fixed, verb: "undo", how: chance.pick(["fresh", "fresh", "twice"] as const), run, afterMs: afterUndo },
    // A release after the undo.
    ...(chance.hits(0.3) ? [{ kind: "release", image: "podinfo:3", afterMs: afterUndo + 90_000 } as const] : []),
  ];
}

/**
 * One or two freezes, before the release begins or in its midst, and people who override them: in time, twice, on old
 * pages, and without the right.
 */
function freezesAndOverrides(chance: Chance): readonly UserAction[] {
  const count = chance.between(1, 2);
  const frozen = Array.from({ length: count }, (_, index) => index).flatMap((index): UserAction[] => {
    const afterMs = chance.between(0, 120) * 1_000;
    const forMs = chance.between(60, 240) * 1_000;
    const runs = chance.pick(["finish", "hold", "hold"] as const);
    const overrides = Array.from({ length: chance.between(1, 3) }, (): Steer => {
      const by = chance.pick(["alice", "alice", "olga", "mallory"] as const);
      const how = chance.pick(["fresh", "fresh", "twice", "stale"] as const);
      return { kind: "steer", verb: "override", by, how, afterMs: afterMs + chance.between(1, 90) * 1_000 };
    });
    // A release that comes while all is frozen.
    const image = chance.pick(IMAGES);
    const released: UserAction[] = chance.hits(0.4) ? [{ kind: "release", image, afterMs: afterMs + 5_000 }] : [];
    return [{ kind: "freeze", name: `sale-${index}`, runs, forMs, afterMs }, ...released, ...overrides];
  });
  return chance.hits(0.6) ? [...frozen, ...aSecondFreeze(chance, frozen)] : frozen;
}

/** Soon after a person has overridden a freeze, another one begins, which the override is not for. */
function aSecondFreeze(chance: Chance, frozen: readonly UserAction[]): readonly UserAction[] {
  const first = frozen.find(({ kind }) => kind === "steer");
  if (first === undefined) return [];
  const afterMs = first.afterMs + chance.between(2, 20) * 1_000;
  return [{ kind: "freeze", name: "audit", runs: "hold", forMs: chance.between(60, 120) * 1_000, afterMs }];
}

type Frozen = Extract<UserAction, { readonly kind: "freeze" }>;
type Steer = Extract<UserAction, { readonly kind: "steer" }>;

function aClick(chance: Chance): Steer {
  const verb = chance.pick(CLICKED);
  return {
    ...{ kind: "steer", verb, afterMs: chance.between(0, chance.hits(0.5) ? 60 : 400) * 1_000 },
    by: chance.pick(["alice", "alice", "alice", "olga", "mallory"] as const),
    how: chance.pick(["fresh", "fresh", "twice", "stale"] as const),
    ...(verb === "set-weight" ? { weight: chance.pick([5, 20, 40, 50]) } : {}),
    ...(verb === "skip" ? { step: chance.pick([2, 3]) } : {}),
    ...(verb === "pause" && chance.hits(0.3) ? { forMs: chance.between(5, 90) * 1_000 } : {}),
  };
}

/** What a person holds, the person lets go, so that the run can end. */
function follow(action: Steer): readonly Steer[] {
  if (action.verb !== "pause" && action.verb !== "set-weight") return [action];
  const { afterMs } = action;
  const later = { kind: "steer", verb: "resume", by: "alice", how: "fresh" } as const;
  return [action, { ...later, afterMs: afterMs + 60_000 }, { ...later, afterMs: afterMs + 90_000 }];
}
