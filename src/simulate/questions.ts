/** Webhooks and metric servers of the simulated world: the model answers the engine's probes. */

import { dotted } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import type { Answer, MetricProbe, Probe } from "../core/turn/observation.ts";
import { parseWindow } from "../go/promql-window.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import type { Count } from "../ports/probe-runner.ts";
import type { Api } from "./api.ts";
import { valueAt } from "./curve.ts";
import type { Role } from "./mesh.ts";
import type { Scenario } from "./scenario.ts";
import type { Schedule } from "./schedule.ts";
import type { Traffic } from "./traffic.ts";

export interface QuestionPorts {
  readonly api: Api;
  readonly scenario: Scenario;
  readonly schedule: Schedule;
  readonly traffic: Traffic;
  /** undefined before the release. */
  readonly releasedAt: () => number | undefined;
}

/**
 * How many requests a version got in the last `ms`, as a metric server counts them: whole requests, and no stray ones.
 */
export function createCounts({ schedule, traffic }: Pick<QuestionPorts, "schedule" | "traffic">) {
  return (role: Role, ms: number): Count => {
    const to = schedule.now();
    const { requests = 0, failed = 0 } = traffic.window(role, to - ms, to) ?? {};
    return { requests: Math.round(requests), failed: Math.round(failed), strayRate: 0 };
  };
}

/** @returns the answer, its delay, and what a metric server saw @param lateMs age of the metrics */
export function createQuestions(ports: QuestionPorts): (canary: Canary, probe: Probe, lateMs: number) => Reply {
  const calls = new Map<string, number>();
  return (canary, probe, lateMs) => {
    switch (probe.kind) {
      case "metric-servers":
        return { answer: { kind: "passed" }, tookMs: QUICK_MS };
      case "hook": {
        const count = (calls.get(probe.hook.name) ?? 0) + 1;
        calls.set(probe.hook.name, count);
        return hookReply(probe, count, ports);
      }
      case "metric":
        return { answer: measure(canary, probe, lateMs, ports), tookMs: QUICK_MS };
    }
  };
}

export interface Reply {
  readonly answer: Answer;
  readonly tookMs: number;
}

const QUICK_MS = 15;
const HOOK_TIMEOUT_MS = 10_000;

function hookReply(
  { hook }: Extract<Probe, { kind: "hook" }>,
  count: number,
  { scenario, schedule, releasedAt }: QuestionPorts,
): Reply {
  const behaviour = scenario.hooks[hook.name] ?? { kind: "passes" };
  const sinceRelease = schedule.now() - (releasedAt() ?? schedule.now());
  const refused = (detail: string): Answer => ({ kind: "refused", detail });
  const passed: Answer = { kind: "passed" };
  switch (behaviour.kind) {
    case "passes":
      return { answer: passed, tookMs: QUICK_MS };
    case "passes-late":
      return { answer: passed, tookMs: HOOK_TIMEOUT_MS - 100 };
    case "fails":
      return { answer: refused("403 Forbidden"), tookMs: QUICK_MS };
    case "hangs":
      return { answer: refused(`no answer within ${HOOK_TIMEOUT_MS / 1000} s`), tookMs: HOOK_TIMEOUT_MS };
    case "opens":
      return { answer: sinceRelease >= behaviour.afterMs ? passed : refused("403 Forbidden"), tookMs: QUICK_MS };
    case "fails-first":
      return { answer: count > behaviour.calls ? passed : refused("500 Internal Server Error"), tookMs: QUICK_MS };
  }
}

function measure(canary: Canary, probe: MetricProbe, lateMs: number, ports: QuestionPorts): Answer {
  const { api, scenario, schedule, traffic, releasedAt } = ports;
  const { metric, source, of } = probe;
  const to = schedule.now() - lateMs;
  const since = schedule.now() - (releasedAt() ?? schedule.now());
  const nothing = (): Answer => ({
    kind: "no-data",
    message:
      `Halt advancement no values found for metric ${metric.name} probably ` +
      `${dotted(canary.spec.targetRef.name, canary.ref)} is not receiving traffic`,
  });
  if (scenario.metricGaps.some(({ fromMs, toMs }) => since >= fromMs && since < toMs)) return nothing();
  const { name = "", namespace = canary.ref.namespace } = metric.templateRef ?? {};
  // A template that the scenario does not hold is assumed to be there.
  const isHeld = scenario.objects.some((one) => one.kind === "MetricTemplate" && one.metadata.name === name);
  if (source === "template" && isHeld && api.get({ type: RESOURCES.metricTemplate, namespace, name }) === undefined) {
    const detail = `metrictemplate.flagger.app "${name}" not found`;
    return { kind: "error", message: `Metric template ${name}.${namespace} error: ${detail}` };
  }
  if (source === "success-rate" || source === "duration") {
    const seen = traffic.window(of, to - windowMs(metric.interval), to);
    if (seen === undefined) return nothing();
    return { kind: "value", value: source === "duration" ? seen.latencyMs : seen.successRate };
  }
  const curve = scenario.metrics[metric.name];
  if (curve === undefined) return { kind: "value", value: within(metric) };
  return { kind: "value", value: valueAt(curve, since / 1000, traffic.split().canary) };
}

/** A metric that the scenario does not describe is good. */
function within(metric: MetricProbe["metric"]): number {
  const { min, max } = metric.thresholdRange ?? { max: metric.threshold };
  return min ?? max ?? 0;
}

/** A window of Prometheus in milliseconds; what is none counts as a minute. */
export function windowMs(window: string): number {
  return parseWindow(window) || 60_000;
}
