/**
 * People may change the provider, Service, target and autoscaler of a Canary at any time. Aviary then changes over in
 * three steps. First the routes under the former names send all traffic to the primary. Then a drain lets every proxy
 * learn of that. Then the new names count.
 */

import type { CanarySpec } from "../spec/spec.ts";
import type { CanaryStatus, Names, RoutingRefs, ScalerName } from "../status/canary.ts";
import { EVENTS } from "../texts/events.ts";
import { perObject } from "../turn/per-object.ts";
import {
  type DecisionInput,
  drainDelayMs,
  enterPhase,
  keepWaiting,
  type Transition,
  type Turn,
  unchanged,
  updateCommon,
} from "../turn/turn.ts";
import { NO_WAIT, waitUntil } from "../turn/waits.ts";
import { isRecovering } from "./recovery.ts";

/** The names in a spec. */
export const namesOf = perObject((spec: CanarySpec): Names => {
  const { provider, service, targetRef, autoscalerRef } = spec;
  const refs = refsOf(spec);
  return {
    provider,
    service: service.name,
    target: targetRef,
    ...(autoscalerRef === undefined ? {} : { scaler: { kind: autoscalerRef.kind, name: autoscalerRef.name } }),
    ...(Object.keys(refs).length === 0 ? {} : { refs }),
  };
});

function refsOf({ ingressRef, routeRef, service }: CanarySpec): RoutingRefs {
  const text = (field: "routeName" | "routeKind") => {
    const value = service.raw[field];
    return typeof value === "string" && value !== "" ? { [field]: value } : {};
  };
  return {
    ...(ingressRef === undefined ? {} : { ingressRef }),
    ...(routeRef === undefined ? {} : { routeRef }),
    ...text("routeName"),
    ...text("routeKind"),
  };
}

/** The present spec, with these names instead of its own. */
export function underNames(spec: CanarySpec, { provider, service, target, scaler, refs = {} }: Names): CanarySpec {
  const { autoscalerRef, ingressRef: _ingress, routeRef: _route, ...rest } = spec;
  const { routeName, routeKind, ...objects } = refs;
  const { routeName: _name, routeKind: _kind, ...raw } = spec.service.raw;
  const named = {
    ...(routeName === undefined ? {} : { routeName }),
    ...(routeKind === undefined ? {} : { routeKind }),
  };
  const isSame = autoscalerRef?.kind === scaler?.kind && autoscalerRef?.name === scaler?.name;
  const former = isSame ? autoscalerRef : scaler && { apiVersion: "", ...scaler };
  return {
    ...rest,
    ...(former === undefined ? {} : { autoscalerRef: former }),
    ...objects,
    provider,
    ownProvider: provider,
    targetRef: target,
    service: { ...spec.service, name: service, raw: { ...raw, ...named } },
  };
}

/**
 * The spec that counts in this turn. A promotion or a restoration ends under the names with which it began, because in
 * between the canary may be the only workload that serves.
 */
export function specInForce(spec: CanarySpec, status: CanaryStatus, deleting: boolean): CanarySpec {
  const { phase, names } = status;
  const keepsNames =
    phase === "Promoting" ||
    phase === "Finalising" ||
    isRecovering(status) ||
    (deleting && names?.leaveAt === undefined);
  if (names === undefined || !keepsNames || isSameRouting(names, namesOf(spec))) return spec;
  const { autoscalerRef, ...former } = underNames(spec, names);
  return spec.autoscalerRef === undefined ? former : { ...former, autoscalerRef: spec.autoscalerRef };
}

/** The names in the status, when the spec has other names now. */
export function formerNames(spec: CanarySpec, { names }: CanaryStatus): Names | undefined {
  if (names === undefined) return undefined;
  const wanted = namesOf(spec);
  return isSameRouting(names, wanted) && isSameScaler(names.scaler, wanted.scaler) ? undefined : names;
}

