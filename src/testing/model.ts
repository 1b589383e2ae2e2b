/**
 * A small model of a cluster, and the core's loop around it: load, observe, advance, save, converge. Everything that a
 * real cluster does by itself (pods start, die, are replaced) happens at times that are known beforehand, so that a run
 * is repeatable. The model does not know what the core should do.
 */
import { isDeepStrictEqual } from "node:util";
import { type DesiredState, desired, nextTurnAt } from "../core/desired.ts";
import { type Capabilities, canaryWeights, type Plan, planFor } from "../core/plan/plan.ts";
import { routesFor } from "../core/routes.ts";
import { sameRevision } from "../core/run/change.ts";
import type { Canary, CanaryStatus, Revision, Routes } from "../core/status/canary.ts";
import { fromWire, toWire } from "../core/status/status.ts";
import type { WireStatus } from "../core/status/wire.ts";
import { takeTurnWith } from "../core/take-turn.ts";
import { promotionId } from "../core/turn/identity.ts";
import type { Answer, Probe, Readiness, Readings } from "../core/turn/observation.ts";
import type { DecisionInput, Transition } from "../core/turn/turn.ts";

/** How pods of a revision start. */
export type Fate = "quick" | "slow" | "stuck";

export interface Release extends Revision {
  readonly asCanary: Fate;
  readonly asPrimary: Fate;
}

interface Pods {
  release: Release;
  /** The promotion that the template came from; only for a primary. */
  id: string;
  /** When the rollout of the present template began. Milliseconds. */
  since: number;
  /** Pods of the previous template serve until the new ones do. */
  surviving: boolean;
  /** Pods are missing meanwhile, for a reason outside the rollout. */
  lost: { readonly from: number; readonly until: number };
  up: boolean;
}

/** Where the operator dies. `forgets`: and fields that Flagger's CRD does not have are lost, too. */
export type Crash = "before the save" | "after the save" | "before the routes" | "forgets";

export interface Turn {
  readonly input: DecisionInput;
  readonly transition: Transition;
  readonly wanted: DesiredState;
  /** What the status promises after the turn; undefined: another client's routes. */
  readonly routes: Routes | undefined;
  readonly crash: Crash | undefined;
  /** What this turn copied to the primary. */
  readonly copied: Release | undefined;
  /** In the mesh before the turn, and after it. */
  readonly mesh: { readonly before: Routes | undefined; readonly after: Routes | undefined };
  /** This turn scaled the target down. */
  readonly tookDown: boolean;
}

/** Properties of a kind of target. */
export interface Make {
  /** Has pods of its own that come and go. */
  readonly pods: boolean;
  /** Is scaled down while idle. */
  readonly scales: boolean;
  /** All pods of the primary are replaced at once. */
  readonly gap?: boolean;
}

export interface Model {
  canary: Canary;
  status: CanaryStatus;
  now: number;
  deleting: boolean;
  answer: (probe: Probe) => Answer;
  /** Alerts are delivered. */
  delivers: boolean;
  target: Pods | undefined;
  primary: (Pods & { previous?: { readonly release: Release; readonly id: string } }) | undefined;
  /** In the mesh; undefined: not the operator's routes. */
  routes: Routes | undefined;
  readonly plan: () => Plan;
  /** A line per turn that changed something. */
  readonly timeline: string[];
  /** One turn. @returns undefined when nothing changed by it */
  turn(crash?: Crash): Turn | undefined;
  /** What the last turn asked for, see `Transition`. */
  lookAgainAt: number | undefined;
  /** The time of the next change that happens by itself; undefined: never. */
  due(): number | undefined;
}

const START = Date.UTC(2026, 0, 1);
const STARTS_MS: Readonly<Record<Fate, number>> = { quick: 2_000, slow: 45_000, stuck: Number.POSITIVE_INFINITY };
const GIVEN_UP_MS = 60_000;

export function podsOf(release: Release, now: number, up = true): Pods {
  return { release, id: "", since: now, surviving: false, lost: { from: 0, until: 0 }, up };
}

export function createModel(canary: Canary, router: Capabilities, make: Make, first: Release): Model {
  const model: Model = {
    canary,
    status: canary.status,
    now: START,
    deleting: false,
    answer: () => ({ kind: "passed" }),
    delivers: true,
    target: podsOf(first, START - 10_000),
    primary: undefined,
    routes: undefined,
    plan: () => planFor(model.canary.spec, router),
    timeline: [],
    lookAgainAt: undefined,
    turn: (crash) => takeTurn(model, make, router, crash),
    due: () => dueOf(model),
  };
  return model;
}

