import { describe, expect, it } from "vitest";
import type { Labels } from "./promql/labels.ts";
import { SeriesStore } from "./series-store.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const labelsOf = (pod: string, status: number): Labels =>
  new Map([
    ["__name__", "http_requests_total"],
    ["pod", pod],
    ["status", String(status)],
  ]);

/** Pods follow each other, each for half a minute. @returns how many series there are after each minute */
function sizesWithPods(store: SeriesStore, minutes: number): readonly number[] {
  const sizes: number[] = [];
  for (let at = SECOND; at <= minutes * MINUTE; at += SECOND) {
    const pod = Math.floor(at / (MINUTE / 2));
    for (let status = 200; status < 210; status += 1) {
      store.series(labelsOf(`pod-${pod}`, status)).samples.add(at, at);
      store.series(labelsOf(`pod-${pod - 1}`, status)).samples.end(at);
    }
    store.forget(at);
    if (at % MINUTE === 0) sizes.push(store.size);
  }
  return sizes;
}

describe("the series of a store", () => {
  it("grow no more once pods come and go for longer than series that ended are kept", () => {
    const sizes = sizesWithPods(new SeriesStore(), 60);
    expect(sizes[5]).toBeLessThan(sizes[9] ?? 0);
    expect(new Set(sizes.slice(12)).size).toBe(1);
  });

  it("are found by name, and by any matcher, until they are forgotten", () => {
    const store = new SeriesStore({ forgetEndedAfterMs: 2 * MINUTE });
    const name = { name: "__name__", op: "=", value: "http_requests_total" } as const;
    const named = { ...name, matches: (value: string) => value === name.value };
    const any = { name: "pod", op: "=~", value: ".+", matches: (value: string) => value !== "" } as const;
    const { samples } = store.series(labelsOf("web", 200));
    samples.add(MINUTE, 1);
    samples.end(2 * MINUTE);
    store.forget(3 * MINUTE);
    expect(store.select([named])).toHaveLength(1);
    expect(store.select([any])).toHaveLength(1);
    store.forget(5 * MINUTE);
    expect(store.select([named])).toEqual([]);
    expect([...store.all()]).toEqual([]);
  });

  it("are the same for the same labels in another order", () => {
    const store = new SeriesStore();
    const labels = labelsOf("web", 200);
    expect(store.series(new Map([...labels].reverse()))).toBe(store.series(labels));
    expect(store.series(labelsOf("we", 200))).not.toBe(store.series(labels));
    expect(store.size).toBe(2);
  });
});
