// One vitest that stays alive, for scripts/mutants.mjs: a mutant is put in while its module is transformed, so nothing is
// written. Gets { mutant?, files, name? } and answers { failed?: { file, name } } with the first test that failed.
import { join } from "node:path";
import { createVitest } from "vitest/node";

const [, , root] = process.argv;
/** Tests that start a whole sandbox, and tests of what no mutant is in. */
const LEFT_OUT = [
  "src/kube/sandbox.test.ts",
  "src/workloads/api-server.test.ts",
  "src/go/hash/hash.test.ts",
  "src/crd/crd.test.ts",
];

let mutant;
let failed;
const note = (file, name) => {
  failed ??= { file, name };
};
const reporter = {
  onTestCaseResult(test) {
    if (test.result().state === "failed") note(test.module.relativeModuleId, test.fullName);
  },
  onTestModuleEnd(module) {
    if (module.errors().length > 0) note(module.relativeModuleId, "");
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
    return code.replace(mutant.from, () => mutant.to);
  },
};

// Threads start faster than processes, and a module graph of its own for every test file keeps mutants apart.
const options = { root, config: join(root, "vitest.config.ts"), watch: false, pool: "threads", maxWorkers: 1, bail: 1 };
const vitest = await createVitest("test", { ...options, retry: 0, reporters: [reporter] }, { plugins: [mutate] });
await vitest.standalone();

async function run({ files, name }) {
  failed = undefined;
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  vitest.state.errorsSet.clear();
  if (name) vitest.setGlobalTestNamePattern(new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
  else vitest.resetGlobalTestNamePattern();
  const found = await vitest.globTestSpecifications(files);
  const specs = found.filter(({ moduleId }) => !LEFT_OUT.some((path) => moduleId.endsWith(path)));
  if (specs.length === 0) return undefined;
  const { unhandledErrors } = await vitest.runTestSpecifications(specs, false);
  if (unhandledErrors.length > 0) note("", String(unhandledErrors[0]?.message));
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
