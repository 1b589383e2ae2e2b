import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { withOwnSignal } from "./own-signal.ts";

describe("a signal of its own", () => {
  it("is aborted with the one that it follows, for the same reason", async () => {
    const long = new AbortController();
    const work = withOwnSignal(
      long.signal,
      (own) => new Promise((_, reject) => (own.onabort = () => reject(own.reason))),
    );
    long.abort(new Error("the process ends"));
    await expect(work).rejects.toThrow("the process ends");
    await expect(withOwnSignal(long.signal, () => Promise.resolve("begun"))).rejects.toThrow("the process ends");
  });

  it("leaves one listener on its parent at most, however often and however the work ends", async () => {
    const long = new AbortController();
    const ended: AbortSignal[] = [];
    const listening = (own: AbortSignal) => {
      own.addEventListener("abort", () => undefined);
      ended.push(own);
    };
    await withOwnSignal(long.signal, async (own) => listening(own));
    const failing = withOwnSignal(long.signal, async (own) => {
      listening(own);
      throw new Error("it failed");
    });
    await expect(failing).rejects.toThrow("it failed");
    expect(getEventListeners(long.signal, "abort")).toHaveLength(1);
    long.abort(new Error("the process ends"));
    expect(ended.map(({ aborted }) => aborted)).toEqual([false, false]);
  });
});
