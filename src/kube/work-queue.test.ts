import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.ts";
import { until } from "../testing/until.ts";
import { createWorkQueue, type WorkQueueOptions } from "./work-queue.ts";

/** A queue whose turns end when the test says so. */
function createBench(options: Partial<WorkQueueOptions> = {}) {
  const clock = createManualClock();
  const begun: string[] = [];
  const failures: string[] = [];
  const open = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const queue = createWorkQueue({
    clock,
    random: () => 1,
    concurrency: 2,
    work: (key, signal) =>
      new Promise((resolve, reject) => {
        begun.push(key);
        open.set(key, { resolve, reject });
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    onFailure: (key, error, retryMs) =>
      failures.push(`${key} ${error instanceof Error ? error.message : ""} ${retryMs}`),
    ...options,
  });
  const end = async (key: string, error?: Error) => {
    if (error === undefined) open.get(key)?.resolve();
    else open.get(key)?.reject(error);
    await clock.advance(0);
  };
  return { clock, queue, begun, failures, end };
}

describe("the work queue", () => {
  it("Q15: gives a key one turn at a time, and one more for all additions during a turn", async () => {
    const { queue, begun, end } = createBench();
    queue.add("a");
    queue.add("a");
    queue.add("a");
    expect(begun).toEqual(["a"]);
    await end("a");
    expect(begun).toEqual(["a", "a"]);
    await end("a");
    expect(begun).toEqual(["a", "a"]);
    expect(queue.running).toBe(0);
  });

  it("works on as many keys at once as allowed, in the order of their arrival", async () => {
    const { queue, begun, end } = createBench();
    for (const key of ["a", "b", "c", "d", "c"]) queue.add(key);
    expect(begun).toEqual(["a", "b"]);
    expect(queue.depth).toBe(2);
    await end("b");
    expect(begun).toEqual(["a", "b", "c"]);
    await end("a");
    expect(begun).toEqual(["a", "b", "c", "d"]);
  });

  it("begins a turn when the round of the event loop has room for it, and in the order of arrival", async () => {
    const waiting: (() => void)[] = [];
    let asked = 0;
    const pace = () => {
      asked += 1;
      return asked === 1 ? undefined : new Promise<void>((resolve) => void waiting.push(resolve));
    };
    const { queue, begun, end } = createBench({ pace, concurrency: 9 });
    for (const key of ["a", "b", "c"]) queue.add(key);
    await end("a");
    expect(begun).toEqual(["a"]);
    for (const next of ["b", "c"]) {
      waiting.shift()?.();
      await end("a");
      expect(begun.at(-1)).toBe(next);
    }
  });

  it("works on many keys at once without a warning of Node.js", async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => void warnings.push(warning);
    process.on("warning", listen);
    const { queue, begun } = createBench({ concurrency: 50 });
    for (let key = 0; key < 50; key += 1) queue.add(String(key));
    expect(begun).toHaveLength(50);
    // Node emits warnings in a later tick, one after the other.
    process.emitWarning("the last one");
    await until("it is told", () => warnings.some(({ message }) => message === "the last one"));
    process.off("warning", listen);
    expect(warnings.map(({ message }) => message)).toEqual(["the last one"]);
  });

  it("keeps a key's earliest appointment, and drops it when the key is added", async () => {
    const { clock, queue, begun, end } = createBench();
    queue.addAfter("a", 10_000);
    queue.addAfter("a", 3000);
    queue.addAfter("a", 5000);
    await clock.advance(2999);
    expect(begun).toEqual([]);
    await clock.advance(1);
    expect(begun).toEqual(["a"]);
    await end("a");
    queue.addAfter("a", 1000);
    queue.add("a");
    expect(begun).toEqual(["a", "a"]);
    await end("a");
    await clock.advance(60_000);
    expect(begun).toEqual(["a", "a"]);
    expect(clock.sleeping()).toEqual([]);
  });

  it("Q11: puts a failed key back, later each time, until it succeeds or is dropped", async () => {
    const { clock, queue, begun, failures, end } = createBench({ backOffMinMs: 1000, backOffMaxMs: 4000 });
    queue.add("a");
    for (const ms of [1000, 2000, 4000, 4000]) {
      await end("a", new Error("no"));
      await clock.advance(ms - 1);
      expect(queue.running).toBe(0);
      await clock.advance(1);
      expect(queue.running).toBe(1);
    }
    expect(failures).toEqual(["a no 1000", "a no 2000", "a no 4000", "a no 4000"]);
    await end("a");
    queue.add("a");
    await end("a", new Error("again"));
    expect(failures.at(-1)).toBe("a again 1000");
    queue.forget("a");
    const turns = begun.length;
    await clock.advance(60_000);
    expect(begun.length).toBe(turns);
  });

  it("Q16: survives a turn that throws, synchronously or later, and goes on with other turns", async () => {
    const turns: string[] = [];
    const { clock, queue, failures } = createBench({
      concurrency: 1,
      work: (key) => {
        turns.push(key);
        if (key === "at once") throw new Error("of the test");
        return key === "later" ? Promise.reject(new TypeError("of the test")) : Promise.resolve();
      },
    });
    for (const key of ["at once", "later", "sound"]) queue.add(key);
    await clock.advance(0);
    expect(turns).toEqual(["at once", "later", "sound"]);
    expect(failures.map((text) => text.replace(/ \d+$/, ""))).toEqual(["at once of the test", "later of the test"]);
  });

  it("gives every turn its own signal, so that the turn's listeners are released with the turn", async () => {
    const signals: AbortSignal[] = [];
    const { clock, queue } = createBench({ work: async (_key, signal) => void signals.push(signal) });
    queue.add("a");
    await clock.advance(0);
    queue.add("a");
    await clock.advance(0);
    expect(new Set(signals).size).toBe(2);
  });

  it("drains: running turns end, no other turn starts, and an abort reaches the turns", async () => {
    const { clock, queue, begun, failures, end } = createBench({ concurrency: 1 });
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 1000);
    const hurry = new AbortController();
    let drained = false;
    const draining = queue.drain(hurry.signal).then(() => {
      drained = true;
    });
    await clock.advance(5000);
    expect(drained).toBe(false);
    hurry.abort(new Error("second signal"));
    await until("it is drained", () => drained);
    await draining;
    queue.add("d");
    await end("a");
    expect(begun).toEqual(["a"]);
    expect(failures).toEqual([]);
  });

  it.each([2, 3, 4, 5, 6])("of %i slots leaves one free when one lane hangs", (concurrency) => {
    const { queue, begun } = createBench({ concurrency, lane: (key) => key.split("/")[0] ?? "" });
    for (let i = 0; i < 10; i += 1) queue.add(`noisy/${i}`);
    expect(queue.running).toBe(concurrency - 1);
    queue.add("quiet/a");
    expect(begun.at(-1)).toBe("quiet/a");
  });

  it("lets lanes take turns, and leaves slots free when one lane hangs", async () => {
    const { clock, queue, begun, end } = createBench({ concurrency: 10, lane: (key) => key.split("/")[0] ?? "" });
    for (let i = 0; i < 100; i += 1) queue.add(`noisy/${i}`);
    expect(begun).toHaveLength(8);
    for (const key of ["quiet/a", "quiet/b"]) queue.add(key);
    await clock.advance(0);
    expect(begun.slice(8)).toEqual(["quiet/a", "quiet/b"]);
    await end("quiet/a");
    await end("quiet/b");
    expect(queue.running).toBe(8);
    await end("noisy/0");
    expect(begun.at(-1)).toBe("noisy/8");
  });
});
