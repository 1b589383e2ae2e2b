// 3,000 seeded rollouts under faults. The seed is fixed, so that a failure is caused by the change.
// --nightly: 200,000, from a seed that is another every night, and beside them every story with every single fault.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { runs: { type: "string" }, seed: { type: "string" }, nightly: { type: "boolean", default: false } },
});
const runs = Number(values.runs ?? (values.nightly ? 200_000 : 3_000));
const seed = Number(values.seed ?? (values.nightly ? Math.floor(Math.random() * 1e9) : 1));
console.log(`seeds ${seed} to ${seed + runs - 1}`);
const aviary = fileURLToPath(new URL("../bin/aviary", import.meta.url));

function simulate(...args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [aviary, "simulate", ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    child.on("close", (code) => {
      const [, ran = 0, violations = 0] = /(\d+) runs, (\d+) violations\s*$/.exec(text) ?? [];
      process.stdout.write(text.replace(/\d+ runs, \d+ violations\s*$/, ""));
      resolve({ ran: Number(ran), violations: Number(violations), failed: code !== 0 });
    });
  });
}

const started = Date.now();
const half = Math.ceil(runs / 2);
const shares = [
  [half, seed],
  [runs - half, seed + half],
];
const random = shares
  .filter(([count]) => count > 0)
  .map(([count, first]) => simulate("--runs", String(count), "--seed", String(first)));
const sum = (all, of) => all.reduce((total, one) => total + of(one), 0);
const all = await Promise.all([...random, ...(values.nightly ? [simulate("--stories")] : [])]);
console.log(`${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${sum(all, ({ ran }) => ran)} runs, ${sum(all, ({ violations }) => violations)} violations`);
process.exit(all.some(({ failed }) => failed) ? 1 : 0);
