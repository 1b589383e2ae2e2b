/**
 * The outbox of alerts. The status of a Canary owes an alert until the alert is delivered. The outbox hands each owed
 * alert to the notifiers once per process, and wakes the Canary when the alert was delivered. After a crash the next
 * process finds the alert still owed.
 */

import type { CanaryRef } from "../../core/spec/spec.ts";
import type { Alert, Canary } from "../../core/status/canary.ts";
import { createSessions, type Sessions } from "../sessions.ts";

/** Sends one alert to all of its receivers. Settles when it was delivered or when trying again makes no sense. */
export type SendAlert = (canary: Canary, alert: Alert) => Promise<void>;

export interface AlertOutbox {
  /** False when no receiver is configured for this Canary. Then its status need not owe alerts. */
  isWanted(canary: Canary): boolean;
  /** Starts to deliver the owed alerts that are not under way yet. Never blocks a turn. */
  deliver(canary: Canary, owed: readonly Alert[]): void;
  /** How many of the owed alerts, from the oldest on, have been delivered. */
  delivered(ref: CanaryRef): number;
  /** To be called when the status was saved without the first `count` alerts. */
  cleared(ref: CanaryRef, count: number): void;
}

interface Outbox {
  /** Alerts handed out and still in the status, oldest first. */
  pending: { readonly done: Promise<void>; settled: boolean }[];
}

/** @param wake requests a turn of the Canary, which removes the delivered alerts from its status */
export function createAlertOutbox(
  send: SendAlert,
  wake: (ref: CanaryRef) => void,
  isWanted: (canary: Canary) => boolean = () => true,
  sessions: Sessions = createSessions(),
): AlertOutbox {
  const outboxes = sessions.slot<Outbox>();
  const outboxOf = (ref: CanaryRef): Outbox => {
    const found = outboxes.get(ref) ?? { pending: [] };
    outboxes.set(ref, found);
    return found;
  };
  return {
    isWanted,
    deliver(canary, owed) {
      if (owed.length === 0) return;
      const outbox = outboxOf(canary.ref);
      for (const alert of owed.slice(outbox.pending.length)) {
        const entry = { settled: false, done: Promise.resolve() };
        entry.done = send(canary, alert).finally(() => {
          entry.settled = true;
          wake(canary.ref);
        });
        outbox.pending.push(entry);
      }
    },
    delivered(ref) {
      const outbox = outboxes.get(ref);
      if (outbox === undefined) return 0;
      const open = outbox.pending.findIndex(({ settled }) => !settled);
      return open === -1 ? outbox.pending.length : open;
    },
    cleared(ref, count) {
      const outbox = outboxes.get(ref);
      if (outbox !== undefined) outbox.pending = outbox.pending.slice(count);
    },
  };
}
