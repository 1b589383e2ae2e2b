/** What a turn adds to the record of its run. Pure: the recorder writes the result. */
import type { Cause } from "../../core/cause.ts";
import { changedConfigs } from "../../core/change.ts";
import { failureOf, limitsOf } from "../../core/checks.ts";
import type { Answered } from "../../core/observation.ts";
import {
  type RecordedAction,
  type RecordedCheck,
  RUN_RECORD_VERSION,
  type RunRecordSpec,
  type RunRecordStatus,
  type TimelineEntry,
  type Verdict,
} from "../../core/run-record.ts";
import type { RunRef } from "../../core/steering.ts";
import { placeText, sentenceOf } from "../../core/words.ts";
import type { Turn } from "../../ports/recorder.ts";

/** When there are more, the middle ones are left out. */
export const MOST_ENTRIES = 400;

const timeOf = (ms: number): string => new Date(ms).toISOString();

export function beginRecord({ canary, input, transition }: Turn, run: RunRef): RunRecordSpec {
  const { spec, plan } = input;
  const { applied, promotedSpec } = transition.status;
  return {
    version: RUN_RECORD_VERSION,
    canary: canary.ref.name,
    canaryUid: canary.uid,
    startedAt: timeOf(run.startedAt),
    revision: applied?.spec ?? "",
    previousRevision: promotedSpec,
    images: {},
    previousImages: {},
    changedConfigs: changedConfigs(input.status.applied?.configs, applied?.configs),
    strategy: spec.strategy,
    threshold: spec.analysis.threshold,
    intervalMs: spec.analysis.intervalMs,
    steps: plan.steps.map(({ routes, gates }) => ({ weight: routes.canary, mirror: routes.mirror, gates })),
  };
}

export const EMPTY_RECORD: RunRecordStatus = {
  ...{ verdict: "running", sentence: "", phase: "", step: 0, weight: 0, failedChecks: 0 },
  ...{ checks: [], timeline: [], people: [], gaps: 0 },
};

/** @param cause why the run ended, when it ended in this turn or before */
export function addTurn(record: RunRecordStatus, turn: Turn, cause: Cause | undefined): RunRecordStatus {
  const { input, transition, routes } = turn;
  const { status, events } = transition;
  const step = "step" in status ? status.step : record.step;
  const weight = routes?.canary ?? 0;
  const at = timeOf(input.now);
  const said = events.map(
    ({ reason, type, message, phase }): TimelineEntry => ({ at, phase, step, weight, reason, type, message }),
  );
  const asked = "step" in input.status ? input.status.step : step;
  const place = { step, steps: input.plan.steps.length, weight };
  const ended = record.endedAt ?? (cause === undefined ? undefined : at);
  return {
    ...record,
    ...(cause === undefined ? {} : { cause }),
    ...(ended === undefined ? {} : { endedAt: ended }),
    verdict: cause === undefined ? "running" : verdictOf(cause),
    sentence: cause === undefined ? `Running ${placeText(place)}.` : sentenceOf(cause, record.requests),
    phase: status.phase,
    step,
    weight,
    failedChecks: cause === undefined ? status.failedChecks : record.failedChecks,
    checks: bounded([
      ...record.checks,
      ...input.observation.answers.flatMap((answered) => checkOf(answered, turn, asked)),
    ]),
    timeline: bounded([...record.timeline, ...said]),
    people: [...record.people, ...actionsOf(turn)],
  };
}

export function verdictOf({ kind }: Cause): Verdict {
  if (kind === "promoted" || kind === "promoted-unjudged") return "promoted";
  if (kind === "superseded" || kind === "reverted" || kind === "deleted") return kind;
  return "rolled-back";
}

function checkOf(answered: Answered, { input }: Turn, step: number): readonly RecordedCheck[] {
  const { probe, answer } = answered;
  if (probe.kind === "metric-servers") return [];
  const failure = failureOf(answered, input.ref);
  const isRollback = probe.kind === "hook" && probe.type === "rollback";
  const common = {
    at: timeOf(input.now),
    step,
    weight: input.status.canaryWeight,
    passed: isRollback ? failure !== undefined : failure === undefined,
    ...(failure === undefined ? {} : { detail: failure }),
  };
  if (probe.kind === "hook") return [{ ...common, check: probe.hook.name, source: "hook", of: "canary" }];
  const { metric, source, of } = probe;
  return [{ ...common, check: metric.name, source, of, ...measuredOf(answer), ...limitsOf(metric, source) }];
}

function measuredOf(answer: Answered["answer"]): { readonly value?: number; readonly text?: string } {
  if (answer.kind !== "value") return {};
  return Number.isFinite(answer.value) ? { value: answer.value } : { text: String(answer.value) };
}

function actionsOf({ input, transition }: Turn): readonly RecordedAction[] {
  return (transition.answered ?? []).flatMap(({ id, outcome, message }) => {
    const action = input.actions?.find((found) => found.id === id);
    if (action === undefined) return [];
    const { verb, by, reason } = action;
    return [{ at: timeOf(input.now), verb, by, outcome, message, ...(reason === undefined ? {} : { reason }) }];
  });
}

/** Keeps the first and the last. */
function bounded<T>(entries: readonly T[]): readonly T[] {
  if (entries.length <= MOST_ENTRIES) return entries;
  return [...entries.slice(0, MOST_ENTRIES / 2), ...entries.slice(-MOST_ENTRIES / 2)];
}
