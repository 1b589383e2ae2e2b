/**
 * Reading and writing the parts of the memory that several phases share, and recovering them where they were pruned.
 */

import { drainOf } from "../spec/interval.ts";
import type { StatusCore } from "../status/canary.ts";
import type { RecoveryHints, WireMemory } from "../status/wire.ts";
import { readWait, waitUntil, writeWait } from "../turn/waits.ts";
import { servingFrom } from "./flags.ts";
import type { Known } from "./phase.ts";
import type { Draining, OnStep, Phase, Wait } from "./positions.ts";

/** The hold as it is stored. */
export function readHold(memory: WireMemory | undefined): Wait {
  return readWait(memory?.holdUntil, memory?.holdAfterRoutes);
}

/** The stored form of a hold. */
export function writeHold(wait: Wait): WireMemory {
  const { time, afterRoutes } = writeWait(wait);
  return { holdUntil: time, ...(afterRoutes === undefined ? {} : { holdAfterRoutes: afterRoutes }) };
}

/** A hold that was pruned from the status began at the last write at the latest. */
export function recoverHold(memory: WireMemory | undefined, { core, hints }: Known): Wait {
  if (memory?.holdUntil !== undefined) return readHold(memory);
  return core.writtenAt > 0 ? waitUntil(core.writtenAt + hints.intervalMs) : readHold(undefined);
}

/** The position on a step as it is stored, or recovered from Flagger's fields. */
export function readOnStep(phase: Phase, memory: WireMemory | undefined, known: Known): OnStep {
  const step = memory?.step ?? recoverStep(phase, known.core, known.hints);
  return {
    step,
    hold: step === 0 ? readHold(memory) : recoverHold(memory, known),
    serving: servingFrom(memory ?? {}),
    ...(memory?.outages === undefined ? {} : { outages: memory.outages }),
    ...(memory?.plan === undefined ? {} : { plan: memory.plan }),
  };
}

/** The stored form of a position on a step. */
export function writeOnStep({ step, hold, serving, outages, plan }: OnStep): WireMemory {
  const optional = {
    ...(plan === undefined ? {} : { plan }),
    ...(serving === "canary-alone" ? { standsIn: true } : {}),
    ...(outages === undefined ? {} : { outages }),
  };
  return { step, ...optional, ...writeHold(hold), withheld: serving === "primary-alone" };
}

/** The drain as it is stored, or recovered from the last write. */
export function readDrain(memory: WireMemory | undefined, { core, hints }: Known): Draining {
  if (memory !== undefined) return { drain: readWait(memory.drainUntil, memory.drainAfterRoutes) };
  // Counted from the last write; a time on the wire is cut to whole seconds.
  return { drain: readWait(core.writtenAt === 0 ? 0 : core.writtenAt + 1_000 + drainOf(hints.intervalMs), undefined) };
}

/** The stored form of a drain. */
export function writeDrain({ drain }: Draining): WireMemory {
  const { time, afterRoutes } = writeWait(drain);
  return { drainUntil: time, ...(afterRoutes === undefined ? {} : { drainAfterRoutes: afterRoutes }) };
}

/** The furthest step that the wire's phase, weight and iterations prove. */
function recoverStep(phase: Phase, core: StatusCore, hints: RecoveryHints): number {
  // A promotion begins at the end of the plan; what the status counted while the run waited for approval does not
  // matter.
  if (hints.iterations > 0 && phase === "Promoting") return hints.iterations + 1;
  if (hints.iterations > 0) return Math.max(0, Math.min(core.iterations, hints.iterations + 1));
  const reached = hints.weights.filter((weight) => weight <= core.canaryWeight).length;
  return reached === 0 ? 0 : reached + (hints.mirror ? 1 : 0);
}
