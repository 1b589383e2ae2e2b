/**
 * What a Canary is doing, in the words of the command line: read from the object itself, so that Flagger's work, too.
 */

import { isRunning, PHASES } from "../../core/phases/table.ts";
import { type Plan, planFor } from "../../core/plan/plan.ts";
import type { Cause } from "../../core/run/cause.ts";
import { parseSpec } from "../../core/spec/parse.ts";
import type { CanarySpec } from "../../core/spec/spec.ts";
import type { OffSplit, Override, Pause, RunRef } from "../../core/status/canary.ts";
import { sentenceOf, splitText } from "../../core/texts/words.ts";
import { causeOf } from "../../net/show.ts";
import type { Chosen } from "../../operator/adapters.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { adaptersFor, parseOptions } from "../adapters.ts";

export interface Facts {
  readonly name: string;
  readonly namespace: string;
  readonly phase: string;
  /** Steps entered; 0 before the first. */
  readonly step: number;
  readonly weight: number;
  readonly failedChecks: number;
  readonly threshold: number;
  /** Hash of the revision that is released. */
  readonly revision: string;
  /** undefined for a Canary whose spec is invalid. */
  readonly spec: CanarySpec | undefined;
  /** Why the operator refuses the Canary: the field, and what to do. */
  readonly refusal: string | undefined;
  readonly plan: Plan | undefined;
  readonly hold: Pause | undefined;
  /** A person lets this release go on during a freeze. */
  readonly override: Override | undefined;
  /** The announcement of the freeze that keeps the next release from beginning; undefined when there is none. */
  readonly frozen: string | undefined;
  readonly run: RunRef | undefined;
  /** The requests of the present or last run were not split as promised. */
  readonly offSplit: OffSplit | undefined;
  /** Milliseconds since the epoch; of the last change of phase or weight. */
  readonly since: number;
  /** One sentence: what it does or waits for, or how its last release ended. */
  readonly what: string;
}

/** Phases in which a release is under way, or waits to begin. */
export const RUNNING: readonly string[] = PHASES.filter((phase) => phase === "Waiting" || isRunning(phase));
export const WAITING: readonly string[] = ["Waiting", "WaitingPromotion"];

/**
 * A tenant may write a status that makes no sense. Lists of all tenants show that Canary, too, so it never throws for
 * the status.
 */
export function factsOf(canary: KubeObject): Facts {
  try {
    return factsIn(canary);
  } catch (error) {
    const what = `its status cannot be read: ${causeOf(error)}`;
    return { ...factsIn({ ...canary, status: { phase: String(canary.status?.phase ?? "") } }), what };
  }
}

function factsIn(canary: KubeObject): Facts {
  const { metadata, status = {} } = canary;
  const { namespace = "default", name } = metadata;
  const parsed = parseSpec(canary.spec, namespace, parseOptions());
  const spec = parsed.kind === "valid" ? parsed.spec : undefined;
  const chosen = spec === undefined ? undefined : adaptersFor(canary, spec);
  const plan =
    spec === undefined || chosen?.kind !== "adapters" ? undefined : planFor(spec, chosen.adapters.router.capabilities);
  const memory: KubeFields = status.aviary ?? {};
  const phase = String(status.phase ?? "");
  const weight: number = status.canaryWeight ?? 0;
  const known = {
    name,
    namespace,
    phase,
    step: Number.isInteger(memory.step) ? memory.step : stepAt(plan, phase, weight, status.iterations ?? 0),
    weight,
    failedChecks: status.failedChecks ?? 0,
    threshold: spec?.analysis.threshold ?? 1,
    revision: status.lastAppliedSpec ?? "",
    spec,
    refusal: parsed.kind === "invalid" ? parsed.problem : problemOf(chosen, spec),
    plan,
    hold: memory.paused,
    override: memory.override,
    frozen: memory.saidReason === "Frozen" ? memory.said : undefined,
    run: memory.run,
    offSplit: splitIn(memory["offSplit"]),
    since: Date.parse(status.lastTransitionTime ?? metadata.creationTimestamp ?? "") || 0,
  };
  return { ...known, what: `${sentence(known, canary)}${overrideText(known)}` };
}

/** A Canary that names no provider has the one of the operator's flags, which the object does not tell. */
function problemOf(chosen: Chosen | undefined, spec: CanarySpec | undefined): string | undefined {
  return chosen?.kind === "problem" && spec?.ownProvider !== undefined ? chosen.detail : undefined;
}

/** With Flagger's own definition the step is pruned: the weight tells it. A release that ends has passed all steps. */
function stepAt(plan: Plan | undefined, phase: string, weight: number, iterations: number): number {
  const steps = plan?.steps ?? [];
  if (phase === "Finalising") return steps.length;
  const found = steps.findIndex((step) => step.weight === weight && step.iterations === iterations);
  return weight === 0 && iterations === 0 ? 0 : found + 1;
}

function overrideText({ override }: Pick<Facts, "override">): string {
  if (override === undefined) return "";
  return `; ${override.by} overrides the freeze ${override.freeze}: "${override.reason}"`;
}

