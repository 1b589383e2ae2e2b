/** Turns objects of the cluster into what the pages show. Pure, but for the reads that are handed in. */
import {
  type Facts,
  factsOf,
  gatesOf,
  isAttentionNeeded,
  RUNNING,
  reasonFrom,
  splitIn,
  WAITING,
} from "../cli/steer/facts.ts";
import { heldText, holderOf } from "../cli/steer/frozen.ts";
import { previewOf } from "../cli/steer/preview.ts";
import { type Copy, timeOf } from "../cli/steer/seen.ts";
import { type Freeze, VERBS, type Verb } from "../core/people/steering.ts";
import type { Step } from "../core/plan/plan.ts";
import { splitText } from "../core/texts/words.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { imagesIn, objectsIn, shownOnce, textIn, textsIn } from "./shown.ts";
import { isSketch } from "./sketches.ts";
import type {
  CanaryRow,
  CanaryView,
  CopyView,
  EventView,
  PodView,
  RunRow,
  RunView,
  StepView,
  VerbView,
} from "./types.ts";

/**
 * An object of the cache never changes: a newer version is another object. A list of thousands is read again cheaply.
 */
const ROWS = new WeakMap<KubeObject, CanaryRow>();

export function rowOf(canary: KubeObject): CanaryRow {
  const known = ROWS.get(canary);
  if (known !== undefined) return known;
  const row = shownOnce(isSketch(canary) ? rowOfSketch(canary) : rowOfFacts(factsOf(canary)));
  ROWS.set(canary, row);
  return row;
}

/** A Canary that the console does not keep. Its page reads it whole. */
function rowOfSketch(canary: KubeObject): CanaryRow {
  const { refused: _, ...row } = rowOfFacts(factsOf(canary));
  const { namespace, phase } = row;
  const what = `open its page: the objects of namespace ${namespace} are too large for the list`;
  return { ...row, what, running: RUNNING.includes(phase), attention: phase === "Failed" };
}

/** Names of gates in a row: a release waits for one or two. */
const MOST_GATES = 10;

function rowOfFacts(facts: Facts): CanaryRow {
  const { namespace, name, phase, weight, step, failedChecks, threshold, since, plan, spec, hold } = facts;
  return {
    ...{ namespace, name, phase, weight, step, failedChecks, threshold, since },
    what: textIn(facts.what),
    steps: plan?.steps.length ?? 0,
    strategy: plan?.strategy ?? "",
    provider: spec?.provider ?? "",
    running: RUNNING.includes(phase),
    attention: isAttentionNeeded(facts),
    paused: hold !== undefined,
    ...(facts.frozen === undefined ? {} : { frozen: true }),
    ...(facts.refusal === undefined ? {} : { refused: true }),
    gates: WAITING.includes(phase) ? gatesOf(facts).slice(0, MOST_GATES).map(textIn) : [],
  };
}

export interface Parts {
  readonly copies: { readonly canary: Copy | undefined; readonly primary: Copy | undefined };
  readonly events: readonly KubeObject[];
  /** Newest first, as `recordPart` keeps them. */
  readonly runs: readonly KubeObject[];
  /** The newest, whole. */
  readonly run?: KubeObject;
  readonly records: boolean;
  /** Why a verb is not allowed; undefined when it is. */
  readonly forbidden: (verb: string) => string | undefined;
  readonly notShown?: readonly string[];
  /** In force for this canary, and not overridden. */
  readonly freeze?: Freeze;
}

const MOST_EVENTS = 100;
const MOST_RUNS = 20;

export function canaryView(object: KubeObject, parts: Parts): CanaryView {
  const facts = factsOf(object);
  const { plan, spec, phase } = facts;
  const judgedAt = phase === "Progressing" && facts.hold === undefined ? holdUntil(object) : undefined;
  const reason = reasonFrom(facts, parts.events);
  const held = holderOf(phase, parts.freeze);
  return {
    ...rowOfFacts(facts),
    ...(reason === undefined ? {} : { what: textIn(reason) }),
    ...{ runId: facts.run?.id ?? "", revision: facts.revision, notShown: parts.notShown ?? [] },
    ...(facts.hold === undefined ? {} : { hold: facts.hold }),
    plan: (plan?.steps ?? []).map((step) => stepView(step, facts)),
    intervalMs: spec?.analysis.intervalMs ?? 0,
    ...(judgedAt === undefined ? {} : { judgedAt }),
    gates: gatesOf(facts),
    warnings: [...(held === undefined ? [] : [textIn(heldText(held))]), ...(plan?.warnings ?? [])],
    ...(parts.copies.canary === undefined ? {} : { canary: copyView(parts.copies.canary) }),
    ...(parts.copies.primary === undefined ? {} : { primary: copyView(parts.copies.primary) }),
    events: parts.events.slice(-MOST_EVENTS).map(eventView).reverse(),
    runs: parts.runs.slice(0, MOST_RUNS).map(runRow),
    ...(parts.run === undefined ? {} : { run: runView(parts.run) }),
    verbs: verbViews(facts, held, parts.forbidden),
    records: parts.records,
  };
}

