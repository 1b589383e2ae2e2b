/**
 * Watches a model cluster turn by turn and throws when a rollout breaks a rule. It keeps its own record of every run
 * and computes the demands of a strategy itself: it uses neither the plan, nor the steps, nor the memory in the status.
 */

import { isRunning, TRANSITIONS } from "../core/phases/table.ts";
import type { Capabilities } from "../core/plan/plan.ts";
import { sameRevision } from "../core/run/change.ts";
import { isRecovering } from "../core/run/recovery.ts";
import type { CanarySpec, HookType } from "../core/spec/spec.ts";
import type { CanaryStatus, Revision, Routes } from "../core/status/canary.ts";
import type { Reason } from "../core/texts/reasons.ts";
import { failureOf } from "../core/turn/checks.ts";
import { type Model, revisionOf, type Turn } from "./model.ts";

export interface Judge {
  /** @throws Error naming the rule that the turn broke */
  see(turn: Turn): void;
  /** The spec was edited: the run in progress is compared with no plan. */
  edited(): void;
  /** Another client wrote the routes. */
  rerouted(): void;
  /** A user deleted the primary. */
  deleted(): void;
  /** Arrows taken so far, as "from>to". */
  readonly arrows: Set<string>;
}

interface Run {
  readonly revision: Revision;
  edited: boolean;
  /** The operator lost its step: it may go back, and on from there. */
  forgot: boolean;
  prepared: boolean;
  approved: boolean;
  /** Routes under which the run held a whole interval and passed every check, in order. */
  readonly passes: string[];
  heldSince: number;
  held: string;
  /** The routes when the canary last had its own share. */
  place: string;
}

const textOf = (routes: Routes | undefined): string =>
  routes === undefined ? "-" : `${routes.primary}/${routes.canary}${routes.mirror ? "m" : ""}`;

export function createJudge(model: Model, router: Capabilities): Judge {
  const arrows = new Set<string>();
  let run: Run | undefined;
  let promised: Routes | undefined;
  let lacking = false;
  let drains: Drain = { from: 0, until: 0 };
  let meddled = false;
  let owed: string | undefined;

  /** After a failed promotion the primary gets its previous template back first, and then the traffic. */
  function judgeReturn({ input, transition }: Turn): void {
    const { status: to } = transition;
    const wasPromoting = input.status.phase === "Promoting" || input.status.phase === "Finalising";
    if (to.phase !== "Failed") owed = undefined;
    else if (wasPromoting && isRecovering(to))
      owed = model.primary?.previous?.release.spec ?? model.primary?.release.spec;
    if (owed === undefined || to.phase !== "Failed" || isRecovering(to) || lacking) return;
    demand(
      model.primary?.release.spec === owed,
      `${owed} was owed to the primary, it runs ${model.primary?.release.spec}`,
    );
    owed = undefined;
  }

  function see(turn: Turn): void {
    const { input, transition, routes, crash } = turn;
    judgeTraffic(turn, promised, router);
    judgeWords(turn, promised);
    const remade = transition.events.some(({ reason }) => reason === "PrimaryRecreated");
    demand(!remade || lacking, "the operator reports the deletion of a primary that was not deleted");
    if (!meddled && turn.mesh.before?.canary !== 0) drains = drainFrom(turn.input.spec, model.now);
    judgeDrain(turn, model.now, drains);
    meddled &&= turn.mesh.after === turn.mesh.before;
    if (!meddled && turn.mesh.after?.canary !== 0) drains = drainFrom(turn.input.spec, model.now);
    if (crash === "before the save") return;
    lacking &&= !remade;
    judgeReturn(turn);
    const [from, to] = [input.status, transition.status];
    if (from.phase !== to.phase) {
      arrows.add(`${from.phase}>${to.phase}`);
      demand(TRANSITIONS[from.phase].includes(to.phase), `no arrow leads from "${from.phase}" to "${to.phase}"`);
    }
    if (begins(from, to, transition.events)) {
      if (!isRunning(from.phase)) passedAll(turn, "confirm-rollout", "at the start");
      run = beginning(to, model.now, routes);
    } else if (run !== undefined) follow(turn, run);
    if (turn.copied !== undefined) judgeCopy(turn, run);
    if (to.phase === "Failed" || to.phase === "Succeeded") run = undefined;
    promised = routes;
  }

  function follow(turn: Turn, current: Run): void {
    const { input, transition, routes } = turn;
    const { spec, status: from, observation } = input;
    const to = transition.status;
    if (ofHooks(turn, "pre-rollout").length > 0 && !isRefused(turn, "pre-rollout")) current.prepared = true;
    const ready = observation.readings.target.readiness.kind === "ready" && !observation.readings.target.scaledDown;
    const counts = ready && observation.readings.routesInForce && isAnalysing(from) && !isAway(from);
    const over = model.now - current.heldSince >= spec.analysis.intervalMs;
    if (counts && over && passesChecks(turn)) {
      current.passes.push(current.held);
      current.heldSince = model.now;
    }
    if (isAnalysing(from) && isAway(from) && isAnalysing(to) && !isAway(to) && from.step > 0 && to.step > 0) {
      demand(
        current.edited || current.place === textOf(routes),
        `went from ${current.place} to ${textOf(routes)} unseen`,
      );
    }
    if (isAnalysing(to) && !isAway(to)) current.place = textOf(routes);
    current.forgot ||= turn.crash === "forgets";
    const moved = textOf(routes) !== current.held;
    // An operator that lost its step goes back to the start.
    const onward = moved && textOf(routes) !== "100/0";
    if (isAnalysing(from) && isAnalysing(to) && onward && !isAway(from) && !isAway(to) && !current.edited) {
      judgeIncrease(turn, current);
    }
    if (to.phase === "Promoting" && from.phase !== "Promoting") {
      if (!spec.skipAnalysis && !current.edited) judgePlan(turn, current, router);
      current.approved = true;
    }
    if (moved || !observation.readings.routesInForce) current.heldSince = model.now;
    current.held = textOf(routes);
  }

  return {
    see,
    arrows,
    edited: () => {
      if (run !== undefined) run.edited = true;
    },
    deleted: () => {
      lacking = true;
    },
    rerouted: () => {
      meddled = true;
    },
  };
}

