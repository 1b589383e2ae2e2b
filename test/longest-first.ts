/**
 * The order of the test files: those that take longest begin first, so that no worker is alone with one of them at the
 * end. vitest remembers how long a file took; on a fresh clone this list stands in for its memory.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const LONGEST = [
  "test/e2e/stories/undisturbed.test.ts",
  "test/e2e/console/demo.test.ts",
  "test/e2e/cli/makefile.test.ts",
  "test/e2e/docs/commands.test.ts",
  "test/e2e/stories/killed.test.ts",
  "test/e2e/stories/steering-verbs.test.ts",
  "test/e2e/console/pages.test.ts",
  "test/e2e/stories/gateways.test.ts",
  "test/e2e/stories/takeover.test.ts",
  "test/e2e/cli/cli.test.ts",
  "test/e2e/console/sign-in.test.ts",
  "test/e2e/operator/leadership.test.ts",
];

const rank = ({ moduleId }: TestSpecification): number => {
  const found = LONGEST.findIndex((path) => moduleId.endsWith(path));
  return found < 0 ? LONGEST.length : found;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