function takeTurn(model: Model, make: Make, router: Capabilities, crash: Crash | undefined): Turn | undefined {
  const { canary, now, deleting } = model;
  const { ref, uid, spec } = canary;
  const plan = model.plan();
  const status = load(model, crash === "forgets");
  const readings = read(model, make, router, status);
  const alertsDelivered = model.delivers ? status.owedAlerts.length : 0;
  const situation = { ref, uid, spec, plan, status, readings, alertsDelivered, deleting, now };
  const { input, transition } = takeTurnWith(situation, model.answer);
  model.lookAgainAt = transition.lookAgainAt;
  const wanted = desired({ uid, plan, suspended: spec.suspend && !deleting }, transition.status);
  const mesh = model.routes;
  const wasUp = model.target?.up;
  const before = JSON.stringify([model.status, model.primary, model.target, model.routes]);
  let copied: Release | undefined;
  if (crash !== "before the save") {
    model.status = transition.status;
    if (crash !== "after the save") copied = converge(model, wanted, make, readings, crash);
  }
  const changed = JSON.stringify([model.status, model.primary, model.target, model.routes]) !== before;
  const routes = routesFor(plan, transition.status);
  if (changed || crash !== undefined) note(model, transition, routes, crash);
  if (!changed && crash === undefined) return undefined;
  const tookDown = wasUp === true && model.target?.up === false;
  return { input, transition, wanted, routes, crash, copied, mesh: { before: mesh, after: model.routes }, tookDown };
}

function note(
  { timeline, now, primary }: Model,
  { status, events }: Transition,
  routes: Routes | undefined,
  crash = "",
) {
  const split = routes === undefined ? "-" : `${routes.primary}/${routes.canary}${routes.mirror ? "m" : ""}`;
  const said = events.map(({ message }) => message).join("; ");
  const where = `${(now - START) / 1000}s ${status.phase} ${split} primary=${primary?.release.spec ?? "none"}`;
  timeline.push(`${where} ${crash === "" ? "" : `(dies: ${crash}) `}${said}`);
}

/** The status as it comes back from the API server. @param pruned by Flagger's own CRD */
function load({ canary, status }: Model, pruned: boolean): CanaryStatus {
  if (status.writtenAt === 0) return status;
  const { intervalMs, iterations, mirror } = canary.spec.analysis;
  const stored: WireStatus = JSON.parse(JSON.stringify(toWire(status)));
  const { aviary: _memory, ...flaggers } = stored;
  const hints = {
    intervalMs,
    iterations,
    mirror,
    weights: canaryWeights(canary.spec),
    skips: canary.spec.skipAnalysis,
  };
  const loaded = fromWire(pruned ? flaggers : stored, hints);
  // Times in Flagger's fields are whole seconds, those in status.aviary milliseconds.
  const lost = !isDeepStrictEqual(written(loaded), written(status));
  if (lost && !pruned) throw new Error(`stored ${JSON.stringify(status)}, and loaded ${JSON.stringify(loaded)}`);
  // An annotation keeps undelivered alerts.
  return pruned ? { ...loaded, owedAlerts: status.owedAlerts } : loaded;
}

function written(status: CanaryStatus): unknown {
  // Whether another client wrote them is read from the routes, not stored.
  return JSON.parse(JSON.stringify({ ...status, writtenAt: 0, foreign: undefined }));
}

function read(model: Model, make: Make, router: Capabilities, status: CanaryStatus): Readings {
  const { target, primary, now } = model;
  const waiting = (detail: string): Readiness => ({ kind: "progressing", detail });
  if (target === undefined) {
    const nothing = { exists: false, readiness: waiting(""), available: 0 };
    return {
      problem: "the target is gone",
      ...(make.pods ? { gone: true } : {}),
      target: { revision: { spec: "" }, readiness: waiting(""), available: 0, scaledDown: false },
      primary: nothing,
      routesInForce: true,
    };
  }
  const promised = routesFor(model.plan(), status);
  const inForce =
    !router.weights || promised === undefined || JSON.stringify(model.routes) === JSON.stringify(promised);
  return {
    target: {
      revision: revisionOf(target.release),
      ...serving(target, target.release.asCanary, now, make, "canary"),
      scaledDown: make.scales && !target.up,
    },
    primary: {
      exists: primary !== undefined,
      ...(primary === undefined
        ? { readiness: waiting("primary not found"), available: 0 }
        : { ...serving(primary, primary.release.asPrimary, now, make, "primary"), promotionId: primary.id }),
      ...(primary !== undefined && make.gap === true ? { gap: true as const } : {}),
      ...(primary?.previous === undefined
        ? {}
        : { previous: { spec: primary.previous.release.spec, promotionId: primary.previous.id } }),
      ...(primary !== undefined && status.phase === "Failed" ? { restorable: primary.previous !== undefined } : {}),
      ...(status.foreign === true ? { carriesTarget: primary?.release.spec === target.release.spec } : {}),
    },
    routesInForce: inForce,
  };
}