type Analysing = Extract<CanaryStatus, { phase: "Progressing" | "WaitingPromotion" }>;

const isAnalysing = (status: CanaryStatus): status is Analysing =>
  status.phase === "Progressing" || status.phase === "WaitingPromotion";

const isAlone = ({ serving }: Analysing): boolean => serving === "primary-alone";

/** The canary has another share than its step says: its pods are gone, or the primary's are. */
const isAway = ({ serving }: Analysing): boolean => serving !== "as-planned";

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const STARTS: readonly Reason[] = ["NewRevision", "AnalysisRestarted", "StrategyChanged"];

function begins(from: CanaryStatus, to: CanaryStatus, events: Turn["transition"]["events"]): boolean {
  if (to.phase !== "Progressing") return false;
  return from.phase !== "Progressing" || events.some(({ reason }) => STARTS.includes(reason));
}

function beginning(status: CanaryStatus, now: number, routes: Routes | undefined): Run {
  const revision = status.applied ?? { spec: "" };
  const fresh = { edited: false, forgot: false, prepared: false, approved: false, passes: [] };
  return { ...fresh, revision, heldSince: now, held: textOf(routes), place: textOf(routes) };
}

/** Weights sum to 100, and no user is sent to a copy that cannot answer while the other can. */
function judgeTraffic({ input, routes, transition }: Turn, before: Routes | undefined, router: Capabilities): void {
  if (routes === undefined) return;
  const { primary, canary, mirror } = routes;
  const text = textOf(routes);
  demand(primary + canary === 100, `weights ${text} do not sum to 100`);
  demand(
    [primary, canary].every((w) => Number.isInteger(w) && w >= 0),
    `weights ${text} are no percentages`,
  );
  demand(!mirror || (canary === 0 && router.mirror && input.spec.analysis.mirror), `mirrors at ${text}`);
  const { readings } = input.observation;
  if (!router.weights || input.spec.suspend || input.deleting) return;
  if (readings.problem !== undefined) {
    return demand(readings.gone !== true || canary === 0, `${text} though the target is gone`);
  }
  const { target, primary: copy } = readings;
  demand(!(canary > 0 && target.available === 0 && copy.available > 0), `${text} though no canary pod can serve`);
  if (canary > (before?.canary ?? 0) && transition.status.phase !== "Failed") {
    // A canary with some pods serves better than a primary with none.
    const ready = target.readiness.kind === "ready" || copy.available === 0;
    demand(ready && !target.scaledDown, `${text} though the canary is not ready`);
  }
  const { phase } = transition.status;
  const deserted = copy.available === 0 && target.available > 0 && (before?.canary ?? 0) > 0;
  demand(
    phase !== "Failed" || !deserted || canary > 0,
    "all users are sent to a primary without pods, although the canary has pods",
  );
  const returning = phase === "Failed" && input.status.phase === "Failed";
  if (phase !== "Promoting" && phase !== "Finalising" && !returning) return;
  if (primary > (before?.primary ?? 100) && target.available > 0) {
    demand(copy.readiness.kind === "ready" || input.spec.skipAnalysis, `${text} though the primary is not ready`);
  }
}

