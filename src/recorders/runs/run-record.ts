/** What a turn adds to the record of its run. Pure: the recorder writes the result. */

import {
  type Folded,
  type RecordedAction,
  type RecordedAlert,
  type RecordedCheck,
  type RecordedTraffic,
  type Requests,
  RUN_RECORD_VERSION,
  type RunRecordSpec,
  type RunRecordStatus,
  type TimelineEntry,
  type Verdict,
} from "../../core/record/run-record.ts";
import { routesFor } from "../../core/routes.ts";
import type { Cause } from "../../core/run/cause.ts";
import { changedConfigs } from "../../core/run/change.ts";
import type { RunRef } from "../../core/status/canary.ts";
import { placeText, sentenceOf } from "../../core/texts/words.ts";
import { failureOf, limitsOf } from "../../core/turn/checks.ts";
import { promotionId } from "../../core/turn/identity.ts";
import type { Answered } from "../../core/turn/observation.ts";
import type { Count } from "../../ports/probe-runner.ts";
import type { ForTheRecord, Turn } from "../../ports/recorder.ts";

/** The middle is left out when there are more. */
export const MOST_ENTRIES = 200;

const timeOf = (ms: number): string => new Date(ms).toISOString();

export function beginRecord({ canary, input, transition }: Turn, run: RunRef): RunRecordSpec {
  const { spec, plan } = input;
  const { applied, promotedSpec } = transition.status;
  const { target, primary } = input.observation.readings;
  return {
    version: RUN_RECORD_VERSION,
    canary: canary.ref.name,
    canaryUid: canary.uid,
    startedAt: timeOf(run.startedAt),
    revision: applied?.spec ?? "",
    previousRevision: promotedSpec,
    ...(target.template === undefined ? {} : { digest: target.template.digest }),
    ...(primary.template === undefined ? {} : { previousDigest: primary.template.digest }),
    promotionId: applied === undefined ? "" : promotionId(canary.uid, applied),
    images: target.template?.images ?? {},
    previousImages: primary.template?.images ?? {},
    changedConfigs: changedConfigs(input.status.applied?.configs, applied?.configs),
    strategy: plan.strategy,
    threshold: spec.analysis.threshold,
    intervalMs: spec.analysis.intervalMs,
    steps: plan.steps.map(({ routes, gates }) => ({ weight: routes.canary, mirror: routes.mirror, gates })),
  };
}

export const EMPTY_RECORD: RunRecordStatus = {
  ...{ verdict: "running", sentence: "", phase: "", step: 0, weight: 0, failedChecks: 0 },
  ...{ checks: [], queries: {}, timeline: [], traffic: [], alerts: [], people: [], gaps: 0 },
};

/** @param cause why the run ended, when it ended in this turn or before */
export function addTurn(record: RunRecordStatus, turn: Turn, cause: Cause | undefined): RunRecordStatus {
  const { input, transition, routes } = turn;
  const { status } = transition;
  const step = "step" in status ? status.step : record.step;
  const weight = routes?.canary ?? 0;
  const at = timeOf(input.now);
  const asked = "step" in input.status ? input.status.step : step;
  const place = { step, steps: input.plan.steps.length, weight };
  const added = {
    ...withChecks(record, input.observation.answers, turn, asked, false),
    timeline: bounded([...record.timeline, ...saidIn(turn, step, weight)]),
    alerts: bounded([...record.alerts, ...alertsOf(turn)]),
    people: bounded([...record.people, ...overrideOf(turn), ...actionsOf(turn)]),
    ...(status.offSplit === undefined ? {} : { offSplit: status.offSplit }),
  };
  // What comes after the end, an undo for example, does not change how the run ended.
  if (record.endedAt !== undefined) return added;
  return {
    ...added,
    ...(cause === undefined ? {} : { cause, endedAt: at }),
    verdict: cause === undefined ? "running" : verdictOf(cause),
    sentence: cause === undefined ? `Running ${placeText(place)}.` : sentenceOf(cause, record.requests),
    phase: status.phase,
    step,
    weight,
    failedChecks: cause === undefined ? status.failedChecks : record.failedChecks,
  };
}

