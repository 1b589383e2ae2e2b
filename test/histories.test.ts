/**
 * Journals that a release recorded (test/histories/*.jsonl) must lead to the same decisions in every later release, or
 * an ADR says why not. New ones are recorded by `RECORD_HISTORIES=1 npx vitest run test/histories.test.ts`, which never
 * touches old ones.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decide } from "../src/core/decide.ts";
import { rulesOf } from "../src/core/phases/table.ts";
import type { CanaryStatus } from "../src/core/status/canary.ts";
import type { WireMemory } from "../src/core/status/wire.ts";
import { EVENTS } from "../src/core/texts/events.ts";
import type { Readiness } from "../src/core/turn/observation.ts";
import type { DecisionInput, Transition } from "../src/core/turn/turn.ts";
import { recordHistory } from "../src/simulate/history.ts";
import { STORIES } from "../src/simulate/stories.ts";

const FOLDER = new URL("histories/", import.meta.url);
const RELEASE = "0.1.0";

const CHOSEN = [
  "a good release",
  "a release with errors",
  "a promotion that fails, with its configuration",
  "an A/B test",
  "gates",
  "a newer release in the middle",
  "deleted in the middle",
];

if (process.env["RECORD_HISTORIES"] !== undefined) {
  for (const story of CHOSEN) {
    const file = new URL(`${RELEASE}-${story.replace(/[^a-zA-Z]+/g, "-").toLowerCase()}.jsonl`, FOLDER);
    const scenario = STORIES[story];
    if (scenario === undefined) throw new Error(`there is no story "${story}"`);
    if (!existsSync(file)) writeFileSync(file, `${(await recordHistory(scenario, 1)).join("\n")}\n`);
  }
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));

describe("recorded histories lead to the same decisions", () => {
  it("has some", () => expect(files.length).toBeGreaterThanOrEqual(CHOSEN.length));

  it.each(files)("%s", (name) => {
    const lines = readFileSync(new URL(name, FOLDER), "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(3);
    for (const [i, line] of lines.entries()) {
      const { input, transition }: { input: DecisionInput; transition: Transition } = JSON.parse(line);
      const again = JSON.parse(JSON.stringify(decide(upgraded(input))));
      const { status, events } = transition;
      const recorded = { status: statusOfToday(status, input), events };
      expect(withoutReasons(again), `turn ${i + 1} of ${name}`).toEqual(withoutReasons(recorded));
    }
  });
});

/** Release 0.1.0 recorded waits as times, stages as booleans, and no reasons. */
function upgraded(input: DecisionInput): DecisionInput {
  const { readings } = input.observation;
  const primary = { ...readings.primary, readiness: readinessOfToday(readings.primary.readiness) };
  const observation = { ...input.observation, readings: { ...readings, primary } };
  return { ...input, status: statusOfToday(input.status, input), observation };
}

function readinessOfToday(readiness: Readiness): Readiness {
  if (readiness.kind === "ready") return readiness;
  const progress = readiness.detail.split("finish: ")[1];
  return progress === undefined ? readiness : { ...readiness, progress };
}

function statusOfToday(recorded: CanaryStatus, { spec }: DecisionInput): CanaryStatus {
  const memory = recorded as WireMemory;
  const { said, holdUntil, drainUntil, renew, switching, doubted, released, skipped, ...held } = memory;
  const { restoring, prepared, withheld, ...core } = held;
  const status = core as CanaryStatus;
  const { intervalMs, iterations, mirror } = spec.analysis;
  const hints = { intervalMs, iterations, mirror, weights: [] };
  const reason = said === EVENTS.suspended().event.message ? "Suspended" : "Unknown";
  const announced = said === undefined ? {} : { announced: { reason, message: said } };
  return {
    ...status,
    ...rulesOf(recorded.phase).memory.read(memory, { core: status, hints }),
    ...announced,
  } as CanaryStatus;
}

function withoutReasons({ status, events }: Transition): unknown {
  // Release 0.1.0 did not store the names in the spec.
  const { announced, names: _names, run: _run, cause: _cause, ...rest } = status;
  // The sentence behind Flagger's message is newer, and so is what holds a Canary: a gate's name was in the event only.
  const conditions = rest.conditions.map((condition) => ({
    ...condition,
    message: condition.message.replace(/(scaled to zero\.).*/, "$1").replace(/ Held: .*/, ""),
  }));
  const said = announced?.reason === "GateRefused" ? undefined : announced?.message;
  return {
    status: { ...rest, conditions, announced: said },
    events: events.map(({ reason: _reason, gate: _gate, ...event }) => event),
  };
}
