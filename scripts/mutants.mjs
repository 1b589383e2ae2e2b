// Breaks core, shell, routers and workloads on purpose, one place at a time, and fails when nothing notices. Every mutant is
// applied to a copy of the sources; the quick tests run first, then the simulation.
//   node scripts/mutants.mjs [--only WORD] [--from N] [--jobs N]
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants-table.mjs";

const { values } = parseArgs({
  options: { only: { type: "string" }, from: { type: "string" }, jobs: { type: "string" }, check: { type: "boolean" } },
});
const root = new URL("..", import.meta.url).pathname;
const wanted = MUTANTS.map((mutant, index) => ({ ...mutant, number: index + 1 }))
  .filter(({ file, why }) => values.only === undefined || `${file} ${why}`.includes(values.only))
  .filter(({ number }) => number >= Number(values.from ?? 1));

const stale = wanted.filter(({ file, from }) => readFileSync(join(root, file), "utf8").split(from).length !== 2);
for (const { number, file, from } of stale)
  console.log(`${number} ${file} has not exactly one "${from}": mend the table`);
if (values.check || stale.length > 0) process.exit(stale.length > 0 ? 1 : 0);

/** A copy of the sources that may be broken. */
function createBench() {
  const dir = mkdtempSync(join(tmpdir(), "aviary-mutants-"));
  for (const name of [
    "src",
    "test",
    "docs",
    "deploy",
    "examples",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
  ]) {
    cpSync(join(root, name), join(dir, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  return dir;
}

function vitest(dir, ...args) {
  return new Promise((resolve) => {
    const bin = join(root, "node_modules/vitest/vitest.mjs");
    const options = ["run", "--bail=1", "--maxWorkers=1", "--no-file-parallelism", "--reporter=dot", ...args];
    const child = spawn(process.execPath, [bin, ...options], { cwd: dir, stdio: "ignore", timeout: 180_000 });
    child.on("close", (code) => resolve(code === 0));
  });
}

const QUICK = {
  "src/core/": ["src/core", "src/simulate/found.test.ts"],
  "src/operator/": ["src/operator/diff.test.ts", "src/simulate/found.test.ts"],
  "src/routers/": ["src/routers"],
  "src/workloads/": ["src/workloads"],
  "src/kube/": ["src/kube/work-queue.test.ts"],
};

function quickFor(file) {
  return Object.entries(QUICK).find(([prefix]) => file.startsWith(prefix))?.[1] ?? [];
}

async function survives(dir, { file, from, to }) {
  const path = join(dir, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    if (!(await vitest(dir, ...quickFor(file)))) return false;
    return await vitest(dir, "src/simulate/simulate.test.ts");
  } finally {
    writeFileSync(path, text);
  }
}

// What is not broken must pass, or everything would count as killed.
const whole = createBench();
const suites = [...new Set(wanted.flatMap(({ file }) => quickFor(file)).concat("src/simulate/simulate.test.ts"))];
const sound = await vitest(whole, ...suites);
rmSync(whole, { recursive: true, force: true });
if (!sound) {
  console.log("the tests fail without any mutant: mend them first");
  process.exit(1);
}

let survivors = 0;
const queue = [...wanted];
async function work() {
  const dir = createBench();
  try {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const alive = await survives(dir, mutant);
      if (alive) survivors += 1;
      console.log(`${alive ? "SURVIVED" : "killed  "} ${mutant.number} ${mutant.file}: ${mutant.why}`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
await Promise.all(Array.from({ length: Number(values.jobs ?? Math.min(2, cpus().length)) }, work));
console.log(`${wanted.length} mutants, ${survivors} survived`);
process.exit(survivors === 0 ? 0 : 1);