/** An operator before this one began the record, and this one goes on with it. A turn in between may be missing. */
export function goneOn(before: RunRecordStatus, own: RunRecordStatus): RunRecordStatus {
  const joined = {
    ...{ checks: [...(before.checks ?? []), ...own.checks], queries: { ...before.queries, ...own.queries } },
    timeline: [...(before.timeline ?? []), ...own.timeline],
    traffic: [...(before.traffic ?? []), ...own.traffic],
    alerts: [...(before.alerts ?? []), ...own.alerts],
    people: [...(before.people ?? []), ...own.people],
  };
  const { folded = own.folded } = before;
  const requests = before.requests === undefined ? own.requests : sumOf(before.requests, own.requests ?? {});
  const known = {
    ...joined,
    ...(folded === undefined ? {} : { folded }),
    ...(requests === undefined ? {} : { requests }),
  };
  const { journal: _journal, ...ended } = before;
  if (before.endedAt !== undefined) return { ...ended, ...known };
  return { ...own, ...known, gaps: before.gaps + 1 };
}

/** What was asked for the record alone, after the turn. */
export function addExtra(record: RunRecordStatus, turn: Turn, extra: ForTheRecord): RunRecordStatus {
  const { input } = turn;
  const step = "step" in input.status ? input.status.step : record.step;
  const promised = routesFor(input.plan, input.status)?.canary ?? 0;
  const { canary, primary } = extra;
  const all = (canary?.requests ?? 0) + (primary?.requests ?? 0);
  const isMeasured = canary !== undefined && primary !== undefined && all > 0;
  const requests = { ...countsOf("canary", canary), ...countsOf("primary", primary) };
  const entry: RecordedTraffic = {
    at: timeOf(input.now),
    ...{ step, promised, requests },
    ...(isMeasured ? { measured: Math.round((1000 * canary.requests) / all) / 10 } : {}),
  };
  const isCounted = canary !== undefined || primary !== undefined;
  const total = isCounted ? sumOf(record.requests, requests) : record.requests;
  return {
    ...withSamples(withChecks(record, extra.answers, turn, step, true), turn, canary?.requests),
    traffic: isCounted ? bounded([...record.traffic, entry]) : record.traffic,
    ...(total === undefined ? {} : { requests: total }),
    ...(record.cause === undefined ? {} : { sentence: sentenceOf(record.cause, total) }),
  };
}

function countsOf(of: "canary" | "primary", count: Count | undefined): Requests {
  if (count === undefined) return {};
  return { [of]: count.requests, ...(count.failed === undefined ? {} : { [`${of}Failed`]: count.failed }) };
}

function sumOf(before: Requests = {}, more: Requests): Requests {
  const names = ["canary", "canaryFailed", "primary", "primaryFailed"] as const;
  const known = names.filter((name) => before[name] !== undefined || more[name] !== undefined);
  return Object.fromEntries(known.map((name) => [name, (before[name] ?? 0) + (more[name] ?? 0)]));
}

/** The number of requests of the canary says how much the values of this turn are worth. */
function withSamples(record: RunRecordStatus, { input }: Turn, requests: number | undefined): RunRecordStatus {
  if (requests === undefined) return record;
  const at = timeOf(input.now);
  const isOf = ({ at: askedAt, source, of }: RecordedCheck) => askedAt === at && source !== "hook" && of === "canary";
  return { ...record, checks: record.checks.map((check) => (isOf(check) ? { ...check, requests } : check)) };
}