interface Drain {
  readonly from: number;
  readonly until: number;
}

/** By the interval that counted when the traffic was removed: a later edit neither shortens nor lengthens the wait. */
function drainFrom({ analysis }: CanarySpec, now: number): Drain {
  return { from: now, until: now + Math.min(5_000, analysis.intervalMs / 5) };
}

/**
 * A copy that may still get requests is not scaled down: proxies learn of new routes a moment after they are written.
 */
function judgeDrain({ tookDown, input, transition }: Turn, now: number, { from, until }: Drain): void {
  if (!tookDown || input.deleting) return;
  const unserved = input.observation.readings.target.available === 0;
  demand(unserved || now >= until, `taken down ${now - from} ms after its traffic (${transition.status.phase})`);
}

/** Events fit the actions: failures raise alerts, and visitors have their cookie while the canary has traffic. */
function judgeWords({ input, transition, routes }: Turn, before: Routes | undefined): void {
  const { status: from, spec } = input;
  const { status: to } = transition;
  const taken = from.phase !== "Failed" && to.phase === "Failed";
  const alerts = to.owedAlerts.slice(from.owedAlerts.length - input.alertsDelivered);
  demand(!taken || alerts.some(({ severity }) => severity !== "info"), "a release was rolled back without an alert");
  const withheld = isAnalysing(from) && isAnalysing(to) && isAlone(to) && !isAlone(from);
  const gone = input.observation.readings.problem !== undefined;
  demand(!withheld || gone || to.failedChecks > from.failedChecks, "a canary that went down counts as nothing");
  const failed = (isAnalysing(to) || to.phase === "Promoting") && to.failedChecks > from.failedChecks;
  demand(!failed || to.failedChecks < spec.analysis.threshold, `goes on with ${to.failedChecks} failed checks`);
  // Promised routes are not written while there is a problem.
  if (spec.analysis.sessionAffinity === undefined || spec.suspend || gone || routes === undefined) return;
  const grows = routes.canary > (before?.canary ?? 0);
  demand(!grows || to.cookies.canary !== "", `no cookie at ${textOf(routes)}`);
}

const ofHooks = ({ input }: Turn, type: HookType) =>
  input.observation.answers.filter(({ probe }) => probe.kind === "hook" && probe.type === type);

const isRefused = (turn: Turn, type: HookType): boolean =>
  ofHooks(turn, type).some((answered) => failureOf(answered, turn.input.ref) !== undefined);

function passedAll(turn: Turn, type: HookType, when: string): void {
  const wanted = turn.input.spec.analysis.webhooks.filter((hook) => hook.type === type).length;
  demand(ofHooks(turn, type).length === wanted && !isRefused(turn, type), `${type} was not passed ${when}`);
}

