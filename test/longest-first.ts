/**
 * The order of the test files. Three long end-to-end files begin first. While these files wait, the integration tests
 * calculate, all in one piece, so that few workers load their modules. The other end-to-end files come last, the
 * longest first, so that no worker is alone with one of them at the end. vitest remembers how long a file took; on a
 * fresh clone these lists stand in for its memory.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const FIRST = [
  "test/e2e/stories/killed.test.ts",
  "test/e2e/stories/undisturbed.test.ts",
  "test/e2e/docs/commands.test.ts",
];

const LONGEST = [
  // Integration.
  "test/chaos/memory.test.ts",
  "test/chaos/rights.test.ts",
  "sandbox/api-server/kubectl.test.ts",
  "test/rights/providers.test.ts",
  "test/chaos/watchdog.test.ts",
  "src/core/stories/properties.test.ts",
  "test/chaos/tenants.test.ts",
  "test/chaos/storm.test.ts",
  "test/fuzz/attacks.test.ts",
  "test/chaos/event-loop.test.ts",
  "src/cli/steer/steer.test.ts",
  "src/simulate/hard-cases.test.ts",
  // End-to-end.
  "test/e2e/console/pages.test.ts",
  "test/e2e/console/demo.test.ts",
  "test/e2e/cli/cli.test.ts",
  "test/e2e/operator/providers.test.ts",
  "test/e2e/stories/steering-verbs.test.ts",
  "test/e2e/stories/gateways.test.ts",
  "test/e2e/cli/makefile.test.ts",
  "test/e2e/stories/takeover.test.ts",
  "test/e2e/cli/gitops.test.ts",
  "test/e2e/operator/leadership.test.ts",
  "test/e2e/console/bad-input.test.ts",
  "test/e2e/console/sign-in.test.ts",
  "test/e2e/operator/process.test.ts",
];

const PROJECTS = ["unit", "integration", "end-to-end", "real-meshes"];

/** Files with the smaller number begin first. */
function rank({ moduleId, project }: TestSpecification): number {
  const among = (list: readonly string[]) => list.findIndex((path) => moduleId.endsWith(path));
  const first = among(FIRST);
  if (first >= 0) return first;
  const longest = among(LONGEST);
  const within = longest < 0 ? LONGEST.length : longest;
  return FIRST.length + PROJECTS.indexOf(project.name) * (LONGEST.length + 1) + within;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
