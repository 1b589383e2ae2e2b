import { describe, expect, it } from "vitest";
import type { Alert } from "../../core/canary.ts";
import { aCanary } from "../../testing/canary.ts";
import { createSessions } from "../sessions.ts";
import { createAlertDesk } from "./alerts.ts";

const alert = (message: string): Alert => ({ message, severity: "error", metadata: false });

/** A desk whose notifiers deliver at the test's command. */
function open() {
  const canary = aCanary();
  const sent: { readonly message: string; readonly deliver: () => void }[] = [];
  let wakes = 0;
  const sessions = createSessions();
  const desk = createAlertDesk(
    (_canary, { message }) => new Promise((deliver) => sent.push({ message, deliver })),
    () => {
      wakes += 1;
    },
    () => true,
    sessions,
  );
  return {
    deliver: (...messages: readonly string[]) => desk.deliver(canary, messages.map(alert)),
    delivered: () => desk.delivered(canary.ref),
    cleared: (count: number) => desk.cleared(canary.ref, count),
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
    const desk = open();
    desk.deliver("first", "second");
    expect(desk.delivered()).toBe(0);
    await desk.arrive(1);
    expect([desk.delivered(), desk.wakes()]).toEqual([0, 1]);
    await desk.arrive(0);
    expect([desk.delivered(), desk.wakes()]).toEqual([2, 2]);
  });

  it("are handed out once, however many turns find them owed", async () => {
    const desk = open();
    desk.deliver("first");
    desk.deliver("first", "second");
    await desk.arrive(0);
    desk.cleared(desk.delivered());
    desk.deliver("second", "third");
    expect(desk.sent()).toEqual(["first", "second", "third"]);
    expect(desk.delivered()).toBe(0);
  });

  it("of a deleted Canary are dropped", () => {
    const desk = open();
    desk.deliver("first");
    desk.forget();
    expect(desk.delivered()).toBe(0);
  });
});
