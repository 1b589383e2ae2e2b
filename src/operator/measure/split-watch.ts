/**
 * Counts the requests of both versions while the promised split stays the same, and reports when the mesh does not
 * split as promised. The counting runs beside the turns: no decision waits for a count, and no count changes a
 * decision.
 */

import type { Plan } from "../../core/plan/plan.ts";
import { namedByHooks, offSplit, promisedShare, type Side, sideOf } from "../../core/record/split.ts";
import { drainOf } from "../../core/spec/interval.ts";
import type { CanaryRef } from "../../core/spec/spec.ts";
import type { Canary, OffSplit } from "../../core/status/canary.ts";
import type { Readings } from "../../core/turn/observation.ts";
import type { Count, ProbeRunner } from "../../ports/probe-runner.ts";
import type { Sessions } from "../sessions.ts";

export interface SplitWatch {
  /** The finding of the present run, if there is one. */
  found(canary: Canary): OffSplit | undefined;
  /**
   * To be called in each turn, before the turn writes anything.
   * @param judged the canary was measured in this turn, so that users may be counted as well
   */
  observe(canary: Canary, plan: Plan, readings: Readings, judged: boolean): void;
}

export interface SplitPorts {
  readonly count: NonNullable<ProbeRunner["count"]>;
  readonly sessions: Sessions;
  /** Milliseconds from any start. Never set back or forward, as the time of day may be. */
  readonly steadyMs: () => number;
  readonly wake: (ref: CanaryRef) => void;
}

/** The promised split, and since when the cluster's routes have matched it in every turn. */
interface Held {
  readonly run: string;
  /** Percent for the canary; undefined: there is no promise that counts could check. */
  readonly promised: number | undefined;
  readonly sinceMs: number;
  /** The result of the last count. One count proves nothing, because long requests are counted only when they end. */
  readonly side: Side | undefined;
  readonly found: OffSplit | undefined;
}

/** Metric servers have a time limit of their own. */
const NOT_ABORTED = new AbortController().signal;

export function createSplitWatch({ count, sessions, steadyMs, wake }: SplitPorts): SplitWatch {
  const slot = sessions.slot<Held>();

  async function ask(
    canary: Canary,
    held: Held,
    promised: number,
    windowMs: number,
    readings: Readings,
  ): Promise<void> {
    const askedMs = steadyMs();
    const [ofCanary, ofPrimary] = await Promise.all([
      count(canary, "canary", windowMs, NOT_ABORTED),
      count(canary, "primary", windowMs, NOT_ABORTED),
    ]);
    const now = slot.get(canary.ref);
    if (now === undefined || now.run !== held.run) return;
    const seen = [seenOf(ofCanary, windowMs, readings.target), seenOf(ofPrimary, windowMs, readings.primary)] as const;
    const side = seen[0] === undefined || seen[1] === undefined ? undefined : sideOf(promised, seen[0], seen[1]);
    const named = namedByHooks(canary.spec);
    const isExplained = (side === "more" && named.canary) || (side === "less" && named.primary);
    if (side === undefined || isExplained) return slot.set(canary.ref, { ...now, side: undefined });
    // The next count must cover other requests.
    const sinceMs = Math.max(now.sinceMs, askedMs);
    if (now.side !== side) return slot.set(canary.ref, { ...now, side, sinceMs });
    slot.set(canary.ref, { ...now, found: offSplit(promised, ofCanary?.requests ?? 0, ofPrimary?.requests ?? 0) });
    wake(canary.ref);
  }

  return {
    found({ ref, status }) {
      const held = slot.get(ref);
      return held !== undefined && held.run === status.run?.id ? held.found : undefined;
    },
    observe(canary, plan, readings, judged) {
      const { ref, status } = canary;
      const run = status.run?.id ?? "";
      const holds = readings.routesInForce && readings.problem === undefined;
      const promised = holds ? promisedShare(canary.spec, plan, status) : undefined;
      const before = slot.get(ref);
      const isSame = before?.run === run;
      if (before === undefined && promised === undefined) return;
      const isUnchanged = isSame && before.promised === promised;
      const held: Held = isUnchanged
        ? before
        : {
            ...{ run, promised, sinceMs: steadyMs() },
            ...{ side: isSame ? before.side : undefined, found: isSame ? before.found : undefined },
          };
      if (!isUnchanged) slot.set(ref, held);
      if (!judged || promised === undefined || held.found !== undefined || status.offSplit !== undefined) return;
      // Proxies learn of new routes a moment after they are written.
      const windowMs = Math.floor(steadyMs() - held.sinceMs - drainOf(canary.spec.analysis.intervalMs));
      if (windowMs < 1000) return;
      void ask(canary, held, promised, windowMs - (windowMs % 1000), readings).catch(() => undefined);
    },
  };
}

/** undefined: the count cannot be compared. */
function seenOf(count: Count | undefined, windowMs: number, { available }: { readonly available: number }) {
  if (count?.failed === undefined || count.strayRate === undefined) return undefined;
  const { requests, failed, strayRate } = count;
  return { requests, failed, strays: (strayRate * available * windowMs) / 1000 };
}
