import { describe, expect, it } from "vitest";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { ApiError } from "../cluster.ts";
import { workQueue } from "./queue.ts";

const round = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the work queue", () => {
  it("works a key once, however often it was added", async () => {
    const worked: string[] = [];
    const queue = workQueue(createManualClock(), (key) => void worked.push(key), expect.unreachable);
    for (const key of ["a", "b", "a", "a"]) queue.add(key);
    await round();
    expect(worked).toEqual(["a", "b"]);
  });

  it("retries a conflict at once and silently, other errors later and aloud", async () => {
    const clock = createManualClock();
    const reports: string[] = [];
    const errors = [new ApiError(409, "Conflict", "stale"), new Error("broken"), new Error("broken")];
    let worked = 0;
    const work = () => {
      worked += 1;
      const error = errors.shift();
      if (error !== undefined) throw error;
    };
    const queue = workQueue(clock, work, (message) => reports.push(message));
    queue.add("a");
    await round();
    await round();
    expect([worked, reports]).toEqual([2, ["a: broken"]]);
    await clock.advance(20);
    await clock.advance(40);
    await round();
    expect([worked, reports]).toEqual([4, ["a: broken", "a: broken"]]);
  });

  it("keeps the earliest of several delays, and leaves nothing behind", async () => {
    const clock = createManualClock();
    const worked: number[] = [];
    const queue = workQueue(clock, () => void worked.push(clock.now()), expect.unreachable);
    const start = clock.now();
    queue.addAfter("a", 500);
    queue.addAfter("a", 100);
    queue.addAfter("a", 900);
    await clock.advance(100);
    await round();
    await clock.advance(1_000);
    await round();
    expect(worked.map((at) => at - start)).toEqual([100]);
    queue.addAfter("a", 500);
    queue.stop();
    await round();
    expect(clock.sleeping()).toEqual([]);
    queue.add("a");
    await round();
    expect(worked).toHaveLength(1);
  });
});
