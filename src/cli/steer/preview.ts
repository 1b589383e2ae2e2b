/**
 * What a verb will do, before it is asked for. The operator decides; this is what the person who types should expect.
 */
import { gateTypesAhead } from "../../core/intents/gates.ts";
import type { Verb } from "../../core/people/steering.ts";
import { maxWeightOf } from "../../core/plan/plan.ts";
import type { Wish } from "./action.ts";
import { type Facts, gatesOf, RUNNING } from "./facts.ts";

export interface Preview {
  readonly text: string;
  /** Why the operator will refuse, as far as can be seen from here. */
  readonly refusal?: string;
}

const isRunning = ({ phase }: Facts) => RUNNING.includes(phase);

/** @param undo what the primary keeps; only for `undo` */
export function previewOf(verb: Verb, facts: Facts, wish: Wish, undo: Partial<Preview> = {}): Preview {
  const { name, namespace, phase } = facts;
  const text = `${name}.${namespace} ${undo.text ?? effectOf(verb, facts, wish)}`;
  const refusal = refusalOf(verb, facts, wish) ?? undo.refusal;
  return refusal === undefined ? { text } : { text, refusal: `${name}.${namespace} is ${phase || "new"}: ${refusal}` };
}

function refusalOf(verb: Verb, facts: Facts, wish: Wish): string | undefined {
  if (facts.refusal !== undefined)
    return "the operator refuses this Canary and takes no turn for it; mend its spec first";
  switch (verb) {
    case "retry":
      return facts.phase === "Failed" ? undefined : "only a release that failed can be tried again";
    case "undo":
      return ["Succeeded", "Initialized", "Failed"].includes(facts.phase)
        ? undefined
        : "a release is under way; abort it, then undo";
    case "pause":
      return facts.hold === undefined ? notRunning(facts) : `already paused by ${facts.hold.by}`;
    case "resume":
      return facts.hold === undefined && isRunning(facts) ? "it is not paused" : notRunning(facts);
    case "override":
      return overrideRefusal(facts);
    case "skip":
      return facts.phase === "Progressing" ? skipRefusal(facts, wish) : NO_STEPS;
    case "set-weight":
      return facts.phase === "Progressing" ? weightRefusal(facts, wish) : NO_STEPS;
    case "approve":
    case "refuse":
      return notRunning(facts) ?? gateRefusal(facts, wish);
    default:
      return notRunning(facts);
  }
}

const NO_STEPS = "only an analysis that is under way has steps";

function skipRefusal(facts: Facts, { to = {}, gatesToo = false }: Wish): string | undefined {
  const { plan, step } = facts;
  if (plan === undefined || (to.step ?? to.weight) === undefined) return undefined;
  const target = targetOf(facts, to);
  if (plan.steps[target - 1] === undefined) return `there is no such step: the plan has ${plan.steps.length}`;
  if (target <= step) return `it stands on step ${step} already`;
  const gates = gatesBetween(facts, target);
  return gates.length === 0 || gatesToo
    ? undefined
    : `gates are in between: ${gates.join(", ")}; skip them by --gates-too`;
}

function weightRefusal({ plan, spec, step }: Facts, { to }: Wish): string | undefined {
  if (plan === undefined || spec === undefined) return undefined;
  if (plan.steps[step - 1]?.announcement.kind !== "weight") return "it does not stand on a step with a weight";
  const most = maxWeightOf(spec);
  return (to?.weight ?? 0) > most ? `the largest weight of this Canary is ${most} %` : undefined;
}

function gateRefusal(facts: Facts, { gate }: Wish): string | undefined {
  const { phase, step, plan } = facts;
  if (plan === undefined) return undefined;
  // A release that waits has one kind of gate, also where the status does not tell its step.
  const isAnalysed = phase === "Progressing";
  const gates = isAnalysed ? hooksOf(facts, gateTypesAhead(phase, step, plan)) : gatesOf(facts);
  if (gates.length === 0) return "no gate is ahead";
  return gate === undefined || gates.includes(gate)
    ? undefined
    : `it has no gate "${gate}", but ${gates.join(" and ")}`;
}