/** When the present step is judged, as the operator remembers it. Flagger's own definition prunes this field. */
function holdUntil({ status }: KubeObject): number | undefined {
  const at: unknown = status?.aviary?.holdUntil;
  return typeof at === "number" && at > 0 ? at : undefined;
}

/** A step lists every kind of gate that it may have: only those that the Canary has webhooks for are gates. */
const stepView = ({ routes, weight, gates }: Step, { spec }: Facts): StepView => ({
  weight: weight > 0 ? weight : routes.canary,
  mirror: routes.mirror,
  gates: gates.filter((type) => spec?.analysis.webhooks.some((hook) => hook.type === type)),
});

/** The verbs that have a button. */
export const OFFERED: readonly Verb[] = VERBS.filter((verb) => verb !== "skip" && verb !== "set-weight");
/** A freeze is rare: its button comes with it. */
const offeredFor = ({ frozen }: Facts, held: Freeze | undefined) =>
  OFFERED.filter((verb) => verb !== "override" || frozen !== undefined || held !== undefined);

function verbViews(facts: Facts, held: Freeze | undefined, forbidden: Parts["forbidden"]): readonly VerbView[] {
  return offeredFor(facts, held).map((verb) => {
    const { text, refusal } = previewOf(verb, facts, {});
    const why = refusal ?? forbidden(verb);
    return { verb, effect: text, ...(why === undefined ? {} : { refusal: why }) };
  });
}

function copyView({ name, images, pods }: Copy): CopyView {
  return { name, images: images.map(textIn), pods: pods.map(podView) };
}

function podView({ metadata, spec, status }: KubeObject): PodView {
  const containers: KubeFields[] = status?.containerStatuses ?? [];
  const waiting = containers.map((one) => one.state?.waiting).find((state) => state?.reason !== undefined);
  const ended = containers.map((one) => one.lastState?.terminated ?? one.state?.terminated).find(Boolean);
  const unready = (status?.conditions ?? []).find((one: KubeFields) => one.type === "Ready" && one.status !== "True");
  const said = waiting ?? (unready?.message ? unready : undefined);
  const state =
    metadata.deletionTimestamp === undefined ? (waiting?.reason ?? status?.phase ?? "Unknown") : "Terminating";
  return {
    name: metadata.name,
    ready: containers.length > 0 && containers.every((one) => one.ready === true),
    restarts: containers.reduce((sum, one) => sum + (one.restartCount ?? 0), 0),
    state: textIn(said?.message ? `${state}: ${said.message}` : state),
    ...(ended?.reason === undefined ? {} : { ended: textIn(`${ended.reason}, exit code ${ended.exitCode}`) }),
    ...(spec?.nodeName === undefined ? {} : { node: textIn(spec.nodeName) }),
  };
}

const eventView = (event: KubeObject): EventView => ({
  at: timeOf(event),
  type: textIn(event["type"]),
  message: textIn(event["message"] ?? event["note"]),
  count: Number(event["count"] ?? event["series"]?.count ?? 1),
});

export function runRow({ metadata, spec, status }: KubeObject): RunRow {
  return {
    namespace: metadata.namespace ?? "",
    id: metadata.name,
    canary: textIn(spec?.canary),
    verdict: textIn(status?.verdict) || "running",
    sentence: textIn(status?.sentence),
    images: imagesIn(spec?.images),
    startedAt: textIn(spec?.startedAt),
    ...(status?.endedAt === undefined ? {} : { endedAt: textIn(status.endedAt) }),
    by: [...new Set(objectsIn<KubeFields>(status?.people).map(({ by }) => textIn(by)))],
  };
}

export function runView(object: KubeObject): RunView {
  const { spec = {}, status = {} } = object;
  const offSplit = splitIn(status.offSplit);
  return {
    ...runRow(object),
    previousImages: imagesIn(spec.previousImages),
    changedConfigs: textsIn(spec.changedConfigs),
    revision: textIn(spec.revision),
    previousRevision: textIn(spec.previousRevision),
    strategy: textIn(spec.strategy),
    threshold: spec.threshold ?? 0,
    intervalMs: spec.intervalMs ?? 0,
    step: status.step ?? 0,
    steps: objectsIn(spec.steps),
    checks: objectsIn(status.checks),
    timeline: objectsIn(status.timeline),
    people: objectsIn(status.people),
    ...(status.requests === undefined ? {} : { requests: status.requests }),
    ...(offSplit === undefined ? {} : { offSplit: splitText(offSplit) }),
    gaps: status.gaps ?? 0,
  };
}
