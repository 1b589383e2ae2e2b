import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createPace, createTurnstile, giveWay, inPieces } from "./give-way.ts";

const busy = (ms: number) => () => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

describe("large work gives way", () => {
  it("after a large text, not after a small one", async () => {
    const order: string[] = [];
    const other = setImmediate().then(() => order.push("another"));
    await giveWay(1000);
    order.push("after a small text");
    await giveWay(1_000_000);
    order.push("after a large text");
    await other;
    expect(order).toEqual(["after a small text", "another", "after a large text"]);
  });

  it("between long works", async () => {
    const order: string[] = [];
    const long = (name: string) => () => {
      busy(10)();
      order.push(name);
    };
    const other = setImmediate().then(() => order.push("another"));
    await inPieces([long("first"), long("second")]);
    await other;
    expect(order).toEqual(["first", "another", "second"]);
  });

  it("passes what a work throws on", async () => {
    const fails = () => {
      throw new Error("no");
    };
    expect(() => inPieces([fails])).toThrow("no");
    await expect(inPieces([busy(10), fails])).rejects.toThrow("no");
  });

  it("when many works that could begin at once have taken long together; they go on in their order", async () => {
    const order: string[] = [];
    const pace = createPace();
    const other = setImmediate().then(() => order.push("another"));
    const works = ["a", "b", "c"].map(async (name) => {
      const round = pace();
      if (round !== undefined) await round;
      busy(10)();
      order.push(name);
    });
    await Promise.all([...works, other]);
    expect(order).toEqual(["a", "another", "b", "c"]);
  });

  it("one caller at a time, each in its own round", async () => {
    const order: string[] = [];
    const enter = createTurnstile();
    const others = (async () => {
      for (let round = 0; round < 3; round += 1) {
        await setImmediate();
        order.push("other");
      }
    })();
    const callers = ["a", "b", "c"].map((name) => enter().then(() => order.push(name)));
    await Promise.all([...callers, others]);
    expect(order.filter((name) => name !== "other")).toEqual(["a", "b", "c"]);
    expect(order.indexOf("other")).toBeLessThan(order.indexOf("b"));
    expect(order.slice(order.indexOf("a"), order.indexOf("b"))).toContain("other");
  });
});
