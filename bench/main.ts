/** Prints every figure that is promised, as a table. */
import { alignColumns } from "../src/cli/columns.ts";
import { benchBurst } from "./burst.ts";
import { benchConsole } from "./console.ts";
import type { Figure } from "./figure.ts";
import { benchMesh } from "./mesh.ts";
import { benchRollout } from "./rollout.ts";
import { benchSandboxMemory } from "./sandbox-memory.ts";
import { benchSimulation } from "./simulate.ts";

const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  burst: benchBurst,
  console: benchConsole,
  mesh: benchMesh,
  rollout: benchRollout,
  sandbox: benchSandboxMemory,
  simulation: benchSimulation,
};

/** `npm run bench -- sandbox` runs one of them. */
const chosen = process.argv.slice(2);
const figures: Figure[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (chosen.length === 0 || chosen.includes(name)) figures.push(...(await bench()));
}
const rows = figures.map(({ what, measured, aim, met }) => `${met ? "met" : "MISSED"}\t${what}\t${measured}\t${aim}`);
console.log(alignColumns(["\tfigure\tmeasured\taim", ...rows]));
