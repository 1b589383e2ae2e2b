// Breaks core, shell, routers, workloads and clients on purpose, one place at a time, and fails when nothing notices.
//   node scripts/mutants.mjs [--check] [--record] [--working] [--only WORD] [--jobs N]
//     --check     only whether the table fits the sources (instantly)
//     --record    write the killing tests to mutants-killers.json, after each kill: can be ended and gone on with
//     --working   break the working tree instead of the last commit
//
// Fast, because one vitest stays alive per job (mutants-bench.mjs): a mutant costs one transformed module and, where its
// killer is on record, one test: 0.5 s instead of the 10 s that a vitest process with all the tests of a room takes. A
// record that no longer kills costs time only: all tests of the room and then the simulation are tried before a mutant
// counts as a survivor.
//
// The last commit is what is broken, so that half-done edits cannot kill anything; without git, the tree as it is.
import { execFileSync, fork } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants-table.mjs";

const flag = { type: "boolean", default: false };
const { values } = parseArgs({
  options: { only: { type: "string" }, jobs: { type: "string" }, check: flag, record: flag, working: flag },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const KILLERS = join(root, "scripts/mutants-killers.json");
/** Longer than any suite takes; a mutant that makes the tests hang is noticed, too. */
const HANGS_AFTER_MS = 300_000;
const SIMULATION = [["src/simulate/found.test.ts"], ["src/simulate/simulate.test.ts"]];
/** What is asked of a mutant without a killer on record, one after the other. */
const SUITES = ["core", "operator", "routers", "workloads", "kube", "gates", "metrics"].map((room) => `src/${room}/`);
/** Rooms that the simulation runs for real. */
const SIMULATED = ["src/core/", "src/operator/", "src/routers/", "src/workloads/"];
const suiteOf = (file) => SUITES.filter((room) => file.startsWith(room));
/** The tests beside a file, which are the likeliest to notice. */
const besideOf = (file) => [
  file.replace(/\.ts$/, ".test.ts"),
  ...(SUITES.includes(`${dirname(file)}/`) ? [] : [`${dirname(file)}/`]),
];

/** The table's rows that do not fit the sources under `dir`, in words. */
function misfits(dir) {
  const whys = MUTANTS.map(({ why }) => why);
  return MUTANTS.flatMap(({ file, from, to, why }, index) => {
    const path = join(dir, file);
    const found = existsSync(path) ? readFileSync(path, "utf8").split(from).length - 1 : 0;
    if (found !== 1) return [`"${why}": ${file} has ${found} times, not once: ${from}`];
    if (from === to) return [`"${why}": changes nothing`];
    return whys.indexOf(why) === index ? [] : [`"${why}" stands there twice`];
  });
}

function end(code, ...lines) {
  for (const line of lines) console.log(line);
  process.exit(code);
}

if (values.check) {
  const wrong = misfits(root);
  end(wrong.length > 0 ? 1 : 0, ...wrong.map((text) => `mend scripts/mutants-table.mjs, ${text}`));
}

const tree = mkdtempSync(join(tmpdir(), "aviary-mutants-"));
process.on("exit", () => rmSync(tree, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
copySources();
symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));

function copySources() {
  const names = ["src", "test", "docs", "deploy", "examples", "package.json", "tsconfig.json", "vitest.config.ts"];
  if (!values.working && existsSync(join(root, ".git"))) {
    const options = { cwd: root, maxBuffer: 1 << 30 };
    execFileSync("tar", ["x", "-C", tree], { input: execFileSync("git", ["archive", "HEAD", ...names], options) });
    return;
  }
  for (const name of names) cpSync(join(root, name), join(tree, name), { recursive: true });
}

const wrong = misfits(tree);
if (wrong.length > 0) end(1, ...wrong.map((text) => `mend scripts/mutants-table.mjs, ${text}`));

const readKillers = () => (existsSync(KILLERS) ? JSON.parse(readFileSync(KILLERS, "utf8")) : {});
const known = readKillers();
const wanted = MUTANTS.filter(({ file, why }) => values.only === undefined || `${file} ${why}`.includes(values.only));

/** One vitest in a process of its own, so that it can be ended when a mutant hangs it. */
function openBench() {
  const start = () => fork(new URL("mutants-bench.mjs", import.meta.url), [tree], { stdio: "ignore" });
  let child = start();
  return {
    /** The first test that failed, or undefined. */
    run(job) {
      return new Promise((resolve) => {
        const used = child;
        const settle = (answer) => {
          clearTimeout(timer);
          used.removeAllListeners();
          resolve(answer);
        };
        const replace = (name) => {
          used.kill("SIGKILL");
          child = start();
          settle({ file: "", name });
        };
        const timer = setTimeout(() => replace("the tests hang"), HANGS_AFTER_MS);
        used.once("message", ({ failed }) => settle(failed));
        used.once("exit", () => replace("the tests end the process"));
        used.send(job);
      });
    },
    close: () => child.kill(),
  };
}

async function killerOf(bench, mutant) {
  const record = known[mutant.why];
  const simulated = SIMULATED.some((room) => mutant.file.startsWith(room));
  const tries = [besideOf(mutant.file), suiteOf(mutant.file), ...(simulated ? SIMULATION : [])].map((files) => ({
    mutant,
    files,
  }));
  if (record !== undefined && record.file !== "") {
    tries.unshift({ mutant, files: [record.file], name: record.name });
  }
  for (const job of tries) {
    if (job.files.length === 0) continue;
    const failed = await bench.run(job);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

const benches = Array.from({ length: Number(values.jobs ?? Math.min(2, cpus().length)) }, openBench);
process.on("exit", () => {
  for (const bench of benches) bench.close();
});

// What is not broken must pass, or everything would count as killed.
const needed = new Set(wanted.flatMap(({ file, why }) => (known[why]?.file ? [known[why].file] : suiteOf(file))));
async function prove(bench) {
  const failed = needed.size === 0 ? undefined : await bench.run({ files: [...needed] });
  if (failed === undefined) return;
  end(1, `0 mutants killed, ${wanted.length} survived: without any mutant fails ${failed.file}: ${failed.name}`);
}

// The newest rows first: they are the ones that somebody waits for.
const queue = [...wanted].reverse();
const killers = {};
let survivors = 0;
async function work(bench) {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const killer = await killerOf(bench, mutant);
    if (killer === undefined) survivors += 1;
    else killers[mutant.why] = killer;
    const verdict = killer === undefined ? "SURVIVED" : "killed  ";
    console.log(`${verdict} ${mutant.file}: ${mutant.why}${killer ? ` [${killer.file} > ${killer.name}]` : ""}`);
    if (values.record) saveKillers();
  }
}

function saveKillers() {
  const all = { ...readKillers(), ...killers }; // others may be looking, too
  const kept = MUTANTS.filter(({ why }) => all[why] !== undefined).map(({ why }) => [why, all[why]]);
  writeFileSync(KILLERS, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
}

await Promise.all(
  benches.map(async (bench, index) => {
    if (index === 0) await prove(bench);
    await work(bench);
  }),
);
const late = wanted.filter(({ why }) => killers[why] !== undefined && known[why]?.name !== killers[why].name).length;
if (late > 0 && !values.record)
  console.log(`${late} were killed by other tests than recorded: --record makes it faster`);
end(survivors === 0 ? 0 : 1, `${wanted.length - survivors} mutants killed, ${survivors} survived`);
