/**
 * One run: a cluster with its controllers, users, a mesh, metric servers, and an operator.
 *
 *   0 s           the Canary and its target are applied, the operator starts
 *   initialised   the release: the target gets its new image
 *   + afterMs     the actions of the scenario's users
 *   quiet         nothing is left to do: the run ends
 */
import { applyMergePatch } from "../json/merge-patch.ts";
import { typeOf } from "../operator/cluster/write.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { type Admit, createApi } from "./api.ts";
import { watchAutoscalers } from "./controllers/autoscalers.ts";
import { createMesh } from "./mesh.ts";
import { type Operator, type OperatorListener, type Skew, startOperator } from "./operators.ts";
import { createCounts, createQuestions } from "./questions.ts";
import { createChance } from "./random.ts";
import type { Records } from "./records.ts";
import type { Scenario } from "./scenario.ts";
import { createSchedule, type Schedule } from "./schedule.ts";
import { kindOf, refsOf } from "./targets.ts";
import { createTraffic, type Traffic } from "./traffic.ts";
import { act } from "./users.ts";
import type { End, Universe, Watcher } from "./watcher.ts";
import type { Disturbance, Weather } from "./weather.ts";
import { createWorkloads } from "./workloads.ts";

export interface RunOptions {
  readonly scenario: Scenario;
  readonly weather: Weather;
  readonly seed: number;
  /** Called for everything that happens. */
  readonly watchers: readonly ((universe: Universe) => Watcher)[];
  /** Disturbances of the operator's process besides the weather. */
  readonly disturbances?: readonly Disturbance[];
  /** The API server's part for CanaryRuns; absent: the operator records nothing. */
  readonly records?: (schedule: Schedule) => Records;
}

/** The target's pods are ready by then. */
const START_AFTER_MS = 120_000;
/** Metric windows no longer reach back to the time before. */
const RELEASE_AFTER_MS = 45_000;
const IMPATIENCE_MS = 1_000;
const RELEASE_ANYWAY_MS = 300_000;
const RESTART_MS = 3_000;
/** A run is over when nothing was left to do for this long. */
const REST_MS = 60_000;
const MAX_HAPPENINGS = 200_000;

interface State {
  releasedAt: number | undefined;
  interferedAt: number;
  turns: number;
  calls: number;
  skew: Skew;
  otherFlags: boolean;
}

type Tell = <K extends keyof Watcher>(what: K, ...args: Parameters<NonNullable<Watcher[K]>>) => void;

export async function run(options: RunOptions): Promise<Universe> {
  const { scenario, weather, seed, watchers, disturbances = [] } = options;
  const chance = createChance(seed);
  const schedule = createSchedule();
  const api = createApi(schedule.now, scenario.stamps === true ? stamping(schedule.now) : undefined);
  const state: State = {
    releasedAt: undefined,
    interferedAt: schedule.now(),
    turns: 0,
    calls: 0,
    skew: { machine: 0, "API server": 0 },
    otherFlags: false,
  };
  const releasedAt = () => state.releasedAt;
  const traffic: Traffic = createTraffic({
    ...{ api, schedule, scenario, releasedAt },
    mesh: () => mesh,
    hasPassed: () => universe.canary()?.status?.phase === "Finalising",
  });
  const pods = chance.fork("pods");
  const workloads = createWorkloads({ api, schedule, chance: pods, scenario, beforeChange: traffic.settle });
  const mesh = createMesh({ api, scenario, workloads });
  watchAutoscalers({ api, schedule, scenario, traffic, releasedAt });
  const operators: Operator[] = [];
  const records = options.records?.(schedule);
  const universe = createUniverse({ scenario, schedule, api, traffic, workloads, operators }, state);
  const listeners = watchers.map((watcher) => watcher(universe));
  const hearing = new Map<keyof Watcher, readonly Watcher[]>();
  const tell: Tell = (what, ...args) => {
    // Most listeners hear of few things.
    const hear = hearing.get(what) ?? listeners.filter((listener) => listener[what] !== undefined);
    hearing.set(what, hear);
    for (const listener of hear) (listener[what] as ((...given: typeof args) => void) | undefined)?.(...args);
  };
  const question = createQuestions({ api, scenario, schedule, traffic, releasedAt });
  const count = createCounts({ schedule, traffic });
  const boot = (listener: OperatorListener) => {
    const nextCall = () => {
      state.calls += 1;
      return state.calls;
    };
    const own = chance.fork(`operator ${operators.length}`);
    const steered = scenario.users.some(({ kind }) => kind === "steer");
    const { otherFlags, skew } = state;
    const world = { api, schedule, weather, question, count, skew, nextCall, otherFlags };
    const recording = records === undefined ? {} : { records: records.client };
    operators.push(startOperator({ ...world, chance: own, listener, steered, ...recording }));
  };
  const processes = createProcesses(universe, state, tell, boot);
  const release = createRelease(universe, state, tell, () => {
    for (const disturbance of disturbances) schedule.after(disturbance.afterMs, () => processes.disturb(disturbance));
  });
  api.onChange(({ kind, object }) => {
    if (kind !== RESOURCES.canary || object.status?.phase !== (scenario.impatient ? "Initializing" : "Initialized"))
      return;
    schedule.after(scenario.impatient ? IMPATIENCE_MS : RELEASE_AFTER_MS, release);
  });
  for (const object of [...scenario.objects, scenario.target]) api.create(typeOf(object), object, "user");
  // The existing target serves already.
  schedule.after(START_AFTER_MS, () => {
    api.create(RESOURCES.canary, scenario.canary, "user");
    traffic.open();
    processes.start();
    schedule.after(RELEASE_ANYWAY_MS, release);
  });
  const rested = await live(universe, scenario, disturbances);
  traffic.settle();
  tell("end", endOf(universe, rested));
  return universe;
}

