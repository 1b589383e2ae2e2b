import perfHooks from "node:perf_hooks";
import { Registry } from "prom-client";
import { expect, it, vi } from "vitest";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { Fight } from "../cluster/fights.ts";
import { createSelfMetrics } from "./self-metrics.ts";

it("an idle operator is not woken a hundred times a second to measure its event loop", () => {
  const watch = vi.spyOn(perfHooks, "monitorEventLoopDelay");
  createSelfMetrics(new Registry(), { limit: 1, inFlight: 0, waiting: 0 });
  expect(watch.mock.calls.map(([options]) => options?.resolution)).toEqual([1_000]);
  watch.mockRestore();
});

it("delays of the event loop are a histogram, and events that were dropped are counted", async () => {
  const registry = new Registry();
  const self = createSelfMetrics(registry, { limit: 1, inFlight: 0, waiting: 0 });
  self.loopDelayed(40);
  self.loopDelayed(70);
  self.eventDropped();
  const leftOutCanaries = new Map([
    ["test", 3],
    ["gone", 0],
  ]);
  self.keeps({ bytes: () => 5000, leftOut: () => 7, leftOutCanaries: () => leftOutCanaries });
  const text = await registry.metrics();
  expect(text).toContain('aviary_event_loop_delay_seconds_bucket{le="0.05"} 1');
  expect(text).toContain('aviary_event_loop_delay_seconds_bucket{le="0.1"} 2');
  expect(text).toContain("aviary_events_dropped_total 1");
  expect(text).toContain("aviary_cache_bytes 5000");
  expect(text).toContain("aviary_cache_left_out_objects 7");
  expect(text.match(/^aviary_left_out_canaries\{.*$/gm)).toEqual(['aviary_left_out_canaries{namespace="test"} 3']);
});

it("writers that choose a new name each time have a hundred series at most", async () => {
  const registry = new Registry();
  const { fought } = createSelfMetrics(registry, { limit: 1, inFlight: 0, waiting: 0 });
  const ref = { type: RESOURCES.service, namespace: "evil", name: "app" };
  for (let i = 0; i < 1_000; i += 1) fought({ ref, manager: `manager-${i}` } as unknown as Fight);
  const series = (await registry.metrics()).match(/^aviary_fights_total\{.*$/gm) ?? [];
  expect(series).toHaveLength(101);
  expect(series).toContain('aviary_fights_total{namespace="evil",kind="Service",manager="others"} 900');
});
