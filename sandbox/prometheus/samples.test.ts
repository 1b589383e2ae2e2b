import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Retention, SampleRing } from "./samples.ts";

interface Entry {
  readonly at: number;
  readonly value: number;
  readonly stale: boolean;
}

/** Few values, so that many samples stand still. */
const steps = fc.array(
  fc.record({
    gap: fc.integer({ min: 0, max: 3 }),
    value: fc.constantFrom(1, 2, 0, -0, Number.NaN),
    stale: fc.boolean(),
  }),
  { maxLength: 200 },
);

/** Fills a ring, and a plain list beside it. */
function filled(all: readonly { gap: number; value: number; stale: boolean }[], retention?: Retention) {
  const ring = new SampleRing(retention);
  const list: Entry[] = [];
  let at = 1;
  for (const { gap, value, stale } of all) {
    at += gap;
    if (stale) ring.end(at);
    else ring.add(at, value);
    if (at > (list.at(-1)?.at ?? 0)) list.push({ at, value, stale });
  }
  return { ring, list };
}

const samplesOf = (entries: readonly Entry[]) =>
  entries.filter(({ stale }) => !stale).map(({ at, value }) => ({ at, value }));

describe("the samples of a series", () => {
  it("are those of a plain list while they are young", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 90 }), (all, to, width) => {
        const { ring, list } = filled(all);
        const within = list.filter((sample) => sample.at >= to - width && sample.at <= to);
        expect(ring.between(to - width, to)).toEqual(samplesOf(within));
        const last = within.at(-1);
        expect(ring.latest(to - width, to)).toEqual(
          last === undefined || last.stale ? undefined : { at: last.at, value: last.value },
        );
        expect(ring.newest()).toBe(list.at(-1)?.at);
        expect(ring.ended()).toBe(list.at(-1)?.stale === true);
      }),
    );
  });

  it("are thinned when they are older, and forgotten in the end, but none is made up", () => {
    const retention = { rawMs: 50, thinMs: 20, keepMs: 200 };
    fc.assert(
      fc.property(steps, (all) => {
        const { ring, list } = filled(all, retention);
        const now = list.at(-1)?.at ?? 0;
        const kept = ring.between(0, now);
        const known = new Map(list.filter(({ stale }) => !stale).map(({ at, value }) => [at, value]));
        for (const { at, value } of kept) expect(known.get(at)).toBe(value);
        const young = list.filter(({ at }) => at >= now - retention.rawMs);
        expect(ring.between(now - retention.rawMs, now)).toEqual(samplesOf(young));
      }),
    );
  });

  it("take a bounded number of places, however long the series changes every second", () => {
    const ring = new SampleRing();
    for (let second = 0; second < 20_000; second += 1) ring.add(second * 1000, second);
    expect(ring.size).toBeLessThanOrEqual(300 + 1 + (2 * 3600) / 15);
    const [first, second] = ring.between(0, 20_000_000);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(15_000);
    expect(first?.at).toBeGreaterThanOrEqual(20_000_000 - 7_200_000 - 15_000);
  });

  it("take one place while the series stands still", () => {
    const ring = new SampleRing();
    for (let second = 0; second < 20_000; second += 1) ring.add(second * 1000, 7);
    expect(ring.size).toBe(1);
    expect(ring.between(19_000_000, 19_002_000)).toEqual(
      [19_000_000, 19_001_000, 19_002_000].map((at) => ({ at, value: 7 })),
    );
  });
});
