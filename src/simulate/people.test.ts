/** People who click at random, twice, on old pages and without the right, under faults, crashes and two leaders. */
import { expect, it } from "vitest";
import { VERBS } from "../core/people/steering.ts";
import { judgeCase } from "./campaign.ts";
import { generateCase } from "./generate.ts";
import { withPeople } from "./people.ts";
import type { Universe, Watcher } from "./watcher.ts";

const LEAST_CASES = 50;
const MOST_CASES = 200;

it("every rule holds, and people act once, with the right, and a pause holds", { timeout: 600_000 }, async () => {
  const broken: string[] = [];
  const outcomes = new Map<string, number>();
  const count = (_universe: Universe): Watcher => ({
    turn({ input, transition }) {
      for (const { id, outcome } of transition.answered ?? []) {
        const { verb, toRun } = input.actions?.find((action) => action.id === id) ?? {};
        if (toRun !== undefined) outcomes.set(`--to ${outcome}`, (outcomes.get(`--to ${outcome}`) ?? 0) + 1);
        outcomes.set(`${verb} ${outcome}`, (outcomes.get(`${verb} ${outcome}`) ?? 0) + 1);
      }
    },
  });
  const wanted = [...VERBS.map((verb) => `${verb} applied`), "--to applied", "--to refused"];
  const missing = () => wanted.filter((outcome) => !outcomes.has(outcome));
  // A new verb changes what people click at random. So the people act until each verb was applied, within a bound.
  for (let cases = 0; cases < LEAST_CASES || (missing().length > 0 && cases < MOST_CASES); cases += 1) {
    const seed = 7_000 + cases;
    const { violations } = await judgeCase(withPeople(generateCase(seed)), undefined, [count]);
    broken.push(...violations.map(({ invariant, text }) => `${seed} ${invariant}: ${text}`));
  }
  expect(broken).toEqual([]);
  // Nothing would hold by itself if the people never came to act.
  expect(missing()).toEqual([]);
  expect(outcomes.get("--to applied")).toBeGreaterThanOrEqual(5);
});
