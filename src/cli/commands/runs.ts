/** What happened: why, history, run, diff, replay. Read from the CanaryRuns that the operator writes. */
import { gunzipSync } from "node:zlib";
import { type JournalLine, type ReplayedTurn, replay } from "../../core/record/journal.ts";
import type { RecordedCheck } from "../../core/record/run-record.ts";
import type { CanaryStatus } from "../../core/status/canary.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, type ClusterClient, connectCluster } from "../cluster.ts";
import { coloured, type Paint } from "../colour.ts";
import { alignColumns, humanAge } from "../columns.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, type ReadOptions, readOptions } from "../options.ts";
import { factsOf, reasonFrom } from "../steer/facts.ts";
import { incidentOf } from "../steer/incident.ts";
import { limitText } from "../steer/limits.ts";
import { CANARY_OPTIONS } from "../steer/options.ts";
import {
  type CanaryName,
  canaryAndWord,
  canaryOf,
  canaryWord,
  copiesOf,
  eventsOf,
  podText,
  runsOf,
} from "../steer/seen.ts";
import { eventText } from "../steer/tree.ts";

const OPTIONS = { ...OUTPUT, ...CANARY_OPTIONS } as const satisfies Record<string, OptionSpec>;

interface Asked {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly asJson: boolean;
  readonly options: ReadOptions;
  readonly paint: Paint;
  readonly context: CommandContext;
}

/** What the five commands share: options, the cluster, and errors for people. */
function reading(
  usage: string,
  examples: readonly string[],
  run: (asked: Asked) => Promise<void>,
  own: Readonly<Record<string, OptionSpec>> = {},
  outputs: readonly string[] = ["text", "json"],
): Command {
  const table = { ...OPTIONS, ...own };
  const shown = examples.map((example) => `  aviary ${example}\n`).join("");
  return {
    help: `Usage: aviary ${usage} [OPTIONS]\n\nExamples:\n${shown}\n${describeOptions(table)}`,
    async run(context) {
      const options = readOptions(context.argv, table);
      const asJson = oneOf(options, "output", outputs) === "json";
      if (options.words.length === 0) throw new UserError(`use: aviary ${usage}`, 2);
      const client = await connectCluster(options, context.env);
      const namespace = options.text("namespace") ?? client.namespace;
      try {
        await run({ client, namespace, asJson, options, paint: coloured(context.env), context });
      } catch (error) {
        throw asUserError(error);
      }
      return 0;
    },
  };
}

async function runNamed({ client, namespace, context }: Asked, word: string): Promise<KubeObject> {
  const name = word.replace(/^(?:canary)?runs?\//, "");
  const run = await client.kube.get({ type: STEERING.run, namespace, name }, context.signal);
  if (run === undefined)
    throw new UserError(`run "${name}" not found in namespace ${namespace}; see \`aviary history\``);
  return run;
}

export const historyCommand = reading("history canary/NAME", ["history canary/podinfo -n test"], async (asked) => {
  const { client, namespace, asJson, options, paint, context } = asked;
  const name = canaryWord(options.words);
  await canaryOf(client, { namespace, name }, context.signal);
  const runs = await runsOf(client, { namespace, name }, context.signal);
  if (asJson) context.out(`${JSON.stringify(runs.map(withoutJournal), null, 2)}\n`);
  else if (runs.length === 0) context.err(`no run of canary/${name} is recorded\n`);
  else {
    const rows = runs.map((run) => {
      const { spec = {}, status = {} } = run;
      const images = Object.values(spec.images ?? {}).map((image) => String(image).split("/").at(-1));
      return [run.metadata.name, status.verdict, spec.startedAt, tookText(run), images.join(","), status.sentence].join(
        "\t",
      );
    });
    const [head = "", ...lines] = alignColumns(["RUN\tVERDICT\tSTARTED\tTOOK\tIMAGE\tWHAT", ...rows]).split("\n");
    context.out(`${[paint.bold(head), ...lines].join("\n")}\n`);
  }
});

function tookText({ spec, status }: KubeObject): string {
  const [from, to] = [Date.parse(spec?.startedAt ?? ""), Date.parse(status?.endedAt ?? "")];
  return Number.isFinite(to - from) ? humanAge(to - from) : "";
}

const withoutJournal = ({ status, ...run }: KubeObject): KubeObject => {
  const { journal: _journal, ...rest } = status ?? {};
  return { ...run, status: rest } as KubeObject;
};

export const runCommand = reading("run RUN", ["run podinfo-20260101t000100-85d557 -n test"], async (asked) => {
  const { asJson, options, paint, context } = asked;
  const run = await runNamed(asked, options.words[0] ?? "");
  context.out(asJson ? `${JSON.stringify(run, null, 2)}\n` : runReport(run, paint));
});

function runReport({ metadata, spec = {}, status = {} }: KubeObject, paint: Paint): string {
  const images = Object.entries(spec.images ?? {}).map(([name, image]) => {
    const before = spec.previousImages?.[name];
    return `  ${name}  ${before === undefined || before === image ? image : `${before} -> ${image}`}`;
  });
  const timeline = (status.timeline ?? []).map((entry: KubeFields) => {
    const text = `  ${entry.at}  ${entry.phase}  ${entry.message}`;
    return entry.type === "Warning" ? paint.warn(text) : text;
  });
  const people = (status.people ?? []).map(
    ({ at, verb, by, outcome, message, reason }: KubeFields) =>
      `  ${at}  ${verb} by ${by}: ${outcome}, ${message}${reason ? ` ("${reason}")` : ""}`,
  );
  const block = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [paint.bold(title), ...lines]);
  return `${[
    `${paint.bold(metadata.name)}  ${paint.states(String(status.sentence ?? status.verdict ?? ""))}`,
    `  ${spec.strategy}, began ${spec.startedAt}${status.endedAt ? `, ended ${status.endedAt}` : ""}`,
    ...block("images", images),
    ...block(
      "changed configuration",
      (spec.changedConfigs ?? []).map((name: string) => `  ${name}`),
    ),
    ...block("checks", checkTable(status.checks ?? [], paint)),
    ...block("timeline", timeline),
    ...block("people", people),
    ...(status.gaps > 0 ? [paint.warn(`${status.gaps} turns are missing from this record`)] : []),
  ].join("\n")}\n`;
}

