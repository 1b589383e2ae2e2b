/**
 * Runs a Canary in a simulated cluster: what would it do with a release like that, and how many requests would fail?
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { doubtText } from "../../core/spec/doubts.ts";
import { didYouMean } from "../../core/spec/nearest.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { type AskedScenario, scenarioFrom } from "../../simulate/ask.ts";
import type { Scenario } from "../../simulate/scenario.ts";
import { readScenario as readScenarioText } from "../../simulate/scenario-file.ts";
import { createTimeline } from "../../simulate/timeline.ts";
import { run } from "../../simulate/universe.ts";
import { CALM } from "../../simulate/weather.ts";
import { givenManifests, hopelessOf, planned } from "../canaries.ts";
import { type Command, UserError } from "../command.ts";
import { parseDocuments, readForShow } from "../manifests.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, type ReadOptions, readOptions } from "../options.ts";
import { visibleFields } from "../visible-answers.ts";
import { describeTimeline } from "./simulate-report.ts";
import { simulateRuns, simulateStories } from "./simulate-runs.ts";

const OPTIONS = {
  "error-rate": { type: "string", help: "percent of failed requests: 2, 0@0s,5@90s (time) or 0@0w,5@30w (weight)" },
  latency: { type: "string", help: "99th percentile in milliseconds, likewise" },
  "ready-after": { type: "string", help: "from the start of a pod until it can serve, e.g. 30s" },
  crash: { type: "string", help: "start: never gets ready; 60s: goes down so long after; primary: only there" },
  rps: { type: "string", help: "requests per second, constant or over time" },
  matched: { type: "string", help: "percent of the requests that an A/B test matches" },
  metric: { type: "string", help: "other metrics: NAME=VALUE, several apart by ;" },
  "metric-gap": { type: "string", help: "no metrics meanwhile: 30s-90s" },
  hook: { type: "string", help: "NAME=passes, fails, hangs, opens@60s, fails-first@2; several apart by ;" },
  replicas: { type: "string", help: "pods of the target" },
  image: { type: "string", help: "the image that is released" },
  until: { type: "string", help: "give up so long after the last thing that a user did (default 1h)" },
  scenario: { type: "string", help: "YAML file with a scenario; options above win over it" },
  runs: { type: "string", help: "so many random rollouts in bad weather instead; fails when a rule is broken" },
  keep: { type: "string", help: "with --runs 1: only these of its troubles, as a failure says" },
  stories: { type: "boolean", help: "every story with every single fault at every call instead" },
  jobs: { type: "string", help: "threads that share the rollouts of --runs and --stories (default: one per core)" },
  seed: { type: "string", preset: "1", help: "of everything that is chance" },
  ...OUTPUT,
} as const satisfies Record<string, OptionSpec>;

export const simulateCommand: Command = {
  help: `Usage: aviary simulate [FILE|FOLDER|-...] [OPTIONS]

Without a file, an example is simulated.

Examples:
  aviary simulate --error-rate 0@10w,8@20w
  aviary simulate examples/podinfo --latency 600 --rps 20
  aviary simulate --runs 200 --seed 1

${describeOptions(OPTIONS)}`,
  async run({ argv, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    refuseMixtures(options, asJson);
    const jobs = options.text("jobs") === undefined ? availableParallelism() : wholeNumber(options, "jobs", 1);
    if (options.flag("stories")) return simulateStories(jobs, { out, signal });
    if (options.text("runs") !== undefined) {
      const [runs, seed] = [wholeNumber(options, "runs", 1), wholeNumber(options, "seed")];
      return simulateRuns({ runs, seed, keep: options.text("keep"), jobs }, { out, signal });
    }
    const timeline = createTimeline();
    const seed = wholeNumber(options, "seed");
    const { assumed, ...scenario } = readScenario(options);
    const examined = planned(scenario.canary, DEFAULT_PROVIDER);
    const notes = [...examined.notes, ...examined.doubts.map(doubtText)];
    refuseUnknownNames(scenario.canary, options, readScenarioFile(options.text("scenario")));
    const hopeless = hopelessOf(examined);
    // The simulation has values for every metric: it would show a success that no cluster can have.
    if (hopeless.length > 0) throw new UserError(hopeless.join("\n"));
    await run({ scenario, weather: CALM, seed, watchers: [timeline.watch] });
    const told = timeline.read();
    const said = [...notes.map((note) => `note: ${note}\n`), ...assumed.map((text) => `assumed: ${text}\n`)];
    if (asJson) out(`${JSON.stringify({ notes, assumed, ...told }, null, 2)}\n`);
    else out([...said, ...(said.length === 0 ? [] : ["\n"]), describeTimeline(told)].join(""));
    return told.noRelease === undefined ? 0 : 1;
  },
};

/** A webhook or metric that the Canary does not have would be described for nothing. @throws UserError (exit code 2) */
function refuseUnknownNames(canary: KubeObject, options: ReadOptions, file: Partial<Scenario>): void {
  const analysis = canary.spec?.analysis ?? canary.spec?.canaryAnalysis ?? {};
  const named = (list: unknown) => (Array.isArray(list) ? list : []).map(({ name }: { name: string }) => name);
  const asked = (option: string) =>
    (options.text(option) ?? "")
      .split(";")
      .flatMap((part) => (part.includes("=") ? [part.replace(/=[^=]*$/, "")] : []));
  const check = (what: string, wanted: readonly string[], known: readonly string[]) => {
    const unknown = wanted.find((name) => !known.includes(name));
    if (unknown === undefined) return;
    const has = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
    const { name } = canary.metadata;
    const hint = didYouMean(unknown, known);
    throw new UserError(`canary/${name} has no ${what} "${unknown}"${hint}: ${has}`, 2);
  };
  check("webhook", [...asked("hook"), ...Object.keys(file.hooks ?? {})], named(analysis.webhooks));
  check("metric", [...asked("metric"), ...Object.keys(file.metrics ?? {})], named(analysis.metrics));
}

