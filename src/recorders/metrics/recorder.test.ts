import { Registry } from "prom-client";
import { expect, it } from "vitest";
import type { WireStatus } from "../../core/status/wire.ts";
import type { Answered } from "../../core/turn/observation.ts";
import type { Turn } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { createMetricsRecorder } from "./recorder.ts";

it("the duration of an analysis covers the turns that judge a run, in Flagger's buckets", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
  const asked: Answered = { probe: { kind: "metric-servers" }, answer: { kind: "passed" } };
  const turn = (status: WireStatus, answers: readonly Answered[]) => {
    const canary = aCanary({ status });
    const input = { observation: { answers } } as unknown as Turn["input"];
    recorder.record({
      canary,
      input,
      transition: { status: canary.status, events: [] },
      routes: undefined,
      tookMs: 30,
    });
  };
  turn({ phase: "Initializing" }, [asked]);
  turn({ phase: "Waiting" }, [asked]);
  turn({ phase: "Progressing" }, []);
  turn({ phase: "Progressing" }, [asked]);
  turn({ phase: "WaitingPromotion" }, [asked]);
  const text = await registry.metrics();
  expect(text).toContain('flagger_canary_duration_seconds_count{name="podinfo",namespace="test"} 2');
  const buckets = [...text.matchAll(/duration_seconds_bucket\{le="([^"]+)",.*\} (\d)/g)].map(
    ([, le, n]) => `${le}:${n}`,
  );
  expect(buckets.join(" ")).toBe("0.005:0 0.01:0 0.025:0 0.05:2 0.1:2 0.25:2 0.5:2 1:2 2.5:2 5:2 10:2 +Inf:2");
});

it("the series of a target are removed when its Canary gets another target", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
  const turn = (name: string) => {
    const canary = aCanary({ spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name } } });
    const input = { observation: { answers: [] } } as unknown as Turn["input"];
    const routes = { primary: 90, canary: 10, mirror: false };
    recorder.record({ canary, input, transition: { status: canary.status, events: [] }, routes, tookMs: 1 });
    return canary.ref;
  };
  const ref = turn("old");
  turn("new");
  const text = await registry.metrics();
  expect(text).not.toContain('"old');
  expect(text).toContain('flagger_canary_weight{workload="new-primary",namespace="test"} 90');
  expect(text).toContain('flagger_canary_total{namespace="test"} 1');
  recorder.forget(ref);
  expect(await registry.metrics()).not.toContain('"new');
});

it("a check that is renamed again and again has one series", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
  const turn = (name: string, check: string) => {
    const canary = aCanary({ analysis: { metrics: [{ name: check, query: "up", thresholdRange: { max: 1 } }] } });
    const [metric] = canary.spec.analysis.metrics;
    const answers = [
      { probe: { kind: "metric", metric, source: "query", of: "canary" }, answer: { kind: "value", value: 1 } },
    ];
    const input = { observation: { answers } } as unknown as Turn["input"];
    const transition = { status: canary.status, events: [] };
    recorder.record({
      canary: { ...canary, ref: { ...canary.ref, name } },
      input,
      transition,
      routes: undefined,
      tookMs: 1,
    });
  };
  // Another Canary of the same target keeps its own.
  turn("beside", "kept");
  for (let i = 0; i < 100; i += 1) turn("podinfo", `check-${i}`);
  const text = await registry.metrics();
  expect(
    [...text.matchAll(/^flagger_canary_metric_analysis\{.*metric="([^"]*)"/gm)].map(([, metric]) => metric),
  ).toEqual(["kept", "check-99"]);
});

it("the series of a target stay while another Canary has a target of that name", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
  const turn = (name: string, target: string, namespace = "test") => {
    const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: target };
    const canary = { ...aCanary({ status: { phase: "Finalising" }, spec: { targetRef } }), ref: { namespace, name } };
    const input = { observation: { answers: [] } } as unknown as Turn["input"];
    const status = { ...canary.status, phase: "Succeeded" } as Turn["transition"]["status"];
    const routes = { primary: 100, canary: 0, mirror: false };
    recorder.record({ canary, input, transition: { status, events: [] }, routes, tookMs: 1 });
    return canary.ref;
  };
  turn("elder", "podinfo");
  const twin = turn("twin", "podinfo");
  const elsewhere = turn("elder", "podinfo", "other");
  const series = async () => (await registry.metrics()).split("\n").filter((line) => /^flagger_.*"podinfo"/.test(line));
  recorder.forget(elsewhere);
  await registry.metrics();
  const before = await series();
  expect(before.join("\n")).toContain('flagger_canary_successes_total{name="podinfo",namespace="test"');
  recorder.forget(twin);
  await registry.metrics();
  expect(await series()).toEqual(before);
  turn("elder", "renamed");
  await registry.metrics();
  expect(await series()).toEqual([]);
});

it("counts each postponed restart once", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1", meshProvider: "istio" });
  const running = { ...aCanary({ status: { phase: "Progressing" } }) };
  const waiting = { ...running.status, stage: "put-off" } as typeof running.status;
  const input = { observation: { answers: [] } } as unknown as Turn["input"];
  const routes = { primary: 100, canary: 0, mirror: false };
  const turn = (before: typeof running.status, after: typeof running.status) =>
    recorder.record({
      canary: { ...running, status: before },
      input,
      transition: { status: after, events: [] },
      routes,
      tookMs: 1,
    });
  turn(running.status, waiting);
  turn(waiting, waiting);
  turn(waiting, running.status);
  turn(running.status, waiting);
  expect(await registry.metrics()).toContain('aviary_canary_restarts_put_off_total{name="podinfo",namespace="test"} 2');
});

it("a run whose target was reverted counts neither as a success nor as a failure", async () => {
  const registry = new Registry();
  const recorder = createMetricsRecorder({ registry, version: "1", meshProvider: "istio" });
  const input = { observation: { answers: [] } } as unknown as Turn["input"];
  const routes = { primary: 100, canary: 0, mirror: false };
  const end = (aviary: NonNullable<WireStatus["aviary"]>) => {
    const { status } = aCanary({ status: { phase: "Succeeded", aviary } });
    const canary = aCanary({ status: { phase: "Progressing" } });
    recorder.record({ canary, input, transition: { status, events: [] }, routes, tookMs: 1 });
  };
  end({ reverted: true });
  expect(await registry.metrics()).not.toMatch(/flagger_canary_(successes|failures)_total\{/);
  end({});
  expect(await registry.metrics()).toMatch(/flagger_canary_successes_total\{.*\} 1/);
});
