// Breaks the sources on purpose, one place at a time, and fails when no test notices.
//   node scripts/mutants.mjs [--check] [--record] [--working] [--sample] [--fresh] [--only WORD] [--jobs N]
//     --check     only whether the rows of scripts/mutants/ fit the sources (instantly; `npm run check` does it)
//     --record    write the test files that noticed to scripts/mutants/killers.json, after each mutant
//     --working   break the working tree instead of the last commit
//     --fresh     only mutants without a test file on record
//     --sample    every third mutant that has a test file on record, always the same ones: what CI has time for
//
// Fast, because one vitest stays alive per job (mutants/bench.mjs): a mutant costs one transformed module and, where its
// killer is on record, one test file. A record that no longer notices costs time only: the tests beside the file, those of the
// module and then the simulation are tried before a mutant counts as a survivor.
//
// The last commit is what is broken, so that half-done edits cannot notice anything; without git, the tree as it is.
import { execFileSync, fork } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { locate, MUTANTS } from "./mutants/table.mjs";

const flag = { type: "boolean", default: false };
const { values } = parseArgs({
  options: {
    ...{ only: { type: "string" }, jobs: { type: "string" } },
    ...{ check: flag, record: flag, working: flag, sample: flag, fresh: flag },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const KILLERS = join(root, "scripts/mutants/killers.json");
/** Longer than any suite takes; a mutant that makes the tests hang is noticed, too. */
const HANGS_AFTER_MS = 300_000;
/** All tests that the mutants need, without any mutant. */
const PROOF_MS = 1_800_000;
const SAMPLED = 3;
const SIMULATION = ["src/simulate/hard-cases.test.ts", "src/simulate/simulate.test.ts"];
/** Modules that the simulation runs for real. */
const SIMULATED = ["src/core/", "src/operator/", "src/routers/", "src/services/", "src/workloads/"];
const moduleOf = (file) => `${file.split("/").slice(0, 2).join("/")}/`;

function end(code, ...lines) {
  for (const line of lines) console.log(line);
  process.exit(code);
}

if (values.check) {
  const { misfits } = locate(root);
  end(misfits.length > 0 ? 1 : 0, ...misfits);
}

const tree = mkdtempSync(join(tmpdir(), "aviary-mutants-"));
process.on("exit", () => rmSync(tree, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
copySources();
symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));

function copySources() {
  const names = ["src", "sandbox", "test", "docs", "deploy", "examples", "scripts", "package.json", "tsconfig.json"];
  if (!values.working && extractCommit(names)) return;
  for (const name of names) cpSync(join(root, name), join(tree, name), { recursive: true });
}

/** @returns false without git, and in a copy that git does not trust */
function extractCommit(names) {
  const options = { cwd: root, maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] };
  let archive;
  try {
    archive = execFileSync("git", ["archive", "HEAD", ...names], options);
  } catch {
    return false;
  }
  execFileSync("tar", ["x", "-C", tree], { input: archive });
  return true;
}

const { found, misfits } = locate(tree);
if (misfits.length > 0) end(1, ...misfits, `0 mutants killed, ${misfits.length} survived`);

const readKillers = () => (existsSync(KILLERS) ? JSON.parse(readFileSync(KILLERS, "utf8")) : {});
const known = readKillers();
const isWanted = ({ file, breaks }) => values.only === undefined || `${file} ${breaks}`.includes(values.only);
const wanted = found
  .filter((mutant, index) => isWanted(mutant) && (!values.sample || (index % SAMPLED === 0 && known[mutant.breaks])))
  .filter(({ breaks }) => !values.fresh || known[breaks] === undefined);

/** One vitest in a process of its own, so that it can be ended when a mutant hangs it. */
function openBench() {
  const start = () => fork(new URL("mutants/bench.mjs", import.meta.url), [tree], { stdio: "ignore" });
  let child = start();
  return {
    /** The first test file that failed, or undefined. */
    run(job, longestMs = HANGS_AFTER_MS) {
      return new Promise((resolve) => {
        const used = child;
        const settle = (answer) => {
          clearTimeout(timer);
          used.removeAllListeners();
          resolve(answer);
        };
        const replace = (why) => {
          used.kill("SIGKILL");
          child = start();
          settle({ file: job.files[0], why });
        };
        const timer = setTimeout(() => replace("the tests hang"), longestMs);
        used.once("message", ({ failed }) => settle(failed));
        used.once("exit", () => replace("the tests end the process"));
        used.send(job);
      });
    },
    close: () => child.kill(),
  };
}

/** The likeliest tests first. */
function suitesFor({ breaks, file }) {
  const beside = [file.replace(/\.ts$/, ".test.ts"), `${dirname(file)}/`];
  const simulation = SIMULATED.some((module) => file.startsWith(module)) ? SIMULATION.map((path) => [path]) : [];
  return [...(known[breaks] ? [[known[breaks]]] : []), beside, [moduleOf(file)], ...simulation];
}

async function killerOf(bench, mutant) {
  for (const files of suitesFor(mutant)) {
    const failed = await bench.run({ mutant, files });
    if (failed !== undefined) return failed;
  }
  return undefined;
}

const benches = Array.from({ length: Number(values.jobs ?? Math.min(2, cpus().length)) }, openBench);
process.on("exit", () => {
  for (const bench of benches) bench.close();
});

// What is not broken must pass, or everything would count as killed.
const needed = new Set(wanted.map(({ breaks, file }) => known[breaks] ?? moduleOf(file)));
async function prove(bench) {
  const failed = needed.size === 0 ? undefined : await bench.run({ files: [...needed] }, PROOF_MS);
  if (failed === undefined) return;
  end(1, `0 mutants killed, ${wanted.length} survived: without any mutant fails ${failed.file}: ${failed.why}`);
}

const queue = [...wanted];
const killers = {};
let survivors = 0;
async function work(bench) {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const killer = await killerOf(bench, mutant);
    if (killer === undefined) survivors += 1;
    else killers[mutant.breaks] = killer.file;
    const verdict = killer === undefined ? "SURVIVED" : "killed  ";
    console.log(`${verdict} ${mutant.file}: ${mutant.breaks}${killer ? ` [${killer.file} > ${killer.why}]` : ""}`);
    if (values.record) saveKillers();
  }
}

function saveKillers() {
  const all = { ...readKillers(), ...killers }; // another run may be recording, too
  const kept = MUTANTS.filter(({ breaks }) => all[breaks]).map(({ breaks }) => [breaks, all[breaks]]);
  writeFileSync(KILLERS, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
}

await Promise.all(
  benches.map(async (bench, index) => {
    if (index === 0) await prove(bench);
    await work(bench);
  }),
);
const late = wanted.filter(({ breaks }) => killers[breaks] && known[breaks] !== killers[breaks]).length;
if (late > 0 && !values.record)
  console.log(`${late} were killed by other tests than recorded: --record makes it faster`);
end(survivors === 0 ? 0 : 1, `${wanted.length - survivors} mutants killed, ${survivors} survived`);
