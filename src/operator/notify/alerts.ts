/**
 * The status owes an alert until the alert is delivered. The desk hands each owed alert to the notifiers once per
 * process, and wakes the engine when the alert was delivered. After a crash the next process finds the alert still
 * owed.
 */
import type { Alert, Canary } from "../../core/canary.ts";
import type { CanaryRef } from "../../core/spec.ts";
import { createSessions, type Sessions } from "../sessions.ts";

/** Sends one alert to all of its receivers. Settles when it was delivered or when trying again makes no sense. */
export type SendAlert = (canary: Canary, alert: Alert) => Promise<void>;

export interface AlertDesk {
  /** False when no receiver is configured for this Canary. Then its status need not owe alerts. */
  isWanted(canary: Canary): boolean;
  /** Starts to deliver the owed alerts that are not under way yet. Never blocks a turn. */
  deliver(canary: Canary, owed: readonly Alert[]): void;
  /** How many of the owed alerts, from the oldest on, have been delivered. */
  delivered(ref: CanaryRef): number;
  /** To be called when the status was saved without the first `count` alerts. */
  cleared(ref: CanaryRef, count: number): void;
}

interface Desk {
  /** Alerts handed out and still in the status, oldest first. */
  pending: { readonly done: Promise<void>; settled: boolean }[];
}

/** @param wake requests a turn of the Canary, which removes the delivered alerts from its status */
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
