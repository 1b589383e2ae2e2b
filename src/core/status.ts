/**
 * The status on the wire, both ways. What Flagger writes is written as Flagger writes it; what we remember beyond that goes
 * under `aviary`. With Flagger's own CRD the API server prunes that, and `fromWire` recovers it: never further than the
 * wire proves, so that recovering may repeat a step but cannot skip one.
 */
import type { Alert, CanaryStatus, Condition, Phase, Position, Restarted, Revision, StatusCore } from "./canary.ts";
import { TRANSITIONS } from "./canary.ts";
import { drainOf } from "./interval.ts";
import { TOTAL_WEIGHT } from "./plan.ts";

export interface WireStatus {
  readonly phase?: string;
  readonly failedChecks?: number;
  readonly canaryWeight?: number;
  readonly iterations?: number;
  readonly trackedConfigs?: Readonly<Record<string, string>> | null;
  readonly lastAppliedSpec?: string;
  readonly lastPromotedSpec?: string;
  readonly lastTransitionTime?: string | null;
  readonly sessionAffinityCookie?: string;
  readonly primarySessionAffinityCookie?: string;
  readonly previousSessionAffinityCookie?: string;
  readonly conditions?: readonly Condition[];
  readonly aviary?: WireMemory;
}

/** Our memory beyond Flagger's fields. Absent fields have the value that costs least to be wrong about. */
export interface WireMemory {
  readonly step?: number;
  readonly plan?: string;
  readonly holdUntil?: number;
  readonly drainUntil?: number;
  readonly withheld?: boolean;
  readonly prepared?: boolean;
  readonly primaryWeight?: number;
  readonly shiftedAt?: number;
  readonly doubted?: boolean;
  readonly skipping?: boolean;
  readonly restoring?: boolean;
  readonly owesPostRollout?: boolean;
  readonly skipped?: boolean;
  readonly reverted?: boolean;
  readonly renew?: boolean;
  readonly switching?: boolean;
  readonly released?: boolean;
  readonly putOff?: boolean;
  readonly restarted?: Restarted;
  readonly phaseSince?: number;
  readonly said?: string;
  readonly owedAlerts?: readonly Alert[];
}

/** What is needed to recover a memory that was pruned. */
export interface RecoveryHints {
  readonly intervalMs: number;
  /** Iterations to go through; 0 for a progressive run. */
  readonly iterations: number;
  /** Ascending weights of a progressive run; a mirror step counts before them. */
  readonly weights: readonly number[];
  readonly mirror: boolean;
  /** Promotes without judging; false when absent. */
  readonly skips?: boolean;
}

export function isPhase(text: string): text is Phase {
  return Object.hasOwn(TRANSITIONS, text);
}

/** @throws RangeError for a phase that no version ever wrote */
export function fromWire(wire: WireStatus | undefined, hints: RecoveryHints): CanaryStatus {
  const phase = wire?.phase ?? "";
  if (!isPhase(phase)) {
    throw new RangeError(`status.phase "${phase}" is not a phase of a Canary: clear it to initialise the Canary again`);
  }
  const read = coreFrom(wire ?? {});
  const core = { ...read, canaryWeight: weightHeld(phase, read, wire?.aviary, hints) };
  return { ...core, ...positionFrom(phase, core, wire?.aviary, hints) } as CanaryStatus;
}

function coreFrom(wire: WireStatus): StatusCore {
  const writtenAt = wire.lastTransitionTime ? Date.parse(wire.lastTransitionTime) : 0;
  const applied: Revision | undefined = wire.lastAppliedSpec
    ? { spec: wire.lastAppliedSpec, ...(wire.trackedConfigs ? { configs: wire.trackedConfigs } : {}) }
    : undefined;
  const said = wire.aviary?.said;
  return {
    failedChecks: wire.failedChecks ?? 0,
    canaryWeight: wire.canaryWeight ?? 0,
    iterations: wire.iterations ?? 0,
    ...(applied === undefined ? {} : { applied }),
    promotedSpec: wire.lastPromotedSpec ?? "",
    cookies: {
      canary: wire.sessionAffinityCookie ?? "",
      primary: named(wire.primarySessionAffinityCookie),
      previous: wire.previousSessionAffinityCookie ?? "",
    },
    conditions: wire.conditions ?? [],
    writtenAt,
    phaseSince: wire.aviary?.phaseSince ?? writtenAt,
    ...(said === undefined ? {} : { said }),
    ...(wire.aviary?.restarted === undefined ? {} : { restarted: wire.aviary.restarted }),
    owedAlerts: wire.aviary?.owedAlerts ?? [],
    ...(applied !== undefined && wire.aviary === undefined ? { foreign: true } : {}),
  };
}

/** Flagger keeps a cookie for the primary also where it was given no name: one without a name is none (R18). */
function named(cookie = ""): string {
  return cookie.startsWith("=") ? "" : cookie;
}

