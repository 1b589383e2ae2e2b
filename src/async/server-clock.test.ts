import { describe, expect, it } from "vitest";
import type { Clock } from "../ports/clock.ts";
import { createServerClock } from "./server-clock.ts";

const HOUR = 3_600_000;
/** In the middle of a second. */
const START = Date.parse("2026-01-01T12:00:00.500Z");

/** A server, and a machine whose clock is `aheadMs` ahead of the server's. */
function world(aheadMs: number) {
  let elapsed = 7_000;
  let ahead = aheadMs;
  const serverNow = () => START + elapsed - 7_000;
  const never = () => Promise.reject(new Error("a test that sleeps"));
  const machine: Clock = { now: () => serverNow() + ahead, sleep: never, after: () => () => undefined };
  const clock = createServerClock(machine, () => elapsed);
  return {
    clock,
    error: () => clock.now() - serverNow(),
    pass(ms: number) {
      elapsed += ms;
    },
    set(ms: number) {
      ahead = ms;
    },
    /** @param outMs on the way there @param backMs on the way back */
    answer(outMs = 0, backMs = 0) {
      const sentAt = elapsed;
      elapsed += outMs;
      const date = new Date(serverNow()).toUTCString();
      elapsed += backMs;
      clock.saw(date, sentAt);
    },
  };
}

describe("the API server's clock", () => {
  it("is the machine's until an answer tells it", () => {
    const { clock, error } = world(2 * HOUR);
    clock.saw(undefined, 0);
    clock.saw("never", 0);
    expect(error()).toBe(2 * HOUR);
  });

  it.each([2 * HOUR, -2 * HOUR])("is known within a second though the machine's clock is %i ms ahead", (aheadMs) => {
    const { answer, error, pass } = world(aheadMs);
    answer();
    expect(Math.abs(error())).toBeLessThanOrEqual(1_000);
    pass(HOUR);
    expect(Math.abs(error())).toBeLessThanOrEqual(1_000);
  });

  it("does not change when the machine's clock is set", () => {
    const { answer, error, set } = world(0);
    answer();
    set(2 * HOUR);
    expect(error()).toBe(0);
    answer();
    expect(error()).toBe(0);
  });

  it.each([
    ["the request is slow", 30_000, 0],
    ["the answer is slow", 0, 30_000],
    ["both are", 15_000, 15_000],
  ])("is not disturbed when %s", (_, outMs, backMs) => {
    const { answer, error } = world(0);
    for (let i = 0; i < 50; i += 1) answer(outMs + i * 37, backMs + i * 53);
    expect(error()).toBe(0);
  });

  it("becomes more precise with each answer, and never less", () => {
    const { answer, error, pass } = world(2 * HOUR);
    answer(0, 5_000);
    let worst = Math.abs(error());
    for (let i = 0; i < 40; i += 1) {
      pass(137);
      answer(1, 1);
      expect(Math.abs(error())).toBeLessThanOrEqual(worst);
      worst = Math.abs(error());
    }
    expect(worst).toBeLessThan(50);
  });
});
