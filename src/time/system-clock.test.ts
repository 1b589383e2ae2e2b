import { describe, expect, it } from "vitest";
import type { Clock } from "../ports/clock.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { systemClock } from "./system-clock.ts";

/** What every clock keeps, the machine's and the tests'. `pass` lets the given time go by. */
const manual = createManualClock();
const CLOCKS: readonly [string, Clock, (ms: number) => Promise<unknown>][] = [
  ["the system's clock", systemClock, (ms) => new Promise((resolve) => setTimeout(resolve, ms + 5))],
  ["the manual clock", manual, (ms) => manual.advance(ms + 5)],
];

describe.each(CLOCKS)("%s", (_, clock, pass) => {
  it("wakes sleepers in the order in which they are due, none too early", async () => {
    const woken: string[] = [];
    const begun = clock.now();
    const sleeps = [
      clock.sleep(30).then(() => woken.push("late")),
      clock.sleep(0).then(() => woken.push("now")),
      clock.sleep(10).then(() => woken.push("soon")),
    ];
    expect(woken).toEqual([]);
    await pass(30);
    await Promise.all(sleeps);
    expect(woken).toEqual(["now", "soon", "late"]);
    expect(clock.now() - begun).toBeGreaterThanOrEqual(29);
  });

  it("ends a sleep with the reason of an abort, before and during it", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const sleeping = clock.sleep(3_600_000, stop.signal);
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(clock.sleep(1, stop.signal)).rejects.toBe(reason);
  });

  it("makes a call after its time, and none that was cancelled", async () => {
    const made: string[] = [];
    const cancel = clock.after(10, () => made.push("cancelled"));
    const due = new Promise<void>((resolve) => {
      clock.after(20, () => {
        made.push("due");
        resolve();
      });
    });
    cancel();
    await pass(20);
    await due;
    expect(made).toEqual(["due"]);
  });

  it("waits with a call for longer than a timer can count", async () => {
    let isMade = false;
    const cancel = clock.after(2 ** 33, () => {
      isMade = true;
    });
    await pass(10);
    cancel();
    expect(isMade).toBe(false);
  });

  it("sleeps longer than a timer can count", async () => {
    const stop = new AbortController();
    let woken = false;
    const sleeping = clock.sleep(2 ** 33, stop.signal).then(
      () => {
        woken = true;
      },
      () => undefined,
    );
    await pass(10);
    expect(woken).toBe(false);
    stop.abort();
    await sleeping;
  });
});
