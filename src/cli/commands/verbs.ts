/** The commands of the verbs: one implementation, and a row for each verb. */
import type { Verb } from "../../core/people/steering.ts";
import { asUserError, connectCluster } from "../cluster.ts";
import { type Command, type CommandContext, type ExitCode, UserError } from "../command.ts";
import { confirm } from "../confirm.ts";
import {
  describeOptions,
  durationOf,
  type OptionSpec,
  OUTPUT,
  oneOf,
  type ReadOptions,
  readOptions,
} from "../options.ts";
import { actionFor, answerOf, createAction, type Wish } from "../steer/action.ts";
import { factsOf } from "../steer/facts.ts";
import { CANARY_OPTIONS } from "../steer/options.ts";
import { previewOf } from "../steer/preview.ts";
import { canaryAndWord, canaryOf, canaryWord } from "../steer/seen.ts";
import { undoPreview } from "../steer/undo.ts";

interface VerbRow {
  readonly summary: string;
  /** Words after the Canary. */
  readonly word?: "GATE" | "WEIGHT";
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly example: string;
}

type CommandName = Exclude<Verb, "promote-full">;

export const VERB_ROWS: Readonly<Record<CommandName, VerbRow>> = {
  pause: {
    summary: "hold a release at its weight; checks go on, and still roll back",
    options: {
      for: { type: "string", help: "end the pause by itself after this time, e.g. 2h" },
      "freeze-checks": { type: "boolean", help: "ask no checks meanwhile: nothing rolls back" },
    },
    example: 'pause canary/podinfo -n test --for 2h --reason "watching payments"',
  },
  resume: { summary: "go on with a release that is paused", example: "resume canary/podinfo -n test" },
  approve: {
    summary: "let a release through the gate that it waits for, once",
    word: "GATE",
    example: "approve canary/podinfo -n test ask-alice",
  },
  refuse: {
    summary: "close the gate that a release waits for: the release is rolled back",
    word: "GATE",
    example: "refuse canary/podinfo -n test ask-alice",
  },
  promote: {
    summary: "take the next step now; --full: promote now",
    options: { full: { type: "boolean", help: "skip all remaining steps, gates and checks" } },
    example: "promote canary/podinfo -n test --full --yes",
  },
  abort: { summary: "roll a release back", example: 'abort canary/podinfo -n test --yes --reason "wrong image"' },
  retry: { summary: "analyse a revision that failed once more", example: "retry canary/podinfo -n test" },
  undo: {
    summary: "give the primary back what was promoted before",
    options: {
      to: { type: "string", help: "name of a run: its revision; else the one before (`history` lists runs)" },
    },
    example: "undo canary/podinfo -n test --to podinfo-20260101t000100-85d557 --dry-run",
  },
  skip: {
    summary: "go forward to a later step",
    options: {
      "to-step": { type: "string", help: "number of the step" },
      "to-weight": { type: "string", help: "first step with this weight or more" },
      "gates-too": { type: "boolean", help: "do not call the gates in between" },
    },
    example: "skip canary/podinfo -n test --to-weight 50",
  },
  "set-weight": {
    summary: "set the canary's share by hand, and hold it",
    word: "WEIGHT",
    example: "set-weight canary/podinfo -n test 15",
  },
  override: {
    summary: "let one release go on during a freeze: an urgent fix",
    example: 'override canary/podinfo -n test --reason "fix of the payments outage"',
  },
};