function checkTable(checks: readonly RecordedCheck[], paint: Paint): readonly string[] {
  if (checks.length === 0) return [];
  const rows = checks.map(({ at, step, weight, check, of, passed, value, text, min, max, detail, requests }) => {
    const limits = limitText({ min, max });
    const shown = value ?? text;
    // A value and its limit say why; a check without a value says it in words.
    const why = shown === undefined ? (detail ?? "").replace(/^Halt advancement /, "") : "";
    const verdict = passed ? "pass" : "fail";
    const cells = ["", at, step, `${weight} %`, check, of, verdict, shown ?? "no value", limits, requests ?? "", why];
    return cells.join("\t");
  });
  const head = "\tAT\tSTEP\tWEIGHT\tCHECK\tOF\tVERDICT\tVALUE\tLIMIT\tREQUESTS\tWHY";
  const lines = alignColumns([head, ...rows]).split("\n");
  return lines.map(paint.states);
}

const WHY_OPTIONS = { output: { ...OUTPUT.output, help: "text, json, or md for an incident" } } as const;

export const whyCommand = reading(
  "why canary/NAME [RUN]",
  ["why canary/podinfo -n test", "why canary/podinfo -n test -o md > incident.md"],
  why,
  WHY_OPTIONS,
  ["text", "json", "md"],
);

async function why(asked: Asked): Promise<void> {
  const { client, namespace, asJson, options, paint, context } = asked;
  const { name, word: wanted } = canaryAndWord(options.words);
  const at: CanaryName = { namespace, name };
  const canary = await canaryOf(client, at, context.signal);
  const run = wanted === undefined ? (await runsOf(client, at, context.signal))[0] : await runNamed(asked, wanted);
  const events = await eventsOf(client, canary, context.signal);
  const copies = await copiesOf(client, canary, context.signal);
  const facts = factsOf(canary);
  const sentence = String(run?.status?.sentence ?? reasonFrom(facts, events) ?? facts.what);
  const failed = (run?.status?.checks ?? []).filter((check: RecordedCheck) => !check.passed);
  const notReady = [copies.canary, copies.primary].flatMap((copy) =>
    (copy?.pods ?? []).filter((pod) => !isReady(pod)).map(podText),
  );
  const warnings = run === undefined ? lastReleaseOf(events).filter((event) => event["type"] === "Warning") : [];
  if (asJson) {
    const said = warnings.map((event) => String(event["message"]));
    const { cause } = run?.status ?? {};
    context.out(
      `${JSON.stringify({ run: run?.metadata.name, sentence, cause, failed, notReady, warnings: said }, null, 2)}\n`,
    );
    return;
  }
  if (options.text("output") === "md") {
    context.out(incidentOf({ title: `${name}.${namespace}`, sentence, run, failed, notReady }));
    return;
  }
  const block = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : [paint.bold(title), ...lines]);
  const lines = [
    `${paint.bold(`${name}.${namespace}`)}  ${wanted ?? paint.states(facts.phase || "-")}  ${sentence}`,
    ...block("failed checks", checkTable(failed, paint)),
    ...block(
      "warnings of the last release",
      warnings.map((event) => eventText(event, systemClock.now(), paint)),
    ),
    ...block(
      "pods that are not ready",
      notReady.map((text) => `  ${text}`),
    ),
  ];
  context.out(`${lines.join("\n")}\n`);
}

const isReady = ({ status }: KubeObject): boolean =>
  (status?.conditions ?? []).some(({ type, status: is }: KubeFields) => type === "Ready" && is === "True");

/** Events since the last release began. */
function lastReleaseOf(events: readonly KubeObject[]): readonly KubeObject[] {
  const begins = events.findLastIndex((event) => String(event["message"]).startsWith("New revision detected"));
  return events.slice(Math.max(0, begins));
}