/** @returns undefined when the Canary has no former names to leave */
export function leaveFormerNames(turn: Turn): Transition | undefined {
  const { status, spec } = turn;
  const former = formerNames(spec, status);
  const { names } = status;
  const wanted = newNames(turn);
  if (former === undefined) {
    const isSettled = names?.leaveAt === undefined && isSameScaler(names?.formerScaler, wanted.formerScaler);
    return names === undefined || isSettled ? undefined : adoptNewNames(turn);
  }
  const { problem, primary, formerLeft = true } = turn.observation.readings;
  const onlyScalerChanged = isSameRouting(former, wanted);
  if (onlyScalerChanged) return formerLeft ? adoptNewNames(turn) : undefined;
  if (former.leaveAt === undefined) return beginLeaving(turn, former);
  const leaving = keepWaiting(turn, waitUntil(former.leaveAt), drainDelayMs(spec));
  if (!formerLeft || leaving !== undefined) return leaving ?? unchanged(turn);
  if (problem !== undefined) return undefined;
  if (status.phase !== "Initializing") return adoptNewNames(turn);
  // The new target already has a primary, whose revision counts as promoted. Any other revision must be judged.
  return primary.exists
    ? enterPhase(turn, { phase: "Initialized", drain: NO_WAIT }, { names: wanted, applied: { spec: "" } })
    : updateCommon(turn, { names: wanted, promotedSpec: "" });
}

/** The names in the spec, and that of a former autoscaler that still scales the target. */
function newNames({ spec, status, observation }: DecisionInput): Names {
  const formerScaler = observation.readings.formerScales === true ? formerScalerName(spec, status) : undefined;
  return { ...namesOf(spec), ...(formerScaler === undefined ? {} : { formerScaler }) };
}

/** The autoscaler that the Canary named before. */
export function formerScalerName(spec: CanarySpec, { names }: CanaryStatus): ScalerName | undefined {
  const { scaler } = namesOf(spec);
  return [names?.scaler, names?.formerScaler].find((named) => named !== undefined && !isSameScaler(named, scaler));
}

/** From now on the names in the spec count. */
function adoptNewNames(turn: DecisionInput): Transition {
  return updateCommon(turn, { names: newNames(turn) });
}

function beginLeaving(turn: Turn, former: Names): Transition {
  const { status, spec, now } = turn;
  const leaveAt = now + drainDelayMs(spec);
  const changes = { failedChecks: 0, canaryWeight: 0, iterations: 0, names: { ...former, leaveAt } };
  const { target } = former;
  const isRenamed = target.kind !== spec.targetRef.kind || target.name !== spec.targetRef.name;
  if (isRenamed) {
    return enterPhase(turn, { phase: "Initializing", stage: "copying" }, changes, EVENTS.targetRenamed(turn, target));
  }
  // In every other phase all traffic goes to the primary already.
  if (status.phase !== "Progressing" && status.phase !== "WaitingPromotion") return adoptNewNames(turn);
  const hold = waitUntil(leaveAt);
  return enterPhase(
    turn,
    { phase: "Progressing", step: 0, serving: "as-planned", stage: "preparing", hold },
    changes,
    EVENTS.routingChanged(turn, former.provider, former.service),
  );
}

function isSameRouting(a: Names, b: Names): boolean {
  return (
    a.provider === b.provider &&
    a.service === b.service &&
    a.target.kind === b.target.kind &&
    a.target.name === b.target.name &&
    isSameRefs(a.refs, b.refs)
  );
}

function isSameRefs(a: RoutingRefs = {}, b: RoutingRefs = {}): boolean {
  return (
    a.ingressRef?.name === b.ingressRef?.name &&
    a.routeRef?.kind === b.routeRef?.kind &&
    a.routeRef?.name === b.routeRef?.name &&
    a.routeRef?.namespace === b.routeRef?.namespace &&
    a.routeName === b.routeName &&
    a.routeKind === b.routeKind
  );
}

/** Whether both name the same autoscaler, or none. */
export function isSameScaler(a: ScalerName | undefined, b: ScalerName | undefined): boolean {
  return a?.kind === b?.kind && a?.name === b?.name;
}
