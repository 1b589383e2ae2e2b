/**
 * Prometheus metrics under Flagger's names, labels and help texts. The series of a Canary are removed with it (Q13).
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Phase } from "../../core/phases/positions.ts";
import { type CanaryRef, type CanarySpec, canaryKey, primaryName } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Recorder, Turn } from "../../ports/recorder.ts";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const ANALYSING: ReadonlySet<Phase> = new Set(["Progressing", "WaitingPromotion"]);

export interface MetricsOptions {
  readonly registry: Registry;
  readonly version: string;
  readonly meshProvider: string;
}

export function createMetricsRecorder({ registry, version, meshProvider }: MetricsOptions): Recorder {
  const metrics = register(registry);
  metrics.info.set({ version, mesh_provider: meshProvider }, 1);
  const known = new Map<string, Known>();

  function count(namespace: string): void {
    const total = [...known.values()].filter(({ ref }) => ref.namespace === namespace).length;
    metrics.total.set({ namespace }, total);
  }

  /** Series are named by the target: a target of the same name of another Canary or kind keeps them. */
  function drop(target: string, namespace: string): void {
    const told = [...known.values()].some((other) => other.ref.namespace === namespace && other.target === target);
    if (!told) removeSeries(metrics, target, namespace);
  }

  /** A check that was renamed or removed leaves no series: otherwise a tenant could add one with every edit. */
  function dropChecks({ spec, target, ref: { namespace } }: Known): void {
    const same = [...known.values()].filter((other) => other.ref.namespace === namespace && other.target === target);
    const told = new Set(same.flatMap((other) => other.spec.analysis.metrics.map(({ name }) => name)));
    for (const { name: metric } of spec.analysis.metrics) {
      if (!told.has(metric)) metrics.analysis.remove({ name: target, namespace, metric });
    }
  }

  return {
    record(turn) {
      const { ref, spec } = turn.canary;
      const target = spec.targetRef.name;
      const before = known.get(canaryKey(ref));
      known.set(canaryKey(ref), { ref, target, spec });
      if (before === undefined) count(ref.namespace);
      else if (before.target !== target) drop(before.target, ref.namespace);
      else if (before.spec !== spec) dropChecks(before);
      observeTurn(metrics, turn);
    },
    announce() {},
    forget(ref) {
      const gone = known.get(canaryKey(ref));
      known.delete(canaryKey(ref));
      if (gone === undefined) return;
      count(ref.namespace);
      drop(gone.target, ref.namespace);
    },
  };
}

interface Known {
  readonly ref: CanaryRef;
  readonly target: string;
  /** As of the last turn. */
  readonly spec: CanarySpec;
}

type Metrics = ReturnType<typeof register>;

function register(registry: Registry) {
  const registers = [registry];
  const outcome = ["name", "namespace", "deployment_strategy", "analysis_status"];
  return {
    info: new Gauge({
      name: "flagger_info",
      help: "Flagger version and mesh provider information",
      labelNames: ["version", "mesh_provider"],
      registers,
    }),
    total: new Gauge({
      name: "flagger_canary_total",
      help: "Total number of canary object",
      labelNames: ["namespace"],
      registers,
    }),
    status: new Gauge({
      name: "flagger_canary_status",
      help: "Last canary analysis result",
      labelNames: ["name", "namespace"],
      registers,
    }),
    weight: new Gauge({
      name: "flagger_canary_weight",
      help: "The virtual service destination weight current value",
      labelNames: ["workload", "namespace"],
      registers,
    }),
    duration: new Histogram({
      name: "flagger_canary_duration_seconds",
      help: "Seconds spent performing canary analysis.",
      labelNames: ["name", "namespace"],
      buckets: BUCKETS,
      registers,
    }),
    analysis: new Gauge({
      name: "flagger_canary_metric_analysis",
      help: "Last canary analysis result per metric",
      labelNames: ["name", "namespace", "metric"],
      registers,
    }),
    successes: new Counter({
      name: "flagger_canary_successes_total",
      help: "Total number of canary successes",
      labelNames: outcome,
      registers,
    }),
    putOff: new Counter({
      name: "aviary_canary_restarts_put_off_total",
      help: "Restarts of an analysis that waited because the one before was less than an interval ago",
      labelNames: ["name", "namespace"],
      registers,
    }),
    failures: new Counter({
      name: "flagger_canary_failures_total",
      help: "Total number of canary failures",
      labelNames: outcome,
      registers,
    }),
  };
}

function observeTurn(metrics: Metrics, turn: Turn): void {
  const { canary, input, transition, routes } = turn;
  const { namespace } = canary.ref;
  const name = canary.spec.targetRef.name;
  metrics.status.set({ name, namespace }, statusValue(transition.status.phase));
  if (routes !== undefined) {
    metrics.weight.set({ workload: primaryName(canary.spec), namespace }, routes.primary);
    metrics.weight.set({ workload: name, namespace }, routes.canary);
  }
  for (const { probe, answer } of input.observation.answers) {
    if (probe.kind !== "metric" || answer.kind !== "value" || probe.of === "primary") continue;
    // Durations are measured in milliseconds and published in seconds.
    const value = probe.source === "duration" ? answer.value / 1000 : answer.value;
    metrics.analysis.set({ name, namespace, metric: probe.metric.name }, value);
  }
  // Checks before a run starts do not count: they wait for approvals and first starts.
  const analysed = ANALYSING.has(canary.status.phase) && input.observation.answers.length > 0;
  if (analysed) metrics.duration.observe({ name, namespace }, turn.tookMs / 1000);
  if (isPutOff(transition.status) && !isPutOff(canary.status)) metrics.putOff.inc({ name, namespace });
  const outcome = "outcome" in transition.status ? transition.status.outcome : undefined;
  if (outcome === "reverted") return;
  countOutcome(metrics, canary, transition.status.phase, outcome === "unjudged");
}

function countOutcome(metrics: Metrics, canary: Canary, phase: Phase, skipped: boolean): void {
  if (phase === canary.status.phase) return;
  const labels = {
    name: canary.spec.targetRef.name,
    namespace: canary.ref.namespace,
    deployment_strategy: canary.spec.strategy,
    analysis_status: skipped ? "skipped" : "completed",
  };
  if (phase === "Succeeded") metrics.successes.inc(labels);
  if (phase === "Failed") metrics.failures.inc({ ...labels, analysis_status: "completed" });
}

/** 0 while progressing, 2 when failed, 1 for every other phase. */
function statusValue(phase: Phase): number {
  if (phase === "Progressing") return 0;
  return phase === "Failed" ? 2 : 1;
}

function removeSeries(metrics: Metrics, name: string, namespace: string): void {
  metrics.status.remove({ name, namespace });
  metrics.duration.remove({ name, namespace });
  for (const workload of [name, `${name}-primary`]) metrics.weight.remove({ workload, namespace });
  // prom-client removes exact label sets only, so they are looked up.
  for (const metric of [metrics.analysis, metrics.successes, metrics.failures, metrics.putOff])
    void removeMatching(metric, name, namespace);
}

async function removeMatching(metric: Gauge | Counter, name: string, namespace: string): Promise<void> {
  const { values } = await metric.get();
  for (const { labels } of values) {
    if (labels["name"] === name && labels["namespace"] === namespace) metric.remove(labels);
  }
}

/** A run starts over, and not before the end of its hold. */
function isPutOff(status: Canary["status"]): boolean {
  return status.phase === "Progressing" && status.stage === "put-off";
}
