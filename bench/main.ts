/** Prints every figure that is promised, as a table. With `--record` it also appends the figures to history.jsonl. */
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { alignColumns } from "../src/cli/columns.ts";
import { PROJECT_ROOT } from "../src/project-root.ts";
import { benchBurst } from "./burst.ts";
import { benchConsole } from "./console.ts";
import type { Figure } from "./figure.ts";
import { benchList } from "./list.ts";
import { benchMesh } from "./mesh.ts";
import { benchRollout } from "./rollout.ts";
import { benchSandboxMemory } from "./sandbox-memory.ts";
import { benchSimulation } from "./simulate.ts";

const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  burst: benchBurst,
  console: benchConsole,
  list: benchList,
  mesh: benchMesh,
  rollout: benchRollout,
  sandbox: benchSandboxMemory,
  simulation: benchSimulation,
};

/** `npm run bench -- sandbox` runs one of them. */
const words = process.argv.slice(2);
const chosen = words.filter((word) => word !== "--record");
const figures: Figure[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (chosen.length === 0 || chosen.includes(name)) figures.push(...(await bench()));
}
const rows = figures.map(({ what, measured, aim, met }) => `${met ? "met" : "MISSED"}\t${what}\t${measured}\t${aim}`);
console.log(alignColumns(["\tfigure\tmeasured\taim", ...rows]));
if (words.includes("--record")) record(figures);

/** One JSON line for each figure: figures of one machine are comparable, others are not. */
function record(measured: readonly Figure[]): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: PROJECT_ROOT, encoding: "utf8" }).trim();
  const common = { date: new Date().toISOString().slice(0, 10), commit, cpu: `${cpus().length} x ${cpus()[0]?.model}` };
  const lines = measured.map(({ what, measured: value, met }) => JSON.stringify({ ...common, what, value, met }));
  appendFileSync(join(PROJECT_ROOT, "bench/history.jsonl"), `${lines.join("\n")}\n`);
}
