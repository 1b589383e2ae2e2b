import { describe, expect, it } from "vitest";
import { createUsageSource } from "./usage.ts";

function stage() {
  const totals = new Map<string, number>();
  let at = 0;
  let sample = () => {};
  const source = createUsageSource(
    { requestsByPod: () => new Map(totals) },
    {
      now: () => at,
      every: (listener) => {
        sample = listener;
        return () => {
          sample = () => {};
        };
      },
    },
  );
  const advance = (requests: Record<string, number>, seconds = 1) => {
    for (let i = 0; i < seconds; i += 1) {
      at += 1000;
      for (const [pod, more] of Object.entries(requests)) totals.set(pod, (totals.get(pod) ?? 0) + more);
      sample();
    }
  };
  return { source, totals, advance };
}

describe("usage of pods", () => {
  it("is unknown until a pod was seen twice, then its rate at a price per request", () => {
    const { source, advance } = stage();
    advance({ "test/a": 50 });
    expect(source.usage("test", "a")).toBeUndefined();
    advance({ "test/a": 50 });
    expect(source.usage("test", "a")).toEqual({ requestsPerSecond: 50, cpuMillis: 200 });
    expect(source.usage("test", "b")).toBeUndefined();
  });

  it("follows a change smoothly, and gets there", () => {
    const { source, advance } = stage();
    advance({ "test/a": 10 }, 3);
    advance({ "test/a": 100 });
    const between = source.usage("test", "a")?.requestsPerSecond ?? 0;
    expect(between).toBeGreaterThan(20);
    expect(between).toBeLessThan(40);
    advance({ "test/a": 100 }, 40);
    expect(source.usage("test", "a")?.requestsPerSecond).toBeCloseTo(100, 1);
  });

  it("starts again for a pod that was created again, and forgets pods that are gone", () => {
    const { source, totals, advance } = stage();
    advance({ "test/a": 10 }, 3);
    totals.set("test/a", 0);
    advance({ "test/a": 5 });
    expect(source.usage("test", "a")).toBeUndefined();
    totals.delete("test/a");
    advance({});
    expect(source.usage("test", "a")).toBeUndefined();
  });

  it("calls back after each sample, until it is stopped", () => {
    const { source, advance } = stage();
    let told = 0;
    const stopListening = source.tick(() => {
      told += 1;
    });
    advance({}, 2);
    stopListening();
    advance({}, 2);
    source.stop();
    expect(told).toBe(2);
  });
});
