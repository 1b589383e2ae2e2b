/** One run as OpenTelemetry spans: the run, its steps, its checks and its gates. Pure. */
import { createHash } from "node:crypto";
import { sentenceOf } from "../../core/texts/words.ts";
import type { Answered } from "../../core/turn/observation.ts";
import type { Turn } from "../../ports/recorder.ts";

/** As OTLP/HTTP JSON has it: ids in hex, times in nanoseconds as text. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Internal. */
  readonly kind: 1;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: 1 | 2; readonly message?: string };
}

export type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly doubleValue: number } | { readonly intValue: string };
};

/** A run that is under way: what is known of it so far. */
export interface RunTrace {
  readonly id: string;
  readonly startedAt: number;
  readonly canary: string;
  readonly namespace: string;
  readonly revision: string;
  readonly strategy: string;
  readonly steps: readonly { readonly step: number; readonly weight: number; readonly startedAt: number }[];
  readonly questions: readonly Question[];
}

interface Question {
  readonly at: number;
  readonly step: number;
  readonly name: string;
  readonly kind: "check" | "gate";
  readonly isGood: boolean;
  readonly value?: number;
  readonly detail?: string;
}

/** More questions than this say nothing more about a run: the middle is left out. */
const MOST_QUESTIONS = 2000;
const NANOSECONDS = "000000";

export function beginTrace({ canary, input, transition }: Turn): RunTrace | undefined {
  const { run, applied } = transition.status;
  if (run === undefined) return undefined;
  const { ref } = canary;
  return {
    ...{ id: run.id, startedAt: run.startedAt, canary: ref.name, namespace: ref.namespace },
    ...{ revision: applied?.spec ?? "", strategy: input.plan.strategy, steps: [], questions: [] },
  };
}

export function traceTurn(trace: RunTrace, { input, transition, routes }: Turn): RunTrace {
  const { status } = transition;
  const step = "step" in status ? status.step : (trace.steps.at(-1)?.step ?? 0);
  const asked = "step" in input.status ? input.status.step : step;
  const isNew = step > 0 && step !== trace.steps.at(-1)?.step;
  const questions = [
    ...trace.questions,
    ...input.observation.answers.flatMap((one) => questionOf(one, input.now, asked)),
  ];
  return {
    ...trace,
    steps: isNew ? [...trace.steps, { step, weight: routes?.canary ?? 0, startedAt: input.now }] : trace.steps,
    questions: questions.length > MOST_QUESTIONS ? questions.slice(-MOST_QUESTIONS) : questions,
  };
}

function questionOf({ probe, answer }: Answered, at: number, step: number): readonly Question[] {
  if (probe.kind === "metric-servers") return [];
  const [name, kind] =
    probe.kind === "hook" ? [probe.hook.name, "gate" as const] : [probe.metric.name, "check" as const];
  const isGood = answer.kind === "passed" || answer.kind === "value";
  const detail = "message" in answer ? answer.message : "detail" in answer ? answer.detail : undefined;
  return [
    {
      ...{ at, step, name, kind, isGood },
      ...(answer.kind === "value" ? { value: answer.value } : {}),
      ...(detail === undefined ? {} : { detail }),
    },
  ];
}

/** The ids are made of the run: a second operator that traces the same run makes the same spans. */
const idOf = (bytes: number, ...parts: readonly (string | number)[]): string =>
  createHash("sha256")
    .update(parts.join("\n"))
    .digest("hex")
    .slice(0, bytes * 2);

const nano = (ms: number): string => `${Math.round(ms)}${NANOSECONDS}`;
const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } });
const whole = (key: string, value: number): Attribute => ({ key, value: { intValue: String(Math.round(value)) } });

/** @param endedAt milliseconds since the epoch @param cause why it ended */
export function spansOf(
  trace: RunTrace,
  endedAt: number,
  cause: Parameters<typeof sentenceOf>[0] | undefined,
): readonly Span[] {
  const run = `${trace.namespace}/${trace.id}`;
  const traceId = idOf(16, "trace", run);
  const isGood = cause === undefined || ["promoted", "promoted-unjudged"].includes(cause.kind);
  const root = idOf(8, "run", run);
  const stepId = (step: number) => idOf(8, "step", run, step);
  const common = [text("aviary.canary", trace.canary), text("k8s.namespace.name", trace.namespace)];
  const span = (parts: Omit<Span, "traceId" | "kind">): Span => ({ traceId, kind: 1, ...parts });
  const steps = trace.steps.map(({ step, weight, startedAt }, index) =>
    span({
      ...{ spanId: stepId(step), parentSpanId: root, name: `step ${step}` },
      ...{ startTimeUnixNano: nano(startedAt), endTimeUnixNano: nano(trace.steps[index + 1]?.startedAt ?? endedAt) },
      attributes: [...common, whole("aviary.step", step), whole("aviary.weight", weight)],
      status: { code: 1 },
    }),
  );
  const known = new Set(trace.steps.map(({ step }) => step));
  const questions = trace.questions.map(({ at, step, name, kind, isGood: passed, value, detail }, index) =>
    span({
      ...{ spanId: idOf(8, kind, run, at, name, index), parentSpanId: known.has(step) ? stepId(step) : root },
      ...{ name: `${kind} ${name}`, startTimeUnixNano: nano(at), endTimeUnixNano: nano(at) },
      attributes: [
        ...[...common, text(`aviary.${kind}`, name), whole("aviary.step", step)],
        ...(value === undefined || !Number.isFinite(value)
          ? []
          : [{ key: "aviary.value", value: { doubleValue: value } }]),
      ],
      status: passed ? { code: 1 } : { code: 2, ...(detail === undefined ? {} : { message: detail.slice(0, 500) }) },
    }),
  );
  const why = cause === undefined ? "" : sentenceOf(cause);
  return [
    span({
      ...{ spanId: root, name: `release ${trace.canary}.${trace.namespace}` },
      ...{ startTimeUnixNano: nano(trace.startedAt), endTimeUnixNano: nano(endedAt) },
      attributes: [
        ...[...common, text("aviary.run", trace.id), text("aviary.revision", trace.revision)],
        ...[text("aviary.strategy", trace.strategy), text("aviary.outcome", cause?.kind ?? "unknown")],
      ],
      status: isGood ? { code: 1 } : { code: 2, message: why },
    }),
    ...steps,
    ...questions,
  ];
}
