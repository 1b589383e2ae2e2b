/** How runs end, and what they leave. */
import type { RolloutEvent } from "../../core/texts/events.ts";
import { equal } from "../../json/merge-patch.ts";
import { WriteFailure } from "../../operator/cluster/write.ts";
import { KubeError } from "../../ports/kube.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { SPEC_RULES } from "../adapters.ts";
import { isConstant } from "../curve.ts";
import { type Behaviour, behaviourOf, type Scenario } from "../scenario.ts";
import { firstImage } from "../targets.ts";
import type { End, Universe } from "../watcher.ts";
import { type Invariant, imagesByHash, usersDo } from "./invariant.ts";

export const everyRunEnds: Invariant = {
  name: "every-run-ends",
  rule: "Every rollout comes to an end and rests there, unless a gate is closed, the Canary suspended, or its target gone.",
  why: "A rollout that hangs blocks the next one, without a message.",
  watch: (universe, report) => ({
    end({ rested, phase }) {
      if (!rested && !mayWait(universe)) report(`still ${phase} after all patience`);
    },
  }),
};

export const waitsAreExplained: Invariant = {
  name: "waits-are-explained",
  rule: "A Canary that does not come to rest says in its status what it waits for, and a Warning or the gate's name said so before.",
  why: "A wait that nothing explains looks like a fault of the operator, and no person knows what ends it.",
  watch(universe, report) {
    const types = new Map<string, RolloutEvent["type"]>();
    let isFought = false;
    const listen = ({ message, type, reason }: RolloutEvent) => {
      types.set(message, type);
      // The event names the other writer.
      isFought ||= reason === "Fight";
    };
    return {
      turn: ({ transition }) => transition.events.forEach(listen),
      said: listen,
      end({ rested, phase }) {
        if (rested || isFought) return;
        const { aviary, conditions = [] } = universe.canary()?.status ?? {};
        if (aviary?.gate !== undefined || / Held: /.test(conditions[0]?.message ?? "")) return;
        const said: string | undefined = aviary?.said ?? aviary?.warned;
        if (said === undefined) return report(`waits in ${phase} without a word`);
        if (types.get(said) !== "Warning") report(`waits in ${phase} without a Warning: ${said}`);
      },
    };
  },
};

function mayWait(universe: Universe): boolean {
  const { scenario } = universe;
  const closed = Object.values(scenario.hooks).some(
    ({ kind }) => kind === "fails" || kind === "hangs" || kind === "opens",
  );
  const canary = universe.canary();
  const paused = canary?.status?.aviary?.paused !== undefined;
  const isRefused = scenario.target.spec?.updateStrategy?.type === "OnDelete";
  const waits = isRefused || closed || paused || canary?.spec?.suspend === true || universe.target() === undefined;
  return waits || leavesBroken(universe) || bothGoDown(scenario) || lacksScaler(universe);
}

const RUNNING: ReadonlySet<string> = new Set(["Progressing", "WaitingPromotion", "Promoting", "Finalising"]);

/** Nothing begins before the autoscaler that the Canary names exists again, and a Warning says so. */
function lacksScaler({ scenario, canary }: Universe): boolean {
  // A run in progress is completed.
  if (RUNNING.has(canary()?.status?.phase)) return false;
  return scenario.canary.spec?.autoscalerRef !== undefined && usersDo(scenario, "delete-scaler");
}

/** A primary that was created again from a crashing revision: it is never ready at the same time as the target. */
function bothGoDown(scenario: Scenario): boolean {
  const again = Object.values(scenario.behaviours).some(({ crash }) => typeof crash === "number");
  return again && usersDo(scenario, "delete-primary");
}

/** A target that cannot serve does not get the traffic: the Canary stays until a user mends the target. */
function leavesBroken(universe: Universe): boolean {
  const { scenario, kind } = universe;
  // Kubernetes does not replace the pod of a StatefulSet that never gets ready, not even for a newer release.
  const stuck = kind.type === RESOURCES.statefulSet && Object.values(scenario.behaviours).some(neverServes);
  const broken = stuck || behaviourOf(scenario, heldImage(universe)).crash !== undefined;
  return broken && universe.canary()?.metadata.deletionTimestamp !== undefined;
}

const neverServes = ({ crash }: Behaviour): boolean => crash !== undefined;

function heldImage({ api, kind, target }: Universe): string {
  const object = target();
  return object === undefined ? "" : kind.held(object, api).image;
}