/** Objects that people made are left alone: the operator writes their size alone. */
function stamping(now: () => number): Admit {
  return (object) => {
    const { metadata, spec } = object;
    if (metadata.ownerReferences === undefined) return object;
    const annotations = { "webhook.example/written-at": String(now()) };
    const template = spec?.template && applyMergePatch(spec.template, { metadata: { annotations } });
    return applyMergePatch(object, {
      metadata: { annotations },
      ...(template && { spec: { template } }),
    }) as KubeObject;
  };
}

/** The operator's process: started, killed, started again, or twice at once. */
function createProcesses(universe: Universe, state: State, tell: Tell, boot: (listener: OperatorListener) => void) {
  const { schedule, operators } = universe;
  /** The eldest first. */
  const alive = () => operators.filter(({ life }) => life.alive);
  const interfere = () => {
    state.interferedAt = schedule.now();
  };
  function restart(): void {
    interfere();
    schedule.after(RESTART_MS, () => {
      if (alive().length === 0) start();
    });
  }
  function start(): void {
    boot({
      turn(turn) {
        state.turns += 1;
        tell("turn", turn);
      },
      said: (_ref, event) => tell("said", event),
      asked: (canary, probe, answer) => tell("asked", canary, probe, answer),
      alerted: (alert) => tell("alerted", alert),
      failed: (error) => tell("failed", error),
      fault(fault, call) {
        interfere();
        tell("fault", fault, call);
      },
      died: restart,
    });
  }
  function kill(operator: Operator): void {
    interfere();
    operator.kill();
    restart();
  }
  return {
    start,
    disturb(disturbance: Disturbance): void {
      interfere();
      tell("disturbed", describeDisturbance(disturbance));
      const [eldest] = alive();
      if (disturbance.kind === "clock-jump") state.skew[disturbance.of] += disturbance.byMs;
      else if (disturbance.kind === "other-flags") {
        state.otherFlags = !state.otherFlags;
        for (const operator of alive()) kill(operator);
      } else if (eldest !== undefined && disturbance.kind === "kill") kill(eldest);
      else if (eldest !== undefined && disturbance.kind === "two-leaders") {
        start();
        // The first leader may be dead by then; two leaders that stay are another scenario.
        schedule.after(disturbance.forMs, () => {
          const [first, ...others] = alive();
          if (first !== undefined && others.length > 0) kill(first);
        });
      }
    },
  };
}

