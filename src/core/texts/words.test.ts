import { expect, it } from "vitest";
import type { Cause } from "../run/cause.ts";
import { sentenceOf } from "./words.ts";

const PLACE = { step: 4, steps: 10, weight: 20 };
const FAILURE = { check: "request-success-rate", source: "success-rate", value: 90, sign: "<", limit: 99 } as const;
const SLOW = { check: "request-duration", source: "duration", value: 1500, sign: ">", limit: 500 } as const;
const SILENT = { check: "errors", source: "template", detail: "no values found" } as const;

it.each<[Cause, string]>([
  [
    { kind: "threshold", failedChecks: 3, failure: FAILURE, ...PLACE },
    "Rolled back at step 4 of 10 (20 %): request-success-rate 90.00 % < 99 % (3 failed checks).",
  ],
  [
    { kind: "threshold", failedChecks: 1, failure: SLOW, ...PLACE },
    "Rolled back at step 4 of 10 (20 %): request-duration 1.5s > 500ms (1 failed check).",
  ],
  [
    { kind: "threshold", failedChecks: 2, failure: SILENT, ...PLACE, step: 0 },
    "Rolled back before the first step: errors had no value: no values found (2 failed checks).",
  ],
  [{ kind: "rollback-hook", hook: "ask", ...PLACE }, 'Rolled back at step 4 of 10 (20 %): webhook "ask" asked for it.'],
  [{ kind: "superseded", by: "revision", ...PLACE }, "Superseded at step 4 of 10 (20 %) by a newer revision."],
  [{ kind: "promoted", ...PLACE }, "Promoted."],
])("%j is announced as %s", (cause, sentence) => {
  expect(sentenceOf(cause)).toBe(sentence);
});

it("the sentence counts the requests that met the release, when they are known", () => {
  const cause: Cause = { kind: "threshold", failedChecks: 3, failure: FAILURE, ...PLACE };
  expect(sentenceOf(cause, { canary: 1049, canaryFailed: 105 })).toBe(
    "Rolled back at step 4 of 10 (20 %): request-success-rate 90.00 % < 99 % (3 failed checks); " +
      "1,049 requests met it, 105 failed.",
  );
});
