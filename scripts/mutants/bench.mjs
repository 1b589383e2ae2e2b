// One vitest that stays alive, for scripts/mutants.mjs: a mutant is put in while its module is transformed, so nothing is
// written. Gets { mutant?, files } and answers { failed?: { file, why } } with the first test that failed.
import { join } from "node:path";
import { createVitest } from "vitest/node";
import { patternOf } from "./table.mjs";

const [, , root] = process.argv;
/** Tests that start a whole sandbox or other programs, and tests of what no mutant is in. */
const LEFT_OUT = [
  "src/cli/**",
  "src/crd/**",
  "src/go/**",
  "src/kube/sandbox.test.ts",
  "src/loadtester/**",
  "src/metrics/in-cluster.test.ts",
  "src/routers/beside-flagger.test.ts",
  "src/workloads/api-server.test.ts",
];

let mutant;
let failed;
const note = (file, why) => {
  failed ??= { file, why };
};
const reporter = {
  onTestCaseResult(test) {
    if (test.result().state === "failed") note(test.module.relativeModuleId, test.fullName);
  },
  onTestModuleEnd(module) {
    if (module.errors().length > 0) note(module.relativeModuleId, module.errors()[0].message);
  },
  onTestSuiteResult(suite) {
    if (suite.state() === "failed" && suite.errors().length > 0) note(suite.module.relativeModuleId, suite.fullName);
  },
};
const mutate = {
  name: "mutate",
  enforce: "pre",
  transform(code, id) {
    if (mutant === undefined || id !== join(root, mutant.file)) return undefined;
    return code.replace(patternOf(mutant.from), () => mutant.to);
  },
};

// Threads start faster than processes, and a module graph of its own for every test file keeps mutants apart.
const running = { watch: false, pool: "threads", maxWorkers: 1, bail: 1, retry: 0, testTimeout: 600_000 };
const found = { include: ["src/**/*.test.ts"], exclude: LEFT_OUT, setupFiles: ["test/seed.ts"] };
const options = { root, config: false, ...running, ...found, reporters: [reporter] };
const vitest = await createVitest("test", options, { plugins: [mutate] });
await vitest.standalone();

async function run({ files }) {
  failed = undefined;
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  vitest.state.errorsSet.clear();
  const specs = await vitest.globTestSpecifications(files);
  if (specs.length === 0) return undefined;
  const { unhandledErrors } = await vitest.runTestSpecifications(specs, false);
  if (unhandledErrors.length > 0) note(files[0], String(unhandledErrors[0]?.message));
  return failed;
}

process.on("message", async (job) => {
  const path = job.mutant === undefined ? undefined : join(root, job.mutant.file);
  mutant = job.mutant;
  if (path !== undefined) vitest.invalidateFile(path);
  const answer = await run(job);
  mutant = undefined;
  if (path !== undefined) vitest.invalidateFile(path);
  process.send({ failed: answer });
});
