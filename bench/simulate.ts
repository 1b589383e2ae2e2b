/** Simulated rollouts per second on one core: the whole engine, from the first turn to the last. */
import { performance } from "node:perf_hooks";
import { STORIES } from "../src/simulate/stories.ts";
import { run } from "../src/simulate/universe.ts";
import { CALM } from "../src/simulate/weather.ts";
import type { Figure } from "./figure.ts";

const RUNS = 300;
const AIM = 1_000;

export async function benchSimulation(): Promise<readonly Figure[]> {
  const scenario = STORIES["a good release"];
  if (scenario === undefined) throw new Error("the story of the good release is gone");
  const roll = async (count: number) => {
    for (let seed = 0; seed < count; seed += 1) await run({ scenario, weather: CALM, seed, watchers: [] });
  };
  await roll(50);
  const started = performance.now();
  await roll(RUNS);
  const perSecond = Math.round((RUNS / (performance.now() - started)) * 1000);
  return [
    {
      what: "simulated rollouts per second, one core",
      measured: String(perSecond),
      aim: String(AIM),
      met: perSecond >= AIM,
    },
  ];
}
