import { describe, expect, it } from "vitest";
import type { Alert } from "../../core/status/canary.ts";
import { aCanary } from "../../testing/canary.ts";
import { createSessions } from "../sessions.ts";
import { createAlertOutbox } from "./alerts.ts";

const alert = (message: string): Alert => ({ message, severity: "error", metadata: false });

/** An outbox whose notifiers deliver at the test's command. */
function open() {
  const canary = aCanary();
  const sent: { readonly message: string; readonly deliver: () => void }[] = [];
  let wakes = 0;
  const sessions = createSessions();
  const outbox = createAlertOutbox(
    (_canary, { message }) => new Promise((deliver) => sent.push({ message, deliver })),
    () => {
      wakes += 1;
    },
    () => true,
    sessions,
  );
  return {
    deliver: (...messages: readonly string[]) => outbox.deliver(canary, messages.map(alert)),
    delivered: () => outbox.delivered(canary.ref),
    cleared: (count: number) => outbox.cleared(canary.ref, count),
    forget: () => sessions.forget(canary.ref),
    sent: () => sent.map(({ message }) => message),
    /** Lets the notifiers deliver the one that was handed out so many before. */
    async arrive(index: number): Promise<void> {
      sent[index]?.deliver();
      await new Promise(setImmediate);
    },
    wakes: () => wakes,
  };
}

describe("owed alerts", () => {
  it("are struck off from the oldest on, each when it was delivered and not before", async () => {
    const outbox = open();
    outbox.deliver("first", "second");
    expect(outbox.delivered()).toBe(0);
    await outbox.arrive(1);
    expect([outbox.delivered(), outbox.wakes()]).toEqual([0, 1]);
    await outbox.arrive(0);
    expect([outbox.delivered(), outbox.wakes()]).toEqual([2, 2]);
  });

  it("are handed out once, however many turns find them owed", async () => {
    const outbox = open();
    outbox.deliver("first");
    outbox.deliver("first", "second");
    await outbox.arrive(0);
    outbox.cleared(outbox.delivered());
    outbox.deliver("second", "third");
    expect(outbox.sent()).toEqual(["first", "second", "third"]);
    expect(outbox.delivered()).toBe(0);
  });

  it("of a deleted Canary are dropped", () => {
    const outbox = open();
    outbox.deliver("first");
    outbox.forget();
    expect(outbox.delivered()).toBe(0);
  });
});