function positionFrom(phase: Phase, core: StatusCore, memory: WireMemory | undefined, hints: RecoveryHints): Position {
  const held = memory?.holdUntil ?? (core.writtenAt > 0 ? core.writtenAt + hints.intervalMs : 0);
  const step = memory?.step ?? recoverStep(phase, core, hints);
  const onStep = {
    step,
    holdUntil: step === 0 ? (memory?.holdUntil ?? 0) : held,
    withheld: memory?.withheld ?? false,
    ...(memory?.plan === undefined ? {} : { plan: memory.plan }),
  };
  const drainUntil = memory === undefined ? recoverDrain(core, hints) : (memory.drainUntil ?? 0);
  switch (phase) {
    case "":
    case "Terminated":
      return { phase };
    case "Initializing":
      return { phase, renew: memory?.renew ?? false, ...(memory?.switching === true ? { switching: true } : {}) };
    case "Initialized":
      return { phase, drainUntil };
    case "Waiting":
      return { phase, holdUntil: memory?.holdUntil ?? 0 };
    case "Progressing":
      return {
        phase,
        ...onStep,
        prepared: memory?.prepared ?? step > 0,
        ...(memory?.putOff === true ? { putOff: true } : {}),
      };
    case "WaitingPromotion":
      return { phase, ...onStep };
    case "Promoting": {
      const primaryWeight = memory?.primaryWeight ?? primaryShare(core, hints);
      return {
        phase,
        ...onStep,
        holdUntil: memory?.holdUntil ?? (primaryWeight > 0 ? held : 0),
        primaryWeight,
        ...(memory?.shiftedAt === undefined ? {} : { shiftedAt: memory.shiftedAt }),
        ...(memory?.doubted === true ? { doubted: true } : {}),
        skipping: memory?.skipping ?? hints.skips === true,
      };
    }
    case "Finalising":
      return { phase, holdUntil: held };
    case "Succeeded":
      return {
        phase,
        drainUntil,
        owesPostRollout: memory?.owesPostRollout ?? false,
        skipped: memory?.skipped ?? false,
        ...(memory?.reverted === true ? { reverted: true } : {}),
      };
    case "Failed":
      return {
        phase,
        drainUntil,
        owesPostRollout: memory?.owesPostRollout ?? false,
        // Flagger leaves weight 100 in `Failed` only after a failed promotion.
        restoring: memory?.restoring ?? core.canaryWeight > 0,
      };
    case "Terminating":
      return { phase, released: memory?.released ?? false };
  }
}

/** Flagger records no weight while it waits for the promotion, though the routes keep it: that of the run's end (Q20). */
function weightHeld(phase: Phase, core: StatusCore, memory: WireMemory | undefined, hints: RecoveryHints): number {
  const zeroed = phase === "WaitingPromotion" && core.canaryWeight === 0 && memory === undefined;
  return zeroed && hints.iterations === 0 ? (hints.weights.at(-1) ?? 0) : core.canaryWeight;
}

/** Counted from the last write; on the wire a time lacks what is less than a second. */
function recoverDrain({ writtenAt }: StatusCore, { intervalMs }: RecoveryHints): number {
  return writtenAt === 0 ? 0 : writtenAt + 1_000 + drainOf(intervalMs);
}

/** A weight that no run ends with is one of the way back: the primary has the rest. 0: the shift has not begun. */
function primaryShare({ canaryWeight }: StatusCore, { iterations, weights }: RecoveryHints): number {
  // Others record no weight until they shift it.
  if (iterations > 0 && canaryWeight === 0) return 0;
  return iterations === 0 && canaryWeight === weights.at(-1) ? 0 : TOTAL_WEIGHT - canaryWeight;
}

/** The furthest step that the wire's phase, weight and iterations prove. */
function recoverStep(phase: Phase, core: StatusCore, hints: RecoveryHints): number {
  // A promotion begins at the end of the plan, whatever was counted while it waited for approval.
  if (hints.iterations > 0 && phase === "Promoting") return hints.iterations + 1;
  if (hints.iterations > 0) return Math.max(0, Math.min(core.iterations, hints.iterations + 1));
  const reached = hints.weights.filter((weight) => weight <= core.canaryWeight).length;
  return reached === 0 ? 0 : reached + (hints.mirror ? 1 : 0);
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

const REMEMBERED = [
  "step",
  "plan",
  "holdUntil",
  "drainUntil",
  "withheld",
  "prepared",
  "primaryWeight",
  "shiftedAt",
  "doubted",
  "skipping",
  "restoring",
  "owesPostRollout",
  "skipped",
  "reverted",
  "renew",
  "switching",
  "released",
  "putOff",
  "restarted",
  "said",
] as const;

function memoryOf(status: CanaryStatus): WireMemory {
  const fields: Readonly<Record<string, unknown>> = { ...status };
  const remembered = REMEMBERED.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]);
  return {
    ...Object.fromEntries(remembered),
    phaseSince: status.phaseSince,
    ...(status.owedAlerts.length === 0 ? {} : { owedAlerts: status.owedAlerts }),
  };
}