/** Releases the new image once, then runs the users' actions. */
function createRelease(universe: Universe, state: State, tell: Tell, released: () => void): () => void {
  const { api, schedule, scenario, refs, kind } = universe;
  return () => {
    if (state.releasedAt !== undefined) return;
    state.releasedAt = schedule.now();
    state.interferedAt = schedule.now();
    const target = universe.target();
    if (target !== undefined) api.patch(refs.target, kind.released(target, scenario.image), {}, "user");
    for (const action of scenario.users) {
      schedule.after(action.afterMs, () => {
        state.interferedAt = schedule.now();
        tell("acted", action);
        act(action, universe);
      });
    }
    released();
  };
}

function describeDisturbance(disturbance: Disturbance): string {
  switch (disturbance.kind) {
    case "kill":
      return "the operator is killed and started again";
    case "two-leaders":
      return `two operators lead for ${disturbance.forMs / 1000} s`;
    case "other-flags":
      return "the operator is started again with the other order of -selector-labels";
    case "clock-jump":
      return `the ${disturbance.of}'s clock jumps by ${disturbance.byMs / 1000} s`;
  }
}

/** @returns whether everything came to rest before the time limit */
async function live(universe: Universe, scenario: Scenario, disturbances: readonly Disturbance[]): Promise<boolean> {
  const { schedule, api } = universe;
  const busyUntil = Math.max(0, ...[...scenario.users, ...disturbances].map(({ afterMs }) => afterMs));
  // A server's clock that was set back makes everything later.
  const back = disturbances.map((given) =>
    given.kind === "clock-jump" && given.of === "API server" ? Math.max(0, -given.byMs) : 0,
  );
  const restMs = back.reduce((sum, ms) => sum + ms, REST_MS);
  let changedAt = schedule.now();
  let rested = false;
  // Pods may change without end, and events may report that; a run is quiet when no change leads to a write.
  api.onChange(({ kind, object, old, by }) => {
    const talk = by === "operator" && kind === RESOURCES.canary && object.status?.phase === old?.status?.phase;
    if (by === "cluster" || talk) return;
    changedAt = schedule.now();
  });
  const done = () => {
    const now = schedule.now();
    const releasedAt = universe.releasedAt();
    if (releasedAt === undefined) return false;
    const canary = universe.canary();
    rested = now >= releasedAt + busyUntil && now >= changedAt + restMs && (canary === undefined || hasEnded(canary));
    return rested || now >= Math.max(universe.interferedAt, releasedAt + busyUntil) + scenario.patienceMs;
  };
  // The end is noticed also when nothing happens any more.
  const pulse = () => void schedule.after(REST_MS / 2, pulse);
  pulse();
  const forever = schedule.now() + 7 * 86_400_000;
  await schedule.run(forever, MAX_HAPPENINGS, done);
  return rested || universe.canary() === undefined;
}

function hasEnded({ status }: KubeObject): boolean {
  return ["Initialized", "Succeeded", "Failed"].includes(status?.phase ?? "") && !status?.aviary?.restoring;
}

type Parts = Pick<Universe, "scenario" | "schedule" | "api" | "traffic" | "workloads" | "operators">;

function createUniverse(parts: Parts, state: Readonly<State>): Universe {
  const { api, scenario } = parts;
  const kind = kindOf(scenario.target);
  const refs = refsOf(scenario, kind);
  return {
    ...parts,
    kind,
    refs,
    releasedAt: () => state.releasedAt,
    canary: () => api.get(refs.canary),
    target: () => api.get(refs.target),
    primary: () => api.get(refs.primary),
    get interferedAt() {
      return state.interferedAt;
    },
    get turns() {
      return state.turns;
    },
    get calls() {
      return state.calls;
    },
  };
}

function endOf(universe: Universe, rested: boolean): End {
  const { api, kind, traffic } = universe;
  const [target, primary, canary] = [universe.target(), universe.primary(), universe.canary()];
  const split = traffic.split();
  return {
    phase: canary?.status?.phase ?? "gone",
    image: primary === undefined ? "" : kind.carried(primary, canary?.metadata.uid ?? "", api).image,
    targetImage: target === undefined ? "" : kind.held(target, api).image,
    targetReplicas: kind.size(target),
    split: `${split.primary}/${split.canary}${split.mirror ? "m" : ""}`,
    rested,
  };
}