/** The number of the step that `skip` leads to; 0 when no step has so much weight. */
const targetOf = ({ plan }: Facts, { step, weight = 101 }: NonNullable<Wish["to"]>): number =>
  step ?? (plan?.steps ?? []).findIndex((one) => one.weight >= weight) + 1;

/** Names of the gates that a skip to a step passes. */
const gatesBetween = (facts: Facts, target: number): readonly string[] => [
  ...new Set(
    hooksOf(
      facts,
      (facts.plan?.steps ?? []).slice(facts.step, target).flatMap(({ gates }) => gates),
    ),
  ),
];

/** The status tells a freeze that keeps a release from beginning. Of one that holds a run only the operator knows. */
function overrideRefusal({ frozen, override, phase }: Facts): string | undefined {
  const mayBeHeld = RUNNING.includes(phase) || phase === "Failed";
  // A second freeze may hold a run whose first freeze was overridden.
  if (override !== undefined && !mayBeHeld) return `${override.by} has overridden the freeze already`;
  return frozen === undefined && !mayBeHeld ? "no new revision waits for the end of a freeze" : undefined;
}

const notRunning = (facts: Facts): string | undefined => (isRunning(facts) ? undefined : "no release is under way");

function effectOf(verb: Verb, facts: Facts, wish: Wish): string {
  const { weight, step, plan } = facts;
  const steps = plan?.steps ?? [];
  const here = `${weight} % (step ${step} of ${steps.length})`;
  switch (verb) {
    case "pause":
      return `stays at ${here}${wish.for === undefined ? "" : ` for ${wish.for}`}; ${
        wish.freezeChecks === true
          ? "nothing is checked meanwhile, so nothing rolls back"
          : "checks go on and still roll back"
      }`;
    case "resume":
      return `goes on from ${here}, after a full interval`;
    case "approve":
      return `passes the gate ${wish.gate ?? (gatesOf(facts).join(" or ") || "that it waits for")}, once, for this revision`;
    case "refuse":
      return `does not pass the gate ${wish.gate ?? (gatesOf(facts).join(" or ") || "that it waits for")}: it is rolled back`;
    case "promote":
      return nextStep(facts);
    case "promote-full":
      return `${weight} % -> promotion: the remaining steps, gates and checks are skipped; the primary must still get ready`;
    case "abort":
      return `${weight} % -> 0 %: all traffic goes to the primary, and the release fails`;
    case "retry":
      return "analyses the same revision again, from the first step";
    case "undo":
      return `gets back what was promoted ${wish.to?.run === undefined ? "before" : `in ${wish.to.run}`}; the target stays as it is in Git`;
    case "skip": {
      const to = targetOf(facts, wish.to ?? {});
      const between = gatesBetween(facts, to);
      const skipped = between.length === 0 ? "" : `; not called: ${between.join(", ")}`;
      return `${weight} % -> ${steps[to - 1]?.weight ?? "?"} % (step ${to} of ${steps.length})${skipped}`;
    }
    case "set-weight":
      return `${weight} % -> ${wish.to?.weight} %, and stays there until \`resume\``;
    case "override":
      return "goes on though a freeze is in force, this revision alone and until its run ends; checks and gates stay";
  }
}

/** Names of the webhooks of these types. */
const hooksOf = ({ spec }: Pick<Facts, "spec">, types: readonly string[]): readonly string[] =>
  (spec?.analysis.webhooks ?? []).filter(({ type }) => types.includes(type)).map(({ name }) => name);

function nextStep({ weight, step, plan, spec, phase }: Facts): string {
  const steps = plan?.steps ?? [];
  const next = steps[step];
  if (phase === "WaitingPromotion" || next === undefined) return `${weight} % -> promotion; its gates are not called`;
  const hooks = hooksOf({ spec }, next.gates);
  const gates = hooks.length === 0 ? "" : `; not called: ${hooks.join(", ")}`;
  const wait = spec === undefined ? "" : `; next check in ${Math.round(spec.analysis.intervalMs / 1000)} s`;
  return `${weight} % -> ${next.weight} % (step ${step + 1} of ${steps.length})${gates}${wait}`;
}
