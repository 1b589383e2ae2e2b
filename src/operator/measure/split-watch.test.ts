/** Which requests are counted: those of one promise, and never those around a change of the weights. */
import { expect, it } from "vitest";
import { planFor } from "../../core/plan/plan.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Readings } from "../../core/turn/observation.ts";
import type { Count } from "../../ports/probe-runner.ts";
import { aCanary } from "../../testing/canary.ts";
import { MESH } from "../../testing/story.ts";
import { createSessions } from "../sessions.ts";
import { createSplitWatch } from "./split-watch.ts";

const TARGET = { revision: { spec: "v2" }, readiness: { kind: "ready" }, available: 2, scaledDown: false } as const;
const PRIMARY = { exists: true, readiness: { kind: "ready" }, available: 2 } as const;
const READINGS: Readings = { target: TARGET, primary: PRIMARY, routesInForce: true };

/** On a step of 10 % each. */
function onStep(step: number, parts: Parameters<typeof aCanary>[0] = {}, run = "run-1"): Canary {
  const canary = aCanary({ ...parts, analysis: { interval: "1m", stepWeight: 10, maxWeight: 50, ...parts.analysis } });
  const position = {
    phase: "Progressing",
    step,
    hold: { kind: "none" },
    serving: "as-planned",
    stage: "prepared",
  } as const;
  return {
    ...canary,
    status: { ...canary.status, ...position, canaryWeight: 10 * step, run: { id: run, startedAt: 0 } },
  };
}

const planOf = ({ spec }: Canary) => planFor(spec, MESH);

function watching(counts: { canary: Count | undefined; primary: Count | undefined }) {
  const world = { nowMs: 1_000_000, counts, windows: [] as number[], woken: 0 };
  const watch = createSplitWatch({
    sessions: createSessions(),
    steadyMs: () => world.nowMs,
    wake: () => {
      world.woken += 1;
    },
    count: async (_canary, of, windowMs) => {
      if (of === "canary") world.windows.push(windowMs);
      return world.counts[of];
    },
  });
  return {
    world,
    watch,
    /** A turn after so many seconds; resolves when the counts are read. */
    async turn(canary: Canary, afterS: number, judged: boolean, readings = READINGS): Promise<void> {
      world.nowMs += afterS * 1000;
      watch.observe(canary, planOf(canary), readings, judged);
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const count = (requests: number, more: Partial<Count> = {}): Count => ({ requests, failed: 0, strayRate: 0, ...more });
const HALF = { canary: count(500), primary: count(500) };

it("a window begins when proxies had time to follow the promise, and ends before the next one", async () => {
  const { world, turn } = watching(HALF);
  await turn(onStep(1), 0, false);
  await turn(onStep(1), 60, true);
  expect(world.windows).toEqual([55_000]);
  // The weight was changed: the time before counts no more.
  await turn(onStep(2), 1, false);
  await turn(onStep(2), 2, true);
  expect(world.windows).toEqual([55_000]);
  await turn(onStep(2), 58, true);
  expect(world.windows).toEqual([55_000, 55_000]);
});

it("two looks in a row show it, and it is announced once", async () => {
  const { world, watch, turn } = watching(HALF);
  await turn(onStep(1), 0, false);
  await turn(onStep(1), 60, true);
  expect([watch.found(onStep(1)), world.woken]).toEqual([undefined, 0]);
  await turn(onStep(1), 60, true);
  const found = { promised: 10, measured: 50, canary: 500, primary: 500 };
  expect([watch.found(onStep(1)), world.woken]).toEqual([found, 1]);
  // The second look counts no request that the first one counted.
  expect(world.windows).toEqual([55_000, 55_000]);
  await turn(onStep(1), 60, true);
  expect([world.windows.length, world.woken]).toEqual([2, 1]);
  expect(watch.found(onStep(1, {}, "run-2"))).toBeUndefined();
});

it("a look that shows nothing forgets the one before, and its requests are counted again with the next", async () => {
  const { world, watch, turn } = watching(HALF);
  await turn(onStep(1), 0, false);
  await turn(onStep(1), 60, true);
  world.counts = { canary: count(100), primary: count(900) };
  await turn(onStep(1), 60, true);
  await turn(onStep(1), 60, true);
  expect(world.windows).toEqual([55_000, 55_000, 115_000]);
  world.counts = HALF;
  await turn(onStep(1), 60, true);
  expect(watch.found(onStep(1))).toBeUndefined();
});

it("routes that are not in force, and a problem, begin the window anew", async () => {
  const { world, turn } = watching(HALF);
  await turn(onStep(1), 0, false);
  await turn(onStep(1), 30, false, { ...READINGS, routesInForce: false });
  await turn(onStep(1), 10, false);
  await turn(onStep(1), 20, true);
  expect(world.windows).toEqual([15_000]);
});

it.each<[string, { canary: Count | undefined; primary: Count | undefined }]>([
  ["does not tell of the primary", { canary: count(500), primary: undefined }],
  ["does not tell the failures", { canary: { requests: 500, strayRate: 0 }, primary: count(500) }],
  ["counts what says nothing of the split", { canary: { requests: 500, failed: 0 }, primary: count(500) }],
  ["may count probes and scrapes of the pods", { canary: count(120, { strayRate: 1 }), primary: count(500) }],
])("nothing is found where the mesh %s", async (_, counts) => {
  const { watch, turn } = watching(counts);
  await turn(onStep(1), 0, false);
  for (let i = 0; i < 4; i += 1) await turn(onStep(1), 60, true);
  expect(watch.found(onStep(1))).toBeUndefined();
});

it.each([
  ["cookies decide", onStep(1, { analysis: { sessionAffinity: { cookieName: "user" } } })],
  ["headers decide", onStep(1, { analysis: { iterations: 3, match: [{ headers: { x: { exact: "y" } } }] } })],
  ["no user is on the canary yet", onStep(0)],
])("nothing is asked while %s", async (_, canary) => {
  const { world, turn } = watching(HALF);
  await turn(canary, 0, false);
  await turn(canary, 60, true);
  expect(world.windows).toEqual([]);
});

it("metrics that cannot be had change nothing", async () => {
  const sessions = createSessions();
  const ports = { sessions, steadyMs: () => nowMs, wake: () => undefined };
  let nowMs = 0;
  const watch = createSplitWatch({ ...ports, count: () => Promise.reject(new Error("away")) });
  for (nowMs = 0; nowMs < 300_000; nowMs += 60_000) watch.observe(onStep(1), planOf(onStep(1)), READINGS, true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(watch.found(onStep(1))).toBeUndefined();
});