/** As the operator's own. */
const CAMPAIGN = ["runs", "keep", "stories", "jobs"];

/** What would be ignored is refused. */
function refuseMixtures(options: ReadOptions, asJson: boolean): void {
  const runs = options.text("runs");
  if (options.text("keep") !== undefined && runs !== "1") throw new UserError("--keep needs --runs 1", 2);
  if (runs === undefined && !options.flag("stories")) {
    if (options.text("jobs") !== undefined) throw new UserError("--jobs needs --runs or --stories", 2);
    return;
  }
  const scenarioOptions = Object.keys(OPTIONS).filter((name) => ![...CAMPAIGN, "seed", "output"].includes(name));
  const extra = options.words[0] ?? scenarioOptions.find((name) => options.text(name) !== undefined);
  if (extra !== undefined)
    throw new UserError(`--runs and --stories make up their own rollouts: leave out ${extra}`, 2);
  if (asJson) throw new UserError("--runs and --stories print text only", 2);
}

function readScenario(options: ReadOptions): AskedScenario {
  const file = readScenarioFile(options.text("scenario"));
  const manifests = manifestsOf(options, file.canary !== undefined);
  const canary = file.canary ?? manifests.find(({ kind }) => kind === "Canary");
  // What would be refused is refused before its target is looked for.
  if (canary !== undefined) planned(canary, DEFAULT_PROVIDER, givenManifests(manifests));
  try {
    return scenarioFrom(
      {
        errorRate: options.text("error-rate"),
        latency: options.text("latency"),
        readyAfter: options.text("ready-after"),
        crash: options.text("crash"),
        rps: options.text("rps"),
        matched: options.text("matched"),
        metricGap: options.text("metric-gap"),
        metrics: options.text("metric"),
        hooks: options.text("hook"),
        replicas: options.text("replicas"),
        image: options.text("image"),
        until: options.text("until"),
      },
      manifests,
      file,
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(error.message, 2);
    throw error;
  }
}

/** @throws UserError unless the files hold the one Canary that is simulated */
function manifestsOf({ words }: ReadOptions, isNamed: boolean): readonly KubeObject[] {
  if (words.length === 0) return [];
  const manifests = readForShow(words);
  const names = manifests.filter(({ kind }) => kind === "Canary").map(({ metadata }) => metadata.name);
  if (isNamed || names.length === 1) return manifests;
  const found = names.length === 0 ? "there is no Canary" : `there are ${names.length} Canaries (${names.join(", ")})`;
  throw new UserError(`${found} in ${words.join(", ")}: give files with one`);
}

function readScenarioFile(file: string | undefined): Partial<Scenario> {
  if (file === undefined) return {};
  if (!existsSync(file)) throw new UserError(`there is no file ${file}`);
  const [parsed] = parseDocuments(file).map(visibleFields);
  try {
    return readScenarioText(parsed);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${file}: ${error.message}`, 2);
    throw error;
  }
}

function wholeNumber(options: ReadOptions, name: string, least = 0): number {
  const value = Number(options.text(name));
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UserError(`--${name} must be a whole number from ${least} on, found "${options.text(name)}"`, 2);
  }
  return value;
}