export const diffCommand = reading("diff RUN RUN", ["diff RUN-OF-MONDAY RUN-OF-TODAY -n test"], async (asked) => {
  const { asJson, options, context } = asked;
  if (options.words.length !== 2) throw new UserError("name two runs", 2);
  const [a, b] = await Promise.all(options.words.map((word) => runNamed(asked, word)));
  const rows = Object.entries(comparable(a)).flatMap(([key, left]) => {
    const right = comparable(b)[key];
    return left === right ? [] : [{ key, left: left ?? "", right: right ?? "" }];
  });
  const more = Object.entries(comparable(b)).flatMap(([key, right]) =>
    key in comparable(a) ? [] : [{ key, left: "", right }],
  );
  const differences = [...rows, ...more];
  if (asJson) context.out(`${JSON.stringify(differences, null, 2)}\n`);
  else if (differences.length === 0) context.out("the two runs are alike\n");
  else {
    const table = differences.map(({ key, left, right }) => [key, left || "-", right || "-"].join("\t"));
    context.out(`${alignColumns([`WHAT\t${options.words.join("\t")}`, ...table])}\n`);
  }
});

/** What two runs are compared by: images, configuration, plan, and the last value of each check at each step. */
function comparable(run: KubeObject | undefined): Readonly<Record<string, string>> {
  const { spec = {}, status = {} } = run ?? {};
  const images = Object.entries(spec.images ?? {}).map(([name, image]) => [`image ${name}`, String(image)]);
  const configs = (spec.changedConfigs ?? []).map((name: string) => [`changed ${name}`, "yes"]);
  const checks = (status.checks ?? []).map((check: RecordedCheck) => {
    const value = check.value ?? check.text ?? check.detail ?? "no value";
    return [`step ${check.step} ${check.check} of ${check.of}`, `${value} ${check.passed ? "pass" : "fail"}`];
  });
  const steps = (spec.steps ?? []).map(({ weight }: KubeFields) => weight).join(",");
  return Object.fromEntries([
    ["verdict", String(status.verdict ?? "")],
    ["strategy", String(spec.strategy ?? "")],
    ["steps", steps],
    ["threshold", String(spec.threshold ?? "")],
    ...images,
    ...configs,
    ...checks,
  ]);
}

export const replayCommand = reading(
  "replay RUN",
  ["replay podinfo-20260101t000100-85d557 -n test --turn 12"],
  async (asked) => {
    const { asJson, options, context } = asked;
    const run = await runNamed(asked, options.words[0] ?? "");
    const turns = journalOf(run);
    const wanted = options.text("turn");
    const chosen = wanted === undefined ? turns : [turns[Number(wanted) - 1]];
    if (chosen[0] === undefined) throw new UserError(`--turn must be from 1 to ${turns.length}, found "${wanted}"`, 2);
    if (asJson || wanted !== undefined) {
      context.out(`${JSON.stringify(wanted === undefined ? turns : chosen[0], null, 2)}\n`);
      return;
    }
    for (const [i, line] of turnTexts(turns).entries()) context.out(`${String(i + 1).padStart(4)}  ${line}\n`);
  },
  { turn: { type: "string", help: "only this turn, whole" } },
);

/** What each turn knew and decided; a journal of another form is printed as it is. */
function turnTexts(turns: readonly unknown[]): readonly string[] {
  try {
    return replay(turns as readonly JournalLine[]).map(turnText);
  } catch {
    return turns.map((turn) => JSON.stringify(turn).slice(0, 300));
  }
}

function turnText({ input, next, transition }: ReplayedTurn): string {
  const { status, observation, now } = input;
  const asked = observation.answers.map(({ probe, answer }) => {
    const name = probe.kind === "metric" ? probe.metric.name : probe.kind === "hook" ? probe.hook.name : probe.kind;
    return `${name} ${answer.kind === "value" ? answer.value : answer.kind}`;
  });
  const place = ({ phase, canaryWeight, ...rest }: CanaryStatus) =>
    `${phase || "new"}${"step" in rest && rest.step > 0 ? ` step ${rest.step}` : ""} ${canaryWeight} %`;
  const [from, to] = [place(status), place(next)];
  const said = (transition?.events ?? []).map(({ message }) => message);
  const other = transition === undefined || transition.status.phase !== next.phase ? "decided otherwise now" : "";
  const parts = [from === to ? from : `${from} -> ${to}`, asked.join(", "), said.join("; "), other];
  return [new Date(now).toISOString(), ...parts.filter((part) => part !== "")].join("  ");
}

function journalOf({ metadata, status }: KubeObject): readonly unknown[] {
  const { journal } = status ?? {};
  if (typeof journal !== "string") throw new UserError(`run ${metadata.name} has no journal`);
  try {
    const text = gunzipSync(Buffer.from(journal, "base64"), { maxOutputLength: 64 * 1024 * 1024 }).toString("utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    throw new UserError(`the journal of run ${metadata.name} cannot be read`, 1, { cause });
  }
}
