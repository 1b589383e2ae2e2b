/**
 * A process that simulates rollouts of one build on request. It is sent a number of rollouts, and answers with its CPU
 * time.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { STORIES } from "../src/simulate/stories.ts";
import type { run } from "../src/simulate/universe.ts";
import type { CALM } from "../src/simulate/weather.ts";

const build = process.argv[2] ?? "";
const simulator = <T>(file: string): Promise<T> =>
  import(pathToFileURL(join(build, "src/simulate", file)).href) as Promise<T>;

const universe = await simulator<{ run: typeof run }>("universe.js");
const scenario = (await simulator<{ STORIES: typeof STORIES }>("stories.js")).STORIES["a good release"];
const weather = (await simulator<{ CALM: typeof CALM }>("weather.js")).CALM;
if (scenario === undefined) throw new Error(`the simulator of ${build} has no story "a good release"`);

let seed = 0;
process.on("message", (count: number) => {
  void (async () => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i += 1) await universe.run({ scenario, weather, seed: seed++, watchers: [] });
    const { user, system } = process.cpuUsage(before);
    process.send?.(user + system);
  })();
});
process.send?.("ready");
