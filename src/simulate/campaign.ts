/** Many runs: random ones from seeds, and every single fault at every call of a story. */
import { type Case, createStorm, generateCase } from "./generate.ts";
import type { Violation } from "./invariants/invariant.ts";
import { SAME_END } from "./invariants/same-end.ts";
import { watchInvariants } from "./invariants/table.ts";
import { createChance } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { firstImage } from "./targets.ts";
import { run } from "./universe.ts";
import type { End, Universe, Watcher } from "./watcher.ts";
import { CALM, type Disturbance, FAULTS, type Fault, oneFault, type PortCall, type Weather } from "./weather.ts";

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly end: End | undefined;
  /** Every call, in order. */
  readonly calls: number;
  /** Faults that took effect, by the number of the call. */
  readonly hits: ReadonlyMap<number, Fault>;
}

export interface Trial {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly weather: (universe: () => Universe | undefined) => Weather;
  readonly disturbances?: readonly Disturbance[];
  readonly watchers?: readonly ((universe: Universe) => Watcher)[];
}

/** One run under all invariants. */
export async function judge({ scenario, seed, weather, disturbances = [], watchers = [] }: Trial): Promise<Verdict> {
  const violations: Violation[] = [];
  const hits = new Map<number, Fault>();
  let end: End | undefined;
  let seen: Universe | undefined;
  const keep = (universe: Universe): Watcher => {
    seen = universe;
    return {
      fault: (fault, { index }) => void hits.set(index, fault),
      end: (reached) => {
        end = reached;
      },
    };
  };
  try {
    const all = [keep, ...watchInvariants(violations), ...watchers];
    await run({ scenario, seed, weather: weather(() => seen), watchers: all, disturbances });
  } catch (error) {
    violations.push({
      invariant: "every-run-ends",
      at: 0,
      text: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
  return { violations, end, calls: seen?.calls ?? 0, hits };
}

/** The parts of a case that are kept; absent: all. */
export interface Kept {
  readonly users: readonly number[];
  readonly disturbances: readonly number[];
  /** By the number of the call. */
  readonly faults: ReadonlyMap<number, Fault>;
  /** Whether watches are late, duplicated and broken. */
  readonly watches: boolean;
}

export async function judgeCase(given: Case, kept?: Kept, watchers: Trial["watchers"] = []): Promise<Verdict> {
  const scenario =
    kept === undefined
      ? given.scenario
      : { ...given.scenario, users: given.scenario.users.filter((_, i) => kept.users.includes(i)) };
  const disturbances =
    kept === undefined ? given.disturbances : given.disturbances.filter((_, i) => kept.disturbances.includes(i));
  const verdict = await judge({
    scenario,
    seed: given.seed,
    disturbances,
    watchers,
    weather: (universe) => weatherOf(given, kept, universe),
  });
  const twin =
    verdict.violations.length === 0 && mustEndAlike(given)
      ? await judge({ scenario, seed: given.seed, weather: () => CALM })
      : undefined;
  return twin === undefined || isTakenBackBesideAnother(given, verdict) ? verdict : compareEnds(verdict, twin.end);
}

/**
 * Allowed: with two leaders, the stale one may see traffic on a canary without pods and count a failed check, so a good
 * release may be rolled back. That is unnecessary, but safe.
 */
function isTakenBackBesideAnother({ disturbances, scenario }: Case, { end }: Verdict): boolean {
  return (
    disturbances.some(({ kind }) => kind === "two-leaders") &&
    end?.phase === "Failed" &&
    end.rested &&
    end.image === firstImage(scenario) &&
    end.split === "100/0"
  );
}

function weatherOf(given: Case, kept: Kept | undefined, universe: () => Universe | undefined): Weather {
  const blows = () => {
    const seen = universe();
    const releasedAt = seen?.releasedAt();
    return seen === undefined || releasedAt === undefined || seen.schedule.now() < releasedAt + given.calmAfterMs;
  };
  const storm = createStorm(given, { chance: createChance(given.seed).fork("weather"), blows });
  if (kept === undefined) return storm;
  const call = ({ index, port }: PortCall) => {
    const fault = kept.faults.get(index);
    return fault !== undefined && (FAULTS[port] as readonly Fault[]).includes(fault) ? fault : undefined;
  };
  return { call, watch: kept.watches ? storm.watch : CALM.watch };
}

/** Only crashes and network faults, and a scenario in which nothing depends on the time. */
function mustEndAlike({ faults, storminess, scenario, disturbances }: Case): boolean {
  const { users, hooks, behaviours } = scenario;
  const steady = Object.values(behaviours).every(
    ({ errorRate, errorRateAsPrimary = errorRate, latencyMs, crash, crashAsPrimary, readyAfterMs }) =>
      [errorRate, errorRateAsPrimary, latencyMs].every((curve) => typeof curve === "number") &&
      typeof crash !== "number" &&
      typeof crashAsPrimary !== "number" &&
      readyAfterMs < 20_000,
  );
  const tame = faults.every((fault) => fault !== "error" && fault !== "hangs" && fault !== "late" && fault !== "slow");
  return (
    (storminess > 0 || disturbances.length > 0) &&
    tame &&
    steady &&
    users.length === 0 &&
    Object.keys(hooks).length === 0
  );
}

export function compareEnds(verdict: Verdict, expected: End | undefined): Verdict {
  const [found, wanted] = [JSON.stringify(verdict.end), JSON.stringify(expected)];
  if (found === wanted) return verdict;
  return {
    ...verdict,
    violations: [
      ...verdict.violations,
      { invariant: SAME_END.name, at: 0, text: `expected ${wanted}, came to ${found}` },
    ],
  };
}

/** A run that broke a rule, and what of its troubles is needed for that. */
export interface CaseFailure {
  readonly seed: number;
  readonly kept: Kept;
  readonly violation: Violation;
}

/** Lets signals and other work run: the runs themselves use microtasks only. */
const breathe = () => new Promise((resolve) => setImmediate(resolve));
const RUNS_PER_BREATH = 20;

/**
 * @param each is called for every run that failed, after it was minimised
 * @returns the number of runs that were done before the end, or before the interruption
 */
export async function runCases(
  seed: number,
  count: number,
  signal: AbortSignal,
  each: (failure: CaseFailure) => void,
): Promise<number> {
  for (let i = 0; i < count; i += 1) {
    if (i % RUNS_PER_BREATH === 0) await breathe();
    if (signal.aborted) return i;
    const given = generateCase(seed + i);
    const verdict = await judgeCase(given);
    const [first] = verdict.violations;
    if (first !== undefined) each(await shrink(given, verdict, first));
  }
  return count;
}

/** Leaves out everything that is not needed to break the same rule. */
async function shrink(given: Case, verdict: Verdict, violation: Violation): Promise<CaseFailure> {
  const everything: Kept = {
    users: given.scenario.users.map((_, i) => i),
    disturbances: given.disturbances.map((_, i) => i),
    faults: verdict.hits,
    watches: true,
  };
  let best = { seed: given.seed, kept: everything, violation };
  for (let smaller = true; smaller; ) {
    smaller = false;
    for (const kept of withoutOne(best.kept)) {
      const { violations } = await judgeCase(given, kept);
      const same = violations.find(({ invariant }) => invariant === violation.invariant);
      if (same === undefined) continue;
      best = { seed: given.seed, kept, violation: same };
      smaller = true;
      break;
    }
  }
  return best;
}

function withoutOne(kept: Kept): Kept[] {
  const without = <T>(list: readonly T[]) => list.map((_, i) => list.filter((__, j) => j !== i));
  return [
    ...(kept.watches ? [{ ...kept, watches: false }] : []),
    ...(kept.faults.size > 3 ? halves([...kept.faults]).map((half) => ({ ...kept, faults: new Map(half) })) : []),
    ...without([...kept.faults]).map((faults) => ({ ...kept, faults: new Map(faults) })),
    ...without(kept.users).map((users) => ({ ...kept, users })),
    ...without(kept.disturbances).map((disturbances) => ({ ...kept, disturbances })),
  ];
}

function halves<T>(list: readonly T[]): T[][] {
  const middle = list.length >> 1;
  return [list.slice(0, middle), list.slice(middle)];
}

/** "u0,d1,f17:refused,w": what `--keep` reads. */
export function describeKept({ users, disturbances, faults, watches }: Kept): string {
  const parts = [
    ...users.map((i) => `u${i}`),
    ...disturbances.map((i) => `d${i}`),
    ...[...faults].map(([index, fault]) => `f${index}:${fault}`),
    ...(watches ? ["w"] : []),
  ];
  return parts.length === 0 ? "nothing" : parts.join(",");
}

/** @throws RangeError */
export function parseKept(text: string): Kept {
  const faults = new Map<number, Fault>();
  const [users, disturbances]: [number[], number[]] = [[], []];
  let watches = false;
  for (const part of text === "nothing" ? [] : text.split(",")) {
    const [, kind, number, fault] = /^([udfw])(\d*)(?::([a-z-]+))?$/.exec(part) ?? [];
    if (kind === "u") users.push(Number(number));
    else if (kind === "d") disturbances.push(Number(number));
    else if (kind === "w") watches = true;
    else if (kind === "f" && isFault(fault)) faults.set(Number(number), fault);
    else throw new RangeError(`--keep must be like u0,d1,f17:refused,w, found "${part}"`);
  }
  return { users, disturbances, faults, watches };
}

const isFault = (text: string | undefined): text is Fault =>
  Object.values(FAULTS)
    .flat()
    .some((fault) => fault === text);

export interface StoryFailure {
  readonly story: string;
  readonly call: PortCall | undefined;
  readonly fault: Fault | undefined;
  readonly violation: Violation;
}

export interface FaultsTried {
  /** In every n-th run only. */
  readonly stride?: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs the story in calm weather, then with one fault at every call, of every kind that can hit the call.
 * @returns the number of runs
 */
export async function tryEveryFault(
  story: string,
  scenario: Scenario,
  each: (failure: StoryFailure) => void,
  { stride = 1, signal }: FaultsTried = {},
): Promise<number> {
  const calls: PortCall[] = [];
  const spy: Weather = {
    ...CALM,
    call(call) {
      calls.push(call);
      return undefined;
    },
  };
  const calm = await judge({ scenario, seed: 1, weather: () => spy });
  for (const violation of calm.violations) each({ story, call: undefined, fault: undefined, violation });
  let runs = 1;
  for (const call of calls) {
    for (const fault of FAULTS[call.port]) {
      if (runs % RUNS_PER_BREATH === 0) await breathe();
      if (signal?.aborted === true) return runs;
      runs += 1;
      if (runs % stride !== 0) continue;
      const verdict = compareEnds(
        await judge({ scenario, seed: 1, weather: () => oneFault(call.index, fault) }),
        calm.end,
      );
      for (const violation of verdict.violations) each({ story, call, fault, violation });
    }
  }
  return runs;
}
