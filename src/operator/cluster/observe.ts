/** What the caches say about one Canary, and why nothing can be done for it now. */

import { isRunning } from "../../core/phases/table.ts";
import { type Capabilities, type Plan, planFor } from "../../core/plan/plan.ts";
import { isRecovering } from "../../core/run/recovery.ts";
import type { CanaryRef, CanarySpec } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import { earliest } from "../../core/turn/earliest.ts";
import type { Readings } from "../../core/turn/observation.ts";
import { perObject } from "../../core/turn/per-object.ts";
import type { ObjectRef } from "../../ports/kubernetes.ts";
import type { PodSelector, WorkloadReading } from "../../ports/workload.ts";
import { type Adapters, type AdapterTables, chooseAdapters } from "../adapters.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type FollowPorts, followAndDigest } from "./follow-inputs.ts";
import { foreignObject } from "./foreign.ts";
import { type FormerScaler, formerOf, formerScalerOf, formerScalerText, isLeft } from "./former.ts";
import type { LookForTroubles } from "./pod-troubles.ts";
import { ReadFailure } from "./read-failure.ts";
import type { FreshSnapshot } from "./read-your-writes.ts";
import { routesReading } from "./routes-in-force.ts";

export interface ObservePorts extends FollowPorts {
  readonly tables: AdapterTables;
  /** Why nothing may be done for this Canary, with any spec (text of the event). */
  readonly refusal?: (canary: CanaryRef) => string | undefined;
  /** Absent: pods are not looked at. */
  readonly troubles?: LookForTroubles;
}

const NO_PLAN: Plan = {
  name: "",
  strategy: "canary",
  steps: [],
  promotionGates: [],
  promotionWeights: [],
  warnings: [],
};
const plansOf = perObject((router: Capabilities) => perObject((spec: CanarySpec) => planFor(spec, router)));
const UNKNOWN = { kind: "progressing", detail: "" } as const;

/** Reads the cluster around one Canary, and the objects under the names that it had before. */
export async function observe(
  canary: Canary,
  now: number,
  ports: ObservePorts,
  signal: AbortSignal,
): Promise<ClusterState> {
  const refused = ports.refusal?.(canary.ref);
  if (refused !== undefined) return stateWithProblem(refused, NO_PLAN);
  const former = formerOf(canary, ports.tables);
  const formerScaler = formerScalerOf(canary, ports.tables);
  const more = [...(former?.refs ?? []), ...(formerScaler?.autoscaler.inputs(formerScaler.canary) ?? [])];
  const seen = await observeAs(canary, more, now, ports, signal);
  const state = formerScaler === undefined ? seen : withFormerScaler(seen, formerScaler, canary, ports.snapshot);
  if (former === undefined) return state;
  return { ...state, former, readings: { ...state.readings, formerLeft: isLeft(former, ports.snapshot) } };
}

function withFormerScaler(
  state: ClusterState,
  formerScaler: FormerScaler,
  canary: Canary,
  seen: FreshSnapshot,
): ClusterState {
  const text = formerScalerText(formerScaler, canary.spec.targetRef, seen);
  if (text === undefined) return state;
  const { problem, warning } = state.readings;
  const said = problem === undefined ? joined(warning, text) : warning;
  const readings = { ...state.readings, formerScales: true, ...(said === undefined ? {} : { warning: said }) };
  return { ...state, formerScaler, readings };
}

/** @param more what is looked at beside, because the Canary named it before */
async function observeAs(
  canary: Canary,
  more: readonly ObjectRef[],
  now: number,
  ports: ObservePorts,
  signal: AbortSignal,
): Promise<ClusterState> {
  const chosen = chooseAdapters(canary, ports.tables);
  if (chosen.kind === "problem") {
    if (more.length > 0) await ports.follow(canary.ref, more, signal);
    return stateWithProblem(chosen.detail, NO_PLAN);
  }
  const { adapters } = chosen;
  try {
    await followAndDigest(canary, adapters, more, ports, signal);
  } catch (error) {
    // The objects of the new names cannot be read. The former names are left all the same.
    if (more.length === 0 || !(error instanceof ReadFailure)) throw error;
    await ports.follow(canary.ref, more, signal);
    return stateWithProblem(error.message, NO_PLAN);
  }
  const plan = plansOf(adapters.router.capabilities)(canary.spec);
  const reading = adapters.workload.read(canary, ports.snapshot, now);
  if (reading.kind === "problem") return withoutTarget(canary, adapters, reading, plan, ports.snapshot);
  const { target, primary, recheckAt, selector } = reading;
  const scalerProblem = adapters.autoscaler?.problem(canary, ports.snapshot);
  const seen = { adapters, plan, ...withSelector(selector) };
  const blocked = blockedState(canary, seen, scalerProblem, ports.snapshot);
  if (blocked !== undefined) return blocked;
  const troubles = (await ports.troubles?.(canary, { target, primary, selector }, now, signal)) ?? {};
  const trouble = joined(reading.warning, troubles.text);
  const warning = joined(trouble, scalerProblem && `${scalerProblem}; ${WITHOUT_SCALER}`);
  const again = earliest(recheckAt, troubles.lookAgainAt);
  const readings: Readings = {
    target,
    primary,
    ...routesReading(canary, plan, adapters, selector, ports.snapshot),
    ...(again === undefined ? {} : { recheckAt: again }),
    ...(warning === undefined ? {} : { warning }),
    ...(trouble === undefined ? {} : { trouble }),
  };
  return { readings, ...seen };
}

