/** The demo on a busy machine: its limits are wide, and its last words say how each release ended, and why. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT_ROOT } from "../../project-root.ts";
import { readManifests } from "../manifests.ts";
import { FAILED_CHECKS, quicker } from "./quicker.ts";
import type { Outcome } from "./release.ts";
import { summary } from "./summary.ts";

const outcome = (phase: string, why = ""): Outcome => ({
  ...{ phase, why, requests: 1000, failed: 20, refused: 0, failures: ["12:00:00 503"] },
  phases: [{ phase: "Progressing", ms: 61_000 }],
});
const WHY = "Rolled back at step 1 of 5 (10 %): request-success-rate 66.00 % < 95 %, failed check 3.";

it("a bad release that is rolled back is as it should be, and the demo says why", () => {
  expect(summary(outcome("Succeeded"), outcome("Failed", WHY))).toBe(`
Summary
podinfo 6.0.1 (good): promoted, as it should be
  1000 requests of users, 20 failed
  failed: 12:00:00 503
  Progressing 61.0 s
podinfo 6.0.2 (bad): rolled back, as it should be
  why: ${WHY}
  1000 requests of users, 20 failed
  Progressing 61.0 s
The demo went well: the bad release met few users, and is gone.
`);
});

it("a good release that fails is not as it should be, and the demo says why", () => {
  const text = summary(outcome("Failed", "Rolled back: slow."), outcome("Succeeded"));
  expect(text).toContain("podinfo 6.0.1 (good): Failed, but it should be promoted\n  why: Rolled back: slow.\n");
  expect(text).toContain("podinfo 6.0.2 (bad): Succeeded, but it should be rolled back\n");
  expect(text).toContain("The demo did not go as it should.\n");
});

it("a machine that is busy does not fail the good release, and a third of failed requests fails the bad one", () => {
  const [canary] = readManifests([join(PROJECT_ROOT, "examples/podinfo")])
    .filter(({ kind }) => kind === "Canary")
    .map(quicker);
  const { analysis, progressDeadlineSeconds, service } = canary?.spec ?? {};
  const limit = (name: string) => analysis.metrics.find((metric: { name: string }) => metric.name === name);
  expect(limit("request-success-rate").thresholdRange).toEqual({ min: 95 });
  expect(limit("request-duration").thresholdRange).toEqual({ max: 10_000 });
  expect([analysis.threshold, FAILED_CHECKS.bad]).toEqual([20, 3]);
  expect([progressDeadlineSeconds, service.retries.perTryTimeout]).toEqual([600, "10s"]);
  for (const { timeout } of analysis.webhooks) expect(timeout).toBe("2m");
});