/** Every metric and every rollout hook was checked in this turn, and passed. */
function passesChecks({ input }: Turn): boolean {
  const { spec, observation, ref } = input;
  const passed = observation.answers.filter((answered) => failureOf(answered, ref) === undefined);
  const hooks = passed.filter(({ probe }) => probe.kind === "hook" && probe.type === "rollout").length;
  const metrics = new Set(passed.flatMap(({ probe }) => (probe.kind === "metric" ? [probe.metric.name] : [])));
  const { webhooks } = spec.analysis;
  return (
    hooks === webhooks.filter(({ type }) => type === "rollout").length &&
    spec.analysis.metrics.every(({ name }) => metrics.has(name))
  );
}

function judgeIncrease(turn: Turn, run: Run): void {
  const { spec } = turn.input;
  const wanted = spec.analysis.webhooks.some(({ type }) => type === "pre-rollout");
  demand(run.prepared || !wanted, "traffic before the pre-rollout hooks passed");
  const first = (run.passes.length === 0 || run.forgot) && run.held === "100/0";
  demand(
    first || run.passes.at(-1) === run.held,
    `left ${run.held} for ${textOf(turn.routes)} without passing its checks`,
  );
  if (spec.strategy === "canary" && !run.held.endsWith("m") && turn.transition.status.phase === "Progressing") {
    passedAll(turn, "confirm-traffic-increase", `at ${textOf(turn.routes)}`);
  }
}

/** Held at every step of the strategy, with every check passed, and approved. */
function judgePlan(turn: Turn, run: Run, router: Capabilities): void {
  const { spec } = turn.input;
  passedAll(turn, "confirm-promotion", "before the promotion");
  demand(!ofHooks(turn, "rollback").some((hook) => !isFailed(hook, turn)), "promoted though told to roll back");
  const wanted = walkOf(spec, router);
  const walked = [...run.passes];
  for (const place of wanted) {
    const at = walked.indexOf(place);
    demand(at !== -1, `promoted after [${run.passes}] instead of [${wanted}]`);
    walked.splice(at, 1);
  }
  demand(run.passes.at(-1) === wanted.at(-1), `promoted from ${run.passes.at(-1)} instead of ${wanted.at(-1)}`);
}

const isFailed = (answered: Turn["input"]["observation"]["answers"][number], turn: Turn) =>
  failureOf(answered, turn.input.ref) !== undefined;

/** Where a revision is judged, as observed in Flagger. */
export function walkOf(spec: CanarySpec, router: Capabilities): readonly string[] {
  const { iterations, mirror, match, stepWeight, stepWeights, maxWeight } = spec.analysis;
  const times = (count: number, place: string) => Array.from({ length: count }, () => place);
  if (!router.weights) return times((iterations < 1 ? 10 : iterations) + 1, "100/0");
  const mirrors = mirror && router.mirror;
  if (iterations > 0) {
    if (match.length > 0) return times(iterations, "0/100");
    return [...times(iterations, mirrors ? "100/0m" : "100/0"), "0/100"];
  }
  const last = Math.min(100, stepWeights.at(-1) ?? (maxWeight > 0 ? maxWeight : 100));
  const weights: number[] = mirrors ? [0] : [];
  for (let weight = 0; weight < last; ) {
    const larger = stepWeights.filter((listed) => listed > weight);
    weight = Math.min(100, stepWeight > 0 ? weight + stepWeight : Math.min(...larger));
    weights.push(weight);
  }
  return weights.map((weight) => (weight === 0 ? "100/0m" : `${100 - weight}/${weight}`));
}

/** Only the tested revision is copied; before the initialisation the primary follows the target. */
function judgeCopy({ copied, transition, input, mesh }: Turn, run: Run | undefined): void {
  const served = mesh.before;
  const { status } = transition;
  if (copied === undefined || status.phase === "Initializing") return;
  const revision = revisionOf(copied);
  const { primary, target } = input.observation.readings;
  const exposed = primary.gap === true && primary.available > 0 && target.available > 0;
  demand(!exposed || served?.canary === 100, `all pods of the primary were replaced at ${textOf(served)}`);
  demand(run !== undefined, `${copied.spec} was copied to the primary outside of a run (${status.phase})`);
  demand(sameRevision(run?.revision, revision), `${run?.revision.spec} was tested, ${copied.spec} was copied`);
  demand(run?.approved === true || input.spec.skipAnalysis, `${copied.spec} was copied before it was judged`);
}