/** The target is missing, or cannot be read. What users have is kept where nothing else can be hurt by that. */
function withoutTarget(
  canary: Canary,
  adapters: Adapters,
  { detail, gone, unreadable }: Extract<WorkloadReading, { readonly kind: "problem" }>,
  plan: Plan,
  seen: FreshSnapshot,
): ClusterState {
  const state = stateWithProblem(detail, plan);
  const readings = gone === true ? { ...state.readings, gone } : state.readings;
  // Before the initialisation no object of Aviary exists that a missing target could hurt; one that appears while
  // this turn is taken has not been looked at, and may be one that is refused.
  const initialized = canary.status.phase !== "" && canary.status.phase !== "Initializing";
  // The routes of a target whose revision cannot be read are still kept: its pods, and those of the primary, go on
  // serving.
  const isOurs = unreadable === true && foreignAmong(canary, adapters, undefined, seen) === undefined;
  const served = initialized && (unreadable === true ? isOurs : gone === true);
  // A Canary that leaves hands the routes back, also when its target is gone or changed.
  return { ...state, readings, ...(canary.deleting || served ? { adapters } : {}) };
}

type WithAdapters = Required<Pick<ClusterState, "adapters">> & Pick<ClusterState, "plan" | "selector">;

/** What keeps the Canary from going on, though its target can be read; undefined: nothing does. */
function blockedState(
  canary: Canary,
  { plan, ...chosen }: WithAdapters,
  scalerProblem: string | undefined,
  seen: FreshSnapshot,
): ClusterState | undefined {
  const { adapters, selector } = chosen;
  const foreign = canary.deleting ? undefined : foreignAmong(canary, adapters, selector, seen);
  if (scalerProblem !== undefined && !isUnderWay(canary)) {
    // A turn before the autoscaler was deleted may have promised to scale the target down. This turn keeps that
    // promise.
    const keepsPromise = foreign === undefined && isAtRest(canary);
    return { ...stateWithProblem(scalerProblem, plan), ...(keepsPromise ? chosen : {}) };
  }
  if (foreign !== undefined) return stateWithProblem(foreign, plan);
  const obstacle = canary.deleting ? undefined : adapters.router.obstacle?.(canary, seen);
  if (obstacle === undefined) return undefined;
  return { ...stateWithProblem(obstacle.text, plan), ...(obstacle.writable ? chosen : {}) };
}

const joined = (...texts: readonly (string | undefined)[]): string | undefined =>
  texts.filter((text) => text !== undefined).join("; ") || undefined;

const withSelector = (selector: PodSelector | undefined): Pick<ClusterState, "selector"> =>
  selector === undefined ? {} : { selector };

const WITHOUT_SCALER = "the rollout goes on without the autoscaler: create it again, or remove spec.autoscalerRef";

/** Without pods of the target's own no Services are generated. */
function foreignAmong(
  canary: Canary,
  { router, workload, services, autoscaler }: Adapters,
  selector: PodSelector | undefined,
  seen: FreshSnapshot,
): string | undefined {
  const made = [
    ...workload.made(canary, seen),
    ...(selector === undefined ? [] : services.made(canary)),
    ...(autoscaler?.made(canary) ?? []),
    ...(router.made?.(canary) ?? []),
  ];
  return foreignObject(canary, made, seen);
}

function stateWithProblem(problem: string, plan: Plan): ClusterState {
  const target = { revision: { spec: "" }, readiness: UNKNOWN, available: 0, scaledDown: false };
  const primary = { exists: false, readiness: UNKNOWN, available: 0 };
  return { readings: { problem, target, primary, routesInForce: true }, plan };
}

/** Users are on the canary, or their traffic is being shifted back. That is finished also without the autoscaler. */
function isUnderWay({ status }: Canary): boolean {
  return isRunning(status.phase) || ("drain" in status && status.drain.kind !== "none") || isRecovering(status);
}

/** A run has ended, and the routes are Aviary's. */
function isAtRest({ status }: Canary): boolean {
  const { phase } = status;
  return phase === "Initialized" || phase === "Succeeded" || (phase === "Failed" && status.promotedSpec !== "");
}