export function revisionOf({ spec, configs }: Release): Revision {
  return configs === undefined ? { spec } : { spec, configs };
}

function serving(pods: Pods, fate: Fate, now: number, make: Make, which: string) {
  const ready = { readiness: { kind: "ready" }, available: 1 } as const;
  if (!make.pods) return ready;
  if (!pods.up) return { readiness: { kind: "ready" }, available: 0 } as const;
  const lost = now < pods.lost.until;
  if (!lost && now >= pods.since + STARTS_MS[fate]) return ready;
  const stuck = now >= Math.max(pods.since, lost ? pods.lost.from : 0) + GIVEN_UP_MS;
  const progress = "0 of 1 updated";
  const detail = `${which} ${pods.release.spec} not ready: waiting for rollout to finish: ${progress}`;
  const available = pods.surviving && !lost ? 1 : 0;
  return { readiness: { kind: stuck ? "stuck" : "progressing", detail, progress }, available } as const;
}

/** @returns what was copied to the primary */
function converge(model: Model, wanted: DesiredState, make: Make, readings: Readings, crash?: Crash) {
  const { problem, gone } = readings;
  if (!wanted.engaged || (problem !== undefined && gone !== true && !model.deleting)) return undefined;
  const copied = convergePrimary(model, wanted, make);
  if (crash === "before the routes") return copied;
  if (wanted.traffic === "handed-back") model.routes = undefined;
  else if (wanted.traffic !== "untouched") model.routes = wanted.traffic;
  const { target } = model;
  if (target !== undefined && make.scales && wanted.target !== "as-is" && target.up !== (wanted.target === "up")) {
    target.up = wanted.target === "up";
    target.since = model.now;
    target.surviving = false;
  }
  return copied;
}

function convergePrimary(model: Model, wanted: DesiredState, make: Make): Release | undefined {
  const { target, primary, canary, status, now } = model;
  if (primary === undefined) {
    if (target === undefined || status.phase === "Terminating") return undefined;
    const id = promotionId(canary.uid, revisionOf(target.release));
    model.primary = { ...podsOf(target.release, now), id };
    return undefined;
  }
  const roll = (release: Release, id: string) => {
    primary.surviving =
      make.pods && make.gap !== true && serving(primary, primary.release.asPrimary, now, make, "").available > 0;
    Object.assign(primary, { release, id, since: now });
  };
  if (wanted.primary.kind === "promoted" && target !== undefined) {
    const { id, revision } = wanted.primary;
    if (primary.id === id || !sameRevision(revision, revisionOf(target.release))) return undefined;
    primary.previous = { release: primary.release, id: primary.id };
    roll(target.release, id);
    return target.release;
  }
  if (wanted.primary.kind === "restored" && primary.previous !== undefined && primary.id === wanted.primary.from) {
    roll(primary.previous.release, primary.previous.id);
    delete primary.previous;
  }
  return undefined;
}

function dueOf({ status, target, primary, now, lookAgainAt }: Model): number | undefined {
  const times = [target, primary].flatMap((pods) => {
    if (pods === undefined) return [];
    const fates = [pods.release.asCanary, pods.release.asPrimary].map((fate) => pods.since + STARTS_MS[fate]);
    return [...fates, pods.since + GIVEN_UP_MS, pods.lost.from + GIVEN_UP_MS, pods.lost.until];
  });
  const later = [
    ...times,
    nextTurnAt({ status, ...(lookAgainAt === undefined ? {} : { lookAgainAt }) }, now) ?? 0,
  ].filter((time) => time > now && Number.isFinite(time));
  return later.length === 0 ? undefined : Math.min(...later);
}