export const noRevisionLost: Invariant = {
  name: "no-revision-lost",
  rule: "At the end, the target's revision was either promoted or judged.",
  why: "A release that is skipped silently is noticed only when users miss it.",
  watch: (universe, report) => ({
    end({ rested }) {
      const canary = universe.canary();
      const target = universe.target();
      if (!rested || canary === undefined || target === undefined || canary.spec?.suspend === true) return;
      // A broken primary blocks everything, and events say so.
      if (usersDo(universe.scenario, "delete-primary") || lacksScaler(universe)) return;
      const { hash: held, image } = universe.kind.held(target, universe.api);
      const { lastAppliedSpec, lastPromotedSpec, phase } = canary.status ?? {};
      if (held !== lastAppliedSpec && held !== lastPromotedSpec) {
        report(`the target holds ${image}, which was never judged (${phase})`);
      }
    },
  }),
};

export const promotedIsRunning: Invariant = {
  name: "promoted-is-running",
  rule: "At the end, the primary runs the revision that is recorded as promoted, and the target is scaled down.",
  why: "After a failure users must have the version that worked, after a success the tested one, and two copies cost twice as much.",
  watch(universe, report) {
    const images = imagesByHash(universe);
    return {
      end({ rested, image, phase, targetReplicas }) {
        const canary = universe.canary();
        if (
          !rested ||
          canary === undefined ||
          canary.spec?.suspend === true ||
          usersDo(universe.scenario, "delete-primary") ||
          lacksScaler(universe)
        )
          return;
        const promoted = images.get(canary.status?.lastPromotedSpec);
        if (promoted !== undefined && promoted !== image)
          report(`${promoted} was promoted, the primary runs ${image} (${phase})`);
        if (promoted === undefined || usersDo(universe.scenario, "scale-target", "restore-target")) return;
        if ((targetReplicas ?? 0) !== 0) report(`the target still has ${targetReplicas} pods (${phase})`);
      },
    };
  },
};

export const rightVerdict: Invariant = {
  name: "right-verdict",
  rule: "A clearly good release is promoted, a clearly bad one is not.",
  why: "An operator that never released, or never checked, would satisfy every other rule.",
  watch(universe, report) {
    let [misled, hurt, stepped] = [false, false, false];
    return {
      turn({ input }) {
        stepped = input.plan.promotionWeights.length > 1;
      },
      // Metrics of another time may show anything.
      fault: (fault) => {
        misled ||= fault === "late";
        // Lost answers count as failed checks, as they should.
        hurt ||= fault === "error" || fault === "hangs" || fault === "slow";
      },
      disturbed: (text) => {
        misled ||= text.includes("clock");
        // A second leader with stale watches sees a canary without pods, and that is a failed check.
        hurt ||= text.includes("lead");
      },
      end(end) {
        const verdict = expectedVerdict(universe.scenario, stepped);
        if (verdict === undefined || misled || (hurt && verdict === "Succeeded") || !end.rested) return;
        if (verdict !== end.phase) report(`expected ${verdict}, came to ${end.phase}`);
      },
    };
  },
};

/** undefined when the verdict is not clear. @param stepped the primary takes over in steps, and is judged meanwhile */
export function expectedVerdict(scenario: Scenario, stepped: boolean): End["phase"] | undefined {
  const { users, metricGaps, hooks, canary } = scenario;
  // A revision released during the initialisation becomes the first primary.
  if (scenario.impatient) return undefined;
  if (
    users.length > 0 ||
    metricGaps.length > 0 ||
    Object.keys(hooks).length > 0 ||
    Object.keys(scenario.metrics).length > 0
  )
    return undefined;
  if (!isConstant(scenario.rps) || scenario.rps === 0) return undefined;
  const next = behaviourOf(scenario, scenario.image);
  const before = behaviourOf(scenario, firstImage(scenario));
  if (before.crash !== undefined || before.readyAfterMs > 20_000) return undefined;
  // The pods behind a Service may become ready or not.
  if (next.crash !== undefined && scenario.target.kind === "Service") return undefined;
  if (next.crash === "start") return canary.spec?.skipAnalysis === true ? undefined : "Failed";
  if (next.crash !== undefined || next.crashAsPrimary !== undefined || next.readyAfterMs > 20_000) return undefined;
  if (typeof next.errorRate !== "number" || typeof next.latencyMs !== "number" || before.errorRate !== 0)
    return undefined;
  if (canary.spec?.skipAnalysis === true) return "Succeeded";
  const analysis = canary.spec?.analysis ?? {};
  if (!SPEC_RULES.shiftsWeights(canary.spec?.provider) && (analysis.metrics ?? []).length > 0) return undefined;
  const judged = (analysis.metrics ?? []).some(({ name }: { name: string }) => name === "request-success-rate");
  const timed = (analysis.metrics ?? []).some(({ name }: { name: string }) => name === "request-duration");
  if (next.errorRateAsPrimary !== undefined) return judged && stepped ? "Failed" : undefined;
  if (next.errorRate === 0 && next.latencyMs <= 100)
    return analysis.iterations > 0 && (judged || timed) && analysis.match === undefined ? undefined : "Succeeded";
  return (judged && next.errorRate > 5) || (timed && next.latencyMs > 1000) ? "Failed" : undefined;
}