function sentence(facts: Omit<Facts, "what">, { spec, status }: KubeObject): string {
  const { phase, hold, plan, step, weight, failedChecks, threshold, refusal, offSplit } = facts;
  if (refusal !== undefined) return `refused: ${refusal}`;
  if (phase === "") return "no operator has taken it up yet";
  if (hold !== undefined) {
    const until = hold.until === undefined ? "" : ` until ${new Date(hold.until).toISOString()}`;
    return `paused by ${hold.by} at ${weight} %${until}${hold.reason ? `: "${hold.reason}"` : ""}`;
  }
  if (spec?.suspend === true) return "suspended (spec.suspend)";
  const failed = failedChecks > 0 ? `, ${failedChecks} of ${threshold} failed checks` : "";
  const split = offSplit === undefined ? "" : `, not split as promised: ${splitText(offSplit)}`;
  if (WAITING.includes(phase)) return `waits for ${gatesOf(facts).join(" or ") || "approval"}${failed}${split}`;
  if (phase === "Progressing") {
    const place = step === 0 ? "before the first step" : `step ${step} of ${plan?.steps.length ?? "?"} (${weight} %)`;
    return `${place}${failed}${split}`;
  }
  if (phase === "Promoting") return "the primary gets the new revision";
  if (phase === "Finalising") return "all traffic goes to the primary, and the canary goes";
  if (facts.frozen !== undefined) return facts.frozen;
  if (phase === "Initialized" || phase === "Succeeded") return endOf(status) ?? "the primary serves all users";
  return endOf(status) ?? reasonIn(String(status?.conditions?.[0]?.message ?? ""));
}

/** Flagger's words for each release that failed, the same for every reason. */
const FAILED = /^Canary analysis failed, \S+ scaled to zero\.\s*/;

/** The condition of a failed release has Flagger's words, and then the reason; where there is one, it is enough. */
const reasonIn = (message: string): string => message.replace(FAILED, "") || message;

/**
 * Flagger itself writes no reason into the object: its events tell it.
 * @param events of the Canary, oldest first
 * @returns why the release was rolled back; undefined when the object tells the reason, or the events are gone
 */
export function reasonFrom({ phase, what, name, namespace }: Facts, events: readonly KubeObject[]): string | undefined {
  if (phase !== "Failed" || !FAILED.test(what)) return undefined;
  const messages = events.map((event) => String(event["message"] ?? event["note"] ?? "").trim());
  const canary = `${name}.${namespace}`;
  const after = (start: string) => ({ start, at: messages.findLastIndex((message) => message.startsWith(start)) });
  const { start, at } = after(`Rolling back ${canary} `);
  if (at === -1) return unreadyFrom(messages, after(`Canary failed! Scaling down ${canary}`).at);
  const trigger = (messages[at] ?? "").slice(start.length);
  const halt = `Halt ${canary} advancement `;
  // "failed checks threshold reached 2" says that checks failed, and the last Halt says which.
  const failure = trigger.startsWith("failed checks")
    ? messages.slice(0, at).findLast((message) => message.startsWith(halt))
    : undefined;
  return failure === undefined
    ? `Rolled back: ${trigger}.`
    : `Rolled back: ${failure.slice(halt.length)} (${trigger}).`;
}

/** Flagger names no trigger when pods were not ready in time: its message before the end says what they lacked. */
function unreadyFrom(messages: readonly string[], end: number): string | undefined {
  const last = messages.slice(0, Math.max(0, end)).findLast((message) => message.includes(" not ready"));
  return last === undefined ? undefined : `Rolled back: ${last}.`;
}

/** undefined: there is none, or another program wrote something else in its place. */
export function splitIn(found: unknown): OffSplit | undefined {
  const fields = (found ?? {}) as Partial<Record<keyof OffSplit, unknown>>;
  const { promised, measured, canary, primary } = fields;
  const isSplit = [promised, measured, canary, primary].every((value) => typeof value === "number");
  return isSplit ? (fields as OffSplit) : undefined;
}

/** The sentence of the core: the same in the condition, the event, the record and here. */
function endOf(status: KubeFields | undefined): string | undefined {
  const cause: Cause | undefined = status?.["aviary"]?.cause;
  return cause === undefined ? undefined : sentenceOf(cause);
}

const GATE_TYPES: Readonly<Record<string, string>> = {
  Waiting: "confirm-rollout",
  Progressing: "confirm-traffic-increase",
  WaitingPromotion: "confirm-promotion",
};

/** Names of the webhooks that can hold the release in its present phase. */
export function gatesOf({ phase, spec }: Pick<Facts, "phase" | "spec">): readonly string[] {
  const type = GATE_TYPES[phase];
  return (spec?.analysis.webhooks ?? []).filter((hook) => hook.type === type).map(({ name }) => name);
}

/** "4/10", or "-" while no release is under way. */
export const stepText = ({ phase, step, plan }: Facts): string =>
  RUNNING.includes(phase) && plan !== undefined ? `${step}/${plan.steps.length}` : "-";

export function isAttentionNeeded({ phase, hold, failedChecks, refusal, offSplit }: Facts): boolean {
  if (refusal !== undefined || WAITING.includes(phase) || phase === "Failed" || hold !== undefined) return true;
  // The status keeps the count of failed checks after a promotion.
  return RUNNING.includes(phase) && (offSplit !== undefined || failedChecks > 0);
}
