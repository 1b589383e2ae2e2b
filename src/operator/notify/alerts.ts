/**
 * Alerts are owed in the status until they are delivered. The desk hands each owed alert to the notifiers once per
 * process and wakes the engine when that is done; after a crash the next process finds them still owed.
 */
import type { Alert, Canary, CanaryRef } from "../../core/canary.ts";
import { createSessions, type Sessions } from "../sessions.ts";

/** Sends one alert to all of its receivers. Settles when it was delivered or when trying again makes no sense. */
export type SendAlert = (canary: Canary, alert: Alert) => Promise<void>;

export interface AlertDesk {
  /** False when no receiver is configured for this Canary: then nothing need be owed. */
  isWanted(canary: Canary): boolean;
  /** Starts delivering what is owed and not under way yet. Never blocks a turn. */
  deliver(canary: Canary, owed: readonly Alert[]): void;
  /** How many of the owed ones, from the oldest on, have been delivered. */
  delivered(ref: CanaryRef): number;
  /** So many alerts were removed from the status, and the status is saved. */
  cleared(ref: CanaryRef, count: number): void;
}

interface Desk {
  /** Alerts handed out and still in the status, oldest first. */
  pending: { readonly done: Promise<void>; settled: boolean }[];
}

/** @param wake asks for a turn of the Canary, so that what was delivered is taken off its status */
export function createAlertDesk(
  send: SendAlert,
  wake: (ref: CanaryRef) => void,
  isWanted: (canary: Canary) => boolean = () => true,
  sessions: Sessions = createSessions(),
): AlertDesk {
  const desks = sessions.slot<Desk>();
  const deskOf = (ref: CanaryRef): Desk => {
    const found = desks.get(ref) ?? { pending: [] };
    desks.set(ref, found);
    return found;
  };
  return {
    isWanted,
    deliver(canary, owed) {
      if (owed.length === 0) return;
      const desk = deskOf(canary.ref);
      for (const alert of owed.slice(desk.pending.length)) {
        const entry = { settled: false, done: Promise.resolve() };
        entry.done = send(canary, alert).finally(() => {
          entry.settled = true;
          wake(canary.ref);
        });
        desk.pending.push(entry);
      }
    },
    delivered(ref) {
      const desk = desks.get(ref);
      if (desk === undefined) return 0;
      const open = desk.pending.findIndex(({ settled }) => !settled);
      return open === -1 ? desk.pending.length : open;
    },
    cleared(ref, count) {
      const desk = desks.get(ref);
      if (desk !== undefined) desk.pending = desk.pending.slice(count);
    },
  };
}
