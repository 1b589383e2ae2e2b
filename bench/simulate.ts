/** Simulated rollouts per second of CPU: the whole engine, from the first turn to the last. */
import { STORIES } from "../src/simulate/stories.ts";
import { run } from "../src/simulate/universe.ts";
import { CALM } from "../src/simulate/weather.ts";
import type { Figure } from "./figure.ts";

const BATCHES = 40;
const RUNS = 8;
const WARM_UP = 40;
/** Twice the figure of commit 11e905f, see history.jsonl. */
const AIM = 164;

/** CPU time, and the fastest batch of many: other work on the machine only ever adds time. */
export async function benchSimulation(): Promise<readonly Figure[]> {
  const scenario = STORIES["a good release"];
  if (scenario === undefined) throw new Error("the story of the good release is gone");
  let seed = 0;
  const roll = async (count: number) => {
    for (let i = 0; i < count; i += 1) await run({ scenario, weather: CALM, seed: seed++, watchers: [] });
  };
  await roll(WARM_UP);
  let fastest = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const before = process.cpuUsage();
    await roll(RUNS);
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, user + system);
  }
  const perSecond = Math.round((RUNS / fastest) * 1e6);
  return [
    {
      what: "simulated rollouts per second of CPU",
      measured: String(perSecond),
      aim: String(AIM),
      met: perSecond >= AIM,
    },
  ];
}