function withChecks(
  record: RunRecordStatus,
  answers: readonly Answered[],
  turn: Turn,
  step: number,
  forTheRecord: boolean,
): RunRecordStatus {
  const more = answers.flatMap((answered) => checkOf(answered, turn, step));
  const sent = answers.flatMap(({ probe, answer }) => {
    const query = "query" in answer ? answer.query : undefined;
    if (probe.kind !== "metric" || query === undefined) return [];
    return [[`${probe.metric.name}${probe.of === "primary" ? " (primary)" : ""}`, query]];
  });
  const added = forTheRecord ? more.map((check) => ({ ...check, forTheRecord })) : more;
  return { ...record, ...foldChecks(record, added), queries: { ...record.queries, ...Object.fromEntries(sent) } };
}

/** Checks that passed in the middle of a long run become numbers. Failures are kept, the first and the last of them. */
function foldChecks(
  { checks, folded }: RunRecordStatus,
  added: readonly RecordedCheck[],
): Pick<RunRecordStatus, "checks" | "folded"> {
  const all = [...checks, ...added];
  if (all.length <= MOST_ENTRIES) return { checks: all, ...(folded === undefined ? {} : { folded }) };
  const kept = MOST_ENTRIES / 4;
  const middle = all.slice(kept, -kept);
  const failures = middle.filter(({ passed }) => !passed);
  const left = failures.length > MOST_ENTRIES / 2 ? failures.slice(-MOST_ENTRIES / 4) : failures;
  const isLeft = new Set(left);
  const gone = middle.filter((check) => !isLeft.has(check));
  return { checks: [...all.slice(0, kept), ...left, ...all.slice(-kept)], folded: gone.reduce(fold, folded ?? {}) };
}

function fold(before: Readonly<Record<string, Folded>>, { check, value }: RecordedCheck): Record<string, Folded> {
  const { count = 0, min, mean, max } = before[check] ?? {};
  if (value === undefined) return { ...before, [check]: { ...before[check], count: count + 1 } };
  const values = {
    min: Math.min(min ?? value, value),
    mean: ((mean ?? value) * count + value) / (count + 1),
    max: Math.max(max ?? value, value),
  };
  return { ...before, [check]: { count: count + 1, ...values } };
}

function saidIn({ input, transition: { events } }: Turn, step: number, weight: number): readonly TimelineEntry[] {
  const at = timeOf(input.now);
  return events.map(({ reason, type, message, phase }) => ({ at, phase, step, weight, reason, type, message }));
}

/** Alerts that this turn owes and the one before did not. */
function alertsOf({ input, transition }: Turn): readonly RecordedAlert[] {
  const kept = input.status.owedAlerts.slice(input.alertsDelivered);
  const isNew = ({ message }: { readonly message: string }) => !kept.some((alert) => alert.message === message);
  const at = timeOf(input.now);
  return transition.status.owedAlerts
    .filter(isNew)
    .map(({ severity, message }) => ({ at, severity, message: message.slice(0, LONGEST_DETAIL) }));
}

/** Of what others say, characters. */
const LONGEST_DETAIL = 500;

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
    ...(failure === undefined ? {} : { detail: failure.slice(0, LONGEST_DETAIL) }),
  };
  if (probe.kind === "hook") {
    return [{ ...common, check: probe.hook.name, source: "hook", hook: probe.type, of: "canary" }];
  }
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

/** An override is mostly given before its run begins: the record of the run begins with it. */
function overrideOf({ input, transition }: Turn): readonly RecordedAction[] {
  const { run, override } = transition.status;
  if (override === undefined || run === undefined || run.id === input.status.run?.id) return [];
  const { by, reason, at, freeze } = override;
  const message = `goes on though frozen (${freeze})`;
  return [{ at: timeOf(at), verb: "override", by, reason, outcome: "applied", message }];
}

/** Keeps the first and the last. */
function bounded<T>(entries: readonly T[]): readonly T[] {
  if (entries.length <= MOST_ENTRIES) return entries;
  return [...entries.slice(0, MOST_ENTRIES / 2), ...entries.slice(-MOST_ENTRIES / 2)];
}
