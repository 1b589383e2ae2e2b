/** Takes the turns of Canaries, and decides what happens when a turn cannot be taken. */
import type { CanaryRef } from "../../core/spec/spec.ts";
import { ReadFailure } from "../cluster/read-failure.ts";
import { type Ports, type Requeue, reconcile } from "../reconcile/reconcile.ts";
import type { Sessions } from "../sessions.ts";
import type { Quarantine } from "../watchdog/quarantine.ts";
import { underWay } from "../watchdog/under-way.ts";
import type { Complaints } from "./complaints.ts";
import { canaryRef } from "./follow.ts";

export interface Turns {
  /** @returns undefined when the Canary waits for a cache, which wakes it @throws what the turn throws */
  take(key: string, signal: AbortSignal): Promise<Requeue | undefined>;
}

export interface TurnsOptions {
  readonly ports: Ports;
  readonly complaints: Complaints;
  readonly wake: (ref: CanaryRef) => void;
  readonly sessions: Sessions;
  /** Resolves with why only a sketch of the Canary is in memory; undefined: all of it is. */
  readonly leftOut?: (ref: CanaryRef) => Promise<string | undefined> | undefined;
  /** Absent: no Canary is left alone. */
  readonly quarantine?: Quarantine | undefined;
}

/** Whether there is room again for a Canary that was left out. */
const LOOK_FOR_ROOM_MS = 60_000;

export function createTurns({ ports, complaints, wake, sessions, leftOut, quarantine }: TurnsOptions): Turns {
  /** The Canary waits for a cache. */
  const parked = sessions.slot<true>();

  /** A Canary whose objects cannot be read waits until they can be read, instead of trying again and again. */
  function park(key: string, filled: Promise<unknown>): void {
    const ref = canaryRef(key);
    if (parked.get(ref) === true) return;
    parked.set(ref, true);
    void filled.then(
      () => {
        parked.delete(ref);
        wake(ref);
      },
      () => undefined, // the operator stops
    );
  }

  /**
   * A Canary that blocked the operator is left alone, unless it is being deleted: then its queries are not run any
   * more.
   */
  function leftAlone(key: string): Requeue | undefined {
    if (quarantine === undefined || quarantine.size === 0) return undefined;
    const loaded = ports.store.load(canaryRef(key));
    if (loaded === undefined || (loaded.kind === "canary" && loaded.canary.deleting)) return undefined;
    const { uid, generation } = loaded.kind === "canary" ? loaded.canary : loaded;
    const held = quarantine.held(key, `${uid} ${generation}`, ports.clock.now());
    if (held === undefined) return undefined;
    complaints.quarantined(key, held);
    return { kind: "at", time: held.until };
  }

  return {
    async take(key, signal) {
      const alone = leftAlone(key);
      if (alone !== undefined) return alone;
      try {
        const why = await leftOut?.(canaryRef(key));
        if (why !== undefined) {
          complaints.leftOut(key, why);
          return { kind: "at", time: ports.clock.now() + LOOK_FOR_ROOM_MS };
        }
        const turn = () => reconcile(canaryRef(key), ports, signal);
        // Only the watchdog needs to know whose turn it is. To track that costs a fifth of every turn.
        const requeue = await (quarantine === undefined ? turn() : underWay(key, turn));
        complaints.settled(key);
        return requeue;
      } catch (error) {
        if (!(error instanceof ReadFailure) || error.filled === undefined) throw error;
        complaints.unreadable(key, error);
        park(key, error.filled);
        return undefined;
      }
    },
  };
}