export const nothingGrows: Invariant = {
  name: "nothing-grows",
  rule:
    "Status, events, appointments and watches stay within fixed bounds, and no event repeats without end; at the end " +
    "every alert is delivered.",
  why: "Unbounded growth ends in a refused write, an unreadable history, or a process out of memory.",
  watch(universe, report) {
    let events = 0;
    const count = (more: number) => {
      events += more;
      if (events > MOST_EVENTS && events - more <= MOST_EVENTS) report(`more than ${MOST_EVENTS} events`);
    };
    universe.api.onChange(({ kind, object, by }) => {
      if (kind !== RESOURCES.canary || by !== "operator") return;
      const { length } = JSON.stringify(object.status ?? {});
      if (length > MOST_STATUS) report(`a status of ${length} characters`);
    });
    const repeated = new Map<string, number[]>();
    const listen = ({ message: text }: RolloutEvent) => {
      count(1);
      // Two leaders see the world at different times, and contradict each other.
      if (universe.operators.filter(({ life }) => life.alive).length > 1) return;
      const now = universe.schedule.now();
      const times = [...(repeated.get(text) ?? []), now].filter((time) => time > now - REPETITIONS_MS);
      repeated.set(text, times);
      if (times.length === MOST_REPETITIONS + 1)
        report(`"${text}" ${times.length} times in ${REPETITIONS_MS / 1000} s`);
    };
    return {
      turn: ({ transition }) => transition.events.forEach(listen),
      said: listen,
      end({ rested, phase }) {
        const owed: readonly unknown[] = universe.canary()?.status?.aviary?.owedAlerts ?? [];
        if (rested && owed.length > 0) report(`${owed.length} alerts are still owed (${phase})`);
        for (const { life } of universe.operators) {
          if (life.alive && life.sleeping > MOST_SLEEPS) report(`${life.sleeping} appointments for one Canary`);
        }
        const most = MOST_TURNS_PER_CHANGE * universe.api.version + 200;
        if (universe.turns > most) report(`${universe.turns} turns for ${universe.api.version} changes`);
      },
    };
  },
};

const MOST_EVENTS = 600;
/** One or two faults: the next turn reports the same again. */
const MOST_REPETITIONS = 12;
const REPETITIONS_MS = 1_000;
const MOST_STATUS = 6_000;
const MOST_SLEEPS = 2;
const MOST_TURNS_PER_CHANGE = 3;

export const nothingWrittenForNothing: Invariant = {
  name: "nothing-written-for-nothing",
  rule: "A status is written only when more than its time changes.",
  why:
    "Every change of a pod causes a turn of a waiting Canary; thousands of Canaries that wrote each time would overload " +
    "the API server.",
  watch: (_universe, report) => ({
    turn({ input: { status: before }, transition: { status: after } }) {
      if (after !== before && equal({ ...after, writtenAt: 0 }, { ...before, writtenAt: 0 })) {
        report(`in ${after.phase}, waiting for ${after.announced?.message}`);
      }
    },
  }),
};

export const turnsDoNotBreak: Invariant = {
  name: "turns-do-not-break",
  rule: "No turn ends with an error of the operator's own code: only with a refusal or a missing answer of the API server.",
  why: "Such an error repeats in every turn, and the rollout stops.",
  watch: (_universe, report) => ({
    failed(error) {
      if (error instanceof KubeError || error instanceof WriteFailure) return;
      report(error instanceof Error ? (error.stack ?? error.message) : String(error));
    },
  }),
};
