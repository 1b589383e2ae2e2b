/**
 * What a verb will do, before it is asked for. The operator decides; this is what the person who types should expect.
 */
import type { Verb } from "../../core/steering.ts";
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

function refusalOf(verb: Verb, facts: Facts, { to }: Wish): string | undefined {
  if (facts.refusal !== undefined)
    return "the operator refuses this Canary and takes no turn for it; mend its spec first";
  switch (verb) {
    case "retry":
      return facts.phase === "Failed" ? undefined : "only a release that failed can be tried again";
    case "undo":
      return ["Succeeded", "Initialized", "Failed"].includes(facts.phase)
        ? undefined
        : "a release is under way; abort it, then undo";
    case "resume":
      return facts.hold === undefined && isRunning(facts) ? "it is not paused" : notRunning(facts);
    case "override":
      return overrideRefusal(facts);
    case "skip":
    case "set-weight":
      if (facts.phase !== "Progressing") return "only an analysis that is under way has steps";
      return to?.step !== undefined && to.step <= facts.step ? `it stands on step ${facts.step} already` : undefined;
    default:
      return notRunning(facts);
  }
}

/** The status tells a freeze that keeps a release from beginning. Of one that holds a run only the operator knows. */
function overrideRefusal({ frozen, override, phase }: Facts): string | undefined {
  const mayBeHeld = RUNNING.includes(phase) || phase === "Failed";
  // A second freeze may hold a run whose first freeze was overridden.
  if (override !== undefined && !mayBeHeld) return `${override.by} has overridden the freeze already`;
  return frozen === undefined && !mayBeHeld ? "no new revision waits for the end of a freeze" : undefined;
}

const notRunning = (facts: Facts): string | undefined => (isRunning(facts) ? undefined : "no release is under way");

function effectOf(verb: Verb, facts: Facts, wish: Wish): string {
  const { weight, step, plan, spec } = facts;
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
      const to = wish.to?.step ?? steps.findIndex((one) => one.weight >= (wish.to?.weight ?? 101)) + 1;
      const types = steps.slice(step, Math.max(step, to - 1)).flatMap(({ gates }) => gates);
      const between = hooksOf(facts, types);
      const skipped = between.length === 0 ? "" : `; gates in between: ${between.join(", ")}`;
      return `${weight} % -> ${steps[to - 1]?.weight ?? "?"} % (step ${to} of ${steps.length})${skipped}`;
    }
    case "set-weight":
      return `${weight} % -> ${wish.to?.weight} %, and stays there until \`resume\`; at most ${spec?.analysis.maxWeight || 100} %`;
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
