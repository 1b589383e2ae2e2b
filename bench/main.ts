/** Prints every figure that is promised, as a table. */
import { alignColumns } from "../src/cli/columns.ts";
import type { Figure } from "./figure.ts";
import { benchMesh } from "./mesh.ts";
import { benchRollout } from "./rollout.ts";
import { benchSimulation } from "./simulate.ts";

const BENCHES: readonly (() => Promise<readonly Figure[]>)[] = [benchMesh, benchRollout, benchSimulation];

const figures: Figure[] = [];
for (const bench of BENCHES) figures.push(...(await bench()));
const rows = figures.map(({ what, measured, aim, met }) => `${met ? "met" : "MISSED"}\t${what}\t${measured}\t${aim}`);
console.log(alignColumns(["\tfigure\tmeasured\taim", ...rows]));