const COMMON = {
  reason: { type: "string", help: "for the record and for those who look on" },
  "dry-run": { type: "boolean", help: "say what would happen; the cluster checks the rights" },
  yes: { type: "boolean", short: "y", help: "do not ask" },
  timeout: { type: "string", preset: "30s", help: "for the operator's answer" },
  ...OUTPUT,
  ...CANARY_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export function verbCommand(name: CommandName): Command {
  const { word, options: own = {}, example } = VERB_ROWS[name];
  const table = { ...own, ...COMMON };
  return {
    help: `Usage: aviary ${name} canary/NAME${word === undefined ? "" : ` ${word === "GATE" ? "[GATE]" : word}`} [OPTIONS]

Says first what will happen, then asks the operator, and prints its answer. Exit code 1 when the operator refuses.

Examples:
  aviary ${example}

${describeOptions(table)}`,
    run: (context) => act(name, readOptions(context.argv, table), context),
  };
}

/** Verbs that no other verb undoes: a terminal is asked, and without one --yes is needed. */
const GRAVE: readonly Verb[] = ["promote-full", "undo", "abort"];

async function act(name: CommandName, options: ReadOptions, context: CommandContext): Promise<ExitCode> {
  const { env, out, err, signal } = context;
  const asJson = oneOf(options, "output", ["text", "json"]) === "json";
  const takesWord = VERB_ROWS[name].word !== undefined;
  const { name: canaryName, word } = takesWord
    ? canaryAndWord(options.words)
    : { name: canaryWord(options.words), word: undefined };
  const wish = wishOf(name, word, options);
  const verb: Verb = name === "promote" && options.flag("full") ? "promote-full" : name;
  const timeout = spanOf(options, "timeout") ?? 30_000;
  const client = await connectCluster(options, env);
  const at = { namespace: options.text("namespace") ?? client.namespace, name: canaryName };
  try {
    const canary = await canaryOf(client, at, signal);
    const facts = factsOf(canary);
    const undo = verb === "undo" ? await undoPreview(client, canary, wish.to?.run, signal) : {};
    const { text, refusal } = previewOf(verb, facts, wish, undo);
    err(`cluster: ${client.name}\n`);
    if (refusal !== undefined) throw new UserError(refusal);
    err(`${text}\n`);
    const dryRun = options.flag("dry-run");
    if (GRAVE.includes(verb) && !dryRun) await confirm(`${verb} ${canaryName}?`, options.flag("yes"), context);
    const action = await actionFor(client, facts, verb, wish, signal);
    await createAction(client, action, dryRun, signal);
    const answer = dryRun ? undefined : await answerOf(client, action, timeout, signal);
    if (asJson) out(`${JSON.stringify({ action: action.metadata.name, spec: action.spec, dryRun, status: answer })}\n`);
    else if (answer === undefined) out(`action ${verb} of canary/${canaryName} would be asked for (dry run)\n`);
    else out(`action ${action.metadata.name} ${answer.phase.toLowerCase()}: ${answer.message}\n`);
    return answer === undefined || answer.phase === "Applied" ? 0 : 1;
  } catch (error) {
    throw asUserError(error);
  }
}

function wishOf(name: CommandName, word: string | undefined, options: ReadOptions): Wish {
  const reason = options.text("reason");
  const common = reason === undefined ? {} : { reason };
  if (name === "approve" || name === "refuse") return { ...common, ...(word === undefined ? {} : { gate: word }) };
  if (name === "override" && (reason ?? "").trim() === "") {
    throw new UserError('say why the freeze does not count for this release: --reason "..."', 2);
  }
  if (name === "set-weight") return { ...common, to: { weight: numberOf(word, "the weight", 0, 100) } };
  if (name === "pause") {
    const pauseFor = options.text("for");
    spanOf(options, "for");
    return {
      ...common,
      ...(pauseFor === undefined ? {} : { for: pauseFor }),
      ...(options.flag("freeze-checks") ? { freezeChecks: true } : {}),
    };
  }
  if (name === "undo") {
    const run = options.text("to");
    return { ...common, ...(run === undefined ? {} : { to: { run } }) };
  }
  if (name !== "skip") return common;
  const [step, weight] = [options.text("to-step"), options.text("to-weight")];
  if ((step === undefined) === (weight === undefined)) throw new UserError("give --to-step or --to-weight", 2);
  const to =
    step === undefined
      ? { weight: numberOf(weight, "--to-weight", 1, 100) }
      : { step: numberOf(step, "--to-step", 1, 10_000) };
  return { ...common, to, ...(options.flag("gates-too") ? { gatesToo: true } : {}) };
}

function numberOf(text: string | undefined, what: string, least: number, most: number): number {
  if (text === undefined) throw new UserError(`give ${what}, a whole number from ${least} to ${most}`, 2);
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UserError(`${what} must be a whole number from ${least} to ${most}, found "${text}"`, 2);
  }
  return value;
}

/** @returns milliseconds; undefined when the option is not given @throws UserError (exit code 2) */
function spanOf(options: ReadOptions, name: string): number | undefined {
  const text = options.text(name);
  return text === undefined ? undefined : durationOf(text, name, "30s or 2h");
}
