/** Decides whether an answer passes, and words the failure. The judge of a metric decides about its values. */

import { JUDGES, judgeOf } from "../judges/table.ts";
import type { Failure } from "../run/cause.ts";
import { type CanaryRef, dotted, type Metric, type MetricSourceKind, type Range } from "../spec/spec.ts";
import type { Answered, MetricProbe, Probe } from "./observation.ts";

/**
 * The verdict of the metric's judge as the text of the Warning event.
 * @returns undefined when the value passes
 */
export function violation(probe: MetricProbe, value: number, ref: CanaryRef, judges = JUDGES): string | undefined {
  const verdict = judgeOf(probe.metric, judges).judge({ ...probe, value });
  return verdict.kind === "pass" ? undefined : `Halt ${dotted(ref.name, ref)} advancement ${verdict.finding}`;
}

/** The range of values that pass, for plans and records. */
export function limitsOf(metric: Metric, source: MetricSourceKind): Range {
  return judgeOf(metric).limits(metric, source);
}

/**
 * The text of the failure, or undefined when the answer lets the rollout go on. A rollback hook asks for a rollback by
 * passing.
 */
export function failureOf({ probe, answer }: Answered, ref: CanaryRef): string | undefined {
  switch (answer.kind) {
    case "passed":
      return undefined;
    case "refused":
      return answer.detail;
    case "no-data":
    case "error":
      return answer.message;
    case "value":
      return probe.kind === "metric" ? violation(probe, answer.value, ref) : undefined;
  }
}

/** The failure as data. @param answered an answer that failed */
export function failureData({ probe, answer }: Answered): Failure {
  if (probe.kind !== "metric") {
    const check = probe.kind === "hook" ? probe.hook.name : "metric servers";
    return { check, source: "hook", ...(answer.kind === "refused" ? { detail: answer.detail } : {}) };
  }
  const { metric, source } = probe;
  const common = { check: metric.name, source };
  if (answer.kind === "no-data" || answer.kind === "error") return { ...common, detail: answer.message };
  if (answer.kind !== "value") return common;
  const verdict = judgeOf(metric).judge({ ...probe, value: answer.value });
  return verdict.kind === "pass" ? common : { ...common, ...verdict.data };
}

/** Whether this answer settles the turn. Then the probes after it are not asked. */
export function settles(answered: Answered, ref: CanaryRef): boolean {
  const failed = failureOf(answered, ref) !== undefined;
  return isRollbackHook(answered.probe) ? !failed : failed;
}

/** A rollback hook that passes asks for a rollback. */
export function isRollbackHook(probe: Probe): boolean {
  return probe.kind === "hook" && probe.type === "rollback";
}
