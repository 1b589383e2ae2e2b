/**
 * The status on the wire, both ways. What Flagger writes is written as Flagger writes it; what Aviary remembers beyond
 * that goes under `aviary`. With Flagger's own CRD the API server prunes `aviary`. Then `fromWire` recovers it from the
 * fields that remain. The recovery may repeat a step, and cannot skip one.
 */

import { steeringOf } from "../people/steering.ts";
import type { Phase } from "../phases/positions.ts";
import { isPhase, rulesOf } from "../phases/table.ts";
import { EVENTS } from "../texts/events.ts";
import type { Announced, CanaryStatus, Revision, StatusCore } from "./canary.ts";
import { owedAlerts } from "./owed-alerts.ts";
import { storedMemory } from "./stored-memory.ts";
import { namesFrom, type RecoveryHints, type WireMemory, type WireStatus } from "./wire.ts";

/** @throws RangeError for a phase that no version ever wrote */
export function fromWire(stored: WireStatus | undefined, hints: RecoveryHints): CanaryStatus {
  const wire = withMemory(stored);
  const phase = wire?.phase ?? "";
  if (typeof phase !== "string" || !isPhase(phase)) {
    throw new RangeError(
      `status.phase ${JSON.stringify(phase)} is not a phase of a Canary: clear it to initialise the Canary again`,
    );
  }
  const read = coreFrom(wire ?? {});
  const core = { ...read, canaryWeight: weightHeld(phase, read, wire?.aviary, hints) };
  return { ...core, ...rulesOf(phase).memory.read(wire?.aviary, { core, hints }) };
}

/** Another writer may have stored anything. */
function withMemory(stored: WireStatus | undefined): WireStatus | undefined {
  if (stored?.aviary === undefined) return stored;
  const { aviary: memory, ...rest } = stored;
  const isObject = typeof memory === "object" && memory !== null && !Array.isArray(memory);
  return isObject ? { ...rest, aviary: storedMemory(memory) } : rest;
}

/** Without types in the CRD, any writer may have stored anything here, even an object. */
const numberIn = (found: unknown, otherwise = 0): number =>
  typeof found === "number" && Number.isFinite(found) ? found : otherwise;
const textIn = (found: unknown): string => (typeof found === "string" ? found : "");

function coreFrom(wire: WireStatus): StatusCore {
  const { lastTransitionTime: time } = wire;
  const writtenAt = typeof time === "string" && time !== "" ? Date.parse(time) : 0;
  const spec = textIn(wire.lastAppliedSpec);
  const { trackedConfigs: configs } = wire;
  const applied: Revision | undefined =
    spec === "" ? undefined : { spec, ...(typeof configs === "object" && configs !== null ? { configs } : {}) };
  const announced = announcedFrom(wire.aviary);
  return {
    failedChecks: numberIn(wire.failedChecks),
    canaryWeight: numberIn(wire.canaryWeight),
    iterations: numberIn(wire.iterations),
    ...(applied === undefined ? {} : { applied }),
    promotedSpec: textIn(wire.lastPromotedSpec),
    cookies: {
      canary: textIn(wire.sessionAffinityCookie),
      primary: named(textIn(wire.primarySessionAffinityCookie)),
      previous: textIn(wire.previousSessionAffinityCookie),
    },
    conditions: Array.isArray(wire.conditions) ? wire.conditions : [],
    writtenAt,
    phaseSince: numberIn(wire.aviary?.phaseSince, writtenAt),
    ...(announced === undefined ? {} : { announced }),
    ...(wire.aviary?.warned === undefined ? {} : { warned: wire.aviary.warned }),
    ...(wire.aviary?.names === undefined ? {} : { names: namesFrom(wire.aviary.names) }),
    ...steeringOf(wire.aviary ?? {}),
    owedAlerts: owedAlerts(wire.aviary?.owedAlerts),
    ...(applied !== undefined && wire.aviary === undefined ? { foreign: true } : {}),
  };
}

/** Releases before the reasons stored the message alone. */
function announcedFrom(memory: WireMemory | undefined): Announced | undefined {
  if (memory?.said === undefined) return undefined;
  const isSuspension = memory.said === EVENTS.suspended().event.message;
  const reason = memory.saidReason ?? (isSuspension ? "Suspended" : "Unknown");
  return { reason, message: memory.said, ...(memory.gate === undefined ? {} : { gate: memory.gate }) };
}

/**
 * Flagger stores a cookie for the primary even without a name. Aviary reads a cookie without a name as no cookie (R18).
 */
function named(cookie: string): string {
  return cookie.startsWith("=") ? "" : cookie;
}

/**
 * While Flagger waits for the promotion it records no weight, though the routes keep the weight of the run's end (Q20).
 */
function weightHeld(phase: Phase, core: StatusCore, memory: WireMemory | undefined, hints: RecoveryHints): number {
  const zeroed = phase === "WaitingPromotion" && core.canaryWeight === 0 && memory === undefined;
  return zeroed && hints.iterations === 0 ? (hints.weights.at(-1) ?? 0) : core.canaryWeight;
}

/** @returns the whole status as it is to be stored; fields that are absent are to be removed */
export function toWire(status: CanaryStatus): WireStatus {
  const { cookies, applied } = status;
  return {
    phase: status.phase,
    failedChecks: status.failedChecks,
    canaryWeight: status.canaryWeight,
    iterations: status.iterations,
    ...(applied?.configs === undefined ? {} : { trackedConfigs: applied.configs }),
    ...(applied === undefined ? {} : { lastAppliedSpec: applied.spec }),
    ...(status.promotedSpec === "" ? {} : { lastPromotedSpec: status.promotedSpec }),
    lastTransitionTime: new Date(status.writtenAt).toISOString().replace(/\.\d+Z$/, "Z"),
    ...(cookies.canary === "" ? {} : { sessionAffinityCookie: cookies.canary }),
    ...(cookies.primary === "" ? {} : { primarySessionAffinityCookie: cookies.primary }),
    ...(cookies.previous === "" ? {} : { previousSessionAffinityCookie: cookies.previous }),
    conditions: status.conditions,
    aviary: memoryOf(status),
  };
}

function memoryOf(status: CanaryStatus): WireMemory {
  const { announced, warned, owedAlerts, phaseSince, names } = status;
  return {
    ...rulesOf(status.phase).memory.write(status),
    ...(warned === undefined ? {} : { warned }),
    ...(announced === undefined ? {} : { said: announced.message, saidReason: announced.reason }),
    ...(announced?.gate === undefined ? {} : { gate: announced.gate }),
    phaseSince,
    ...(names === undefined ? {} : { names }),
    ...steeringOf(status),
    ...(owedAlerts.length === 0 ? {} : { owedAlerts }),
  };
}
