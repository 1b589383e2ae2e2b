import perfHooks from "node:perf_hooks";
import { Registry } from "prom-client";
import { expect, it, vi } from "vitest";
import { createSelfMetrics } from "./self-metrics.ts";

it("an idle operator is not woken a hundred times a second to measure its event loop", () => {
  const watch = vi.spyOn(perfHooks, "monitorEventLoopDelay");
  createSelfMetrics(new Registry(), { limit: 1, inFlight: 0, waiting: 0 });
  expect(watch.mock.calls.map(([options]) => options?.resolution)).toEqual([1_000]);
  watch.mockRestore();
});
