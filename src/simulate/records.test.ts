/** Recording never steers: the operator does the same when the API server refuses CanaryRuns, or does not know them. */
import { expect, it } from "vitest";
import type { KubeObject } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { type Case, createStorm, generateCase } from "./generate.ts";
import { withPeople } from "./people.ts";
import { createChance } from "./random.ts";
import { createRecords, type RecordsFate } from "./records.ts";
import { run } from "./universe.ts";
import type { Universe } from "./watcher.ts";

const SEED = 9_000;
const NIGHTLY = process.env["AVIARY_NIGHTLY"] === "1";
const CASES = NIGHTLY ? 24 : 12;

interface Told {
  /** Everything that the operator wrote and said, with its time. */
  readonly lines: readonly string[];
  readonly runs: readonly KubeObject[];
}

async function tell(given: Case, fate: RecordsFate | "not recorded"): Promise<Told> {
  const { seed, scenario, disturbances, calmAfterMs } = given;
  const lines: string[] = [];
  let universe: Universe | undefined;
  let records: ReturnType<typeof createRecords> | undefined;
  const blows = () => {
    const releasedAt = universe?.releasedAt();
    return releasedAt === undefined || (universe?.schedule.now() ?? 0) < releasedAt + calmAfterMs;
  };
  await run({
    ...{ seed, scenario, disturbances },
    weather: createStorm(given, { chance: createChance(seed).fork("weather"), blows }),
    ...(fate === "not recorded"
      ? {}
      : {
          records: (schedule) => {
            records = createRecords(fate, schedule);
            return records;
          },
        }),
    watchers: [
      (seen) => {
        universe = seen;
        const note = (...words: readonly unknown[]) => lines.push(`${seen.schedule.now()} ${JSON.stringify(words)}`);
        seen.api.onChange(({ type, object, by }) => {
          if (by === "operator") note(type, object);
        });
        return {
          said: (event) => note("said", event),
          alerted: (alert) => note("alert", alert),
          end: (end) => note("end", end),
        };
      },
    ],
  });
  return { lines, runs: [...(records?.runs.values() ?? [])] };
}

it("every write, event and alert is the same when CanaryRuns are refused, unanswered or not installed", async () => {
  const fates = ["refused", "unanswered", "not-installed"] as const;
  const verdicts = new Set<unknown>();
  for (let seed = SEED; seed < SEED + CASES; seed += 1) {
    const plain = generateCase(seed);
    const given = seed % 2 === 0 ? withPeople(plain) : plain;
    const kept = await tell(given, "kept");
    for (const { kind, status } of kept.runs) verdicts.add([kind, status.verdict].join(" "));
    // Each case meets one of them in turn, and at night all.
    for (const fate of NIGHTLY ? fates : [fates[seed % fates.length] as RecordsFate]) {
      const { lines, runs } = await tell(given, fate);
      expect({ seed, fate, lines }).toEqual({ seed, fate, lines: kept.lines });
      expect(runs).toEqual([]);
    }
  }
  // Nothing would be compared if nothing had been recorded.
  expect([...verdicts]).toContain(`${STEERING.run.kind} promoted`);
  expect([...verdicts]).toContain(`${STEERING.run.kind} rolled-back`);
}, 600_000);

it("in calm weather, an operator that records does the same as one that does not", async () => {
  for (let seed = SEED; seed < SEED + CASES; seed += 3) {
    const given = { ...generateCase(seed), storminess: 0 };
    expect({ seed, lines: (await tell(given, "kept")).lines }).toEqual({
      seed,
      lines: (await tell(given, "not recorded")).lines,
    });
  }
}, 600_000);
