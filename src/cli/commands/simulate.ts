/** Runs a Canary in a simulated cluster: what would it do with a release like that, and how many requests would fail? */
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { scenarioFrom } from "../../simulate/ask.ts";
import type { Scenario } from "../../simulate/scenario.ts";
import { readScenario as readScenarioText } from "../../simulate/scenario-file.ts";
import { createTimeline } from "../../simulate/timeline.ts";
import { run } from "../../simulate/universe.ts";
import { CALM } from "../../simulate/weather.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, type ReadOptions, readOptions } from "../options.ts";
import { readManifests } from "./apply.ts";
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
  until: { type: "string", help: "give up so long after the last thing that somebody did (default 1h)" },
  scenario: { type: "string", help: "YAML file with a scenario; options above win over it" },
  runs: { type: "string", help: "so many random rollouts in bad weather instead; fails when a rule is broken" },
  keep: { type: "string", help: "with --runs 1: only these of its troubles, as a failure says" },
  stories: { type: "boolean", help: "every story with every single fault at every call instead" },
  seed: { type: "string", preset: "1", help: "of everything that is chance" },
  output: { type: "string", short: "o", preset: "text", help: "text or json" },
} as const satisfies Record<string, OptionSpec>;

export const simulateCommand: Command = {
  help: `Usage: aviary simulate [FILE|FOLDER...] [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    if (options.flag("stories")) return simulateStories({ out, signal });
    if (options.text("runs") !== undefined) {
      const [runs, seed] = [wholeNumber(options, "runs"), wholeNumber(options, "seed")];
      return simulateRuns({ runs, seed, keep: options.text("keep") }, { out, signal });
    }
    const timeline = createTimeline();
    const seed = wholeNumber(options, "seed");
    await run({ scenario: readScenario(options), weather: CALM, seed, watchers: [timeline.watch] });
    const told = timeline.read();
    out(options.text("output") === "json" ? `${JSON.stringify(told, null, 2)}\n` : describeTimeline(told));
    return 0;
  },
};

function readScenario(options: ReadOptions): Scenario {
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
      options.words.length === 0 ? [] : readManifests(options.words),
      readScenarioFile(options.text("scenario")),
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(error.message, 2);
    throw error;
  }
}

function readScenarioFile(file: string | undefined): Partial<Scenario> {
  if (file === undefined) return {};
  if (!existsSync(file)) throw new UserError(`there is no file ${file}`);
  let parsed: unknown;
  try {
    parsed = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} is not valid YAML: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return readScenarioText(parsed);
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${file}: ${error.message}`, 2);
    throw error;
  }
}

function wholeNumber(options: ReadOptions, name: string): number {
  const value = Number(options.text(name));
  if (!Number.isInteger(value) || value < 0) {
    throw new UserError(`--${name} must be a whole number, found "${options.text(name)}"`, 2);
  }
  return value;
}
