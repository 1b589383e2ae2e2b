/** The first sentence about a Canary is its reason, also where Flagger wrote the status. */
import { expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { factsOf, isAttentionNeeded, reasonFrom, stepText } from "./facts.ts";
import { previewOf } from "./preview.ts";

const FLAGGERS = "Canary analysis failed, Deployment scaled to zero.";

/** A Canary that failed; with Flagger's own definition its status has nothing but Flagger's fields. */
function failed(message: string): KubeObject {
  const conditions = [{ type: "Promoted", status: "False", reason: "Failed", message }];
  return { ...aWireCanary(), status: { phase: "Failed", canaryWeight: 0, failedChecks: 0, conditions } };
}

const events = (...messages: string[]): KubeObject[] =>
  messages.map((message, index) => ({
    ...{ apiVersion: "v1", kind: "Event", metadata: { name: `event-${index}` } },
    ...{ type: "Warning", message },
  }));

it("leaves Flagger's words out where the reason stands behind them", () => {
  const reason = "Rolled back at step 2 of 5 (20 %): request-success-rate 90.00 % < 99 % (3 failed checks).";
  expect(factsOf(failed(`${FLAGGERS} ${reason}`)).what).toBe(reason);
  expect(factsOf(failed(FLAGGERS)).what).toBe(FLAGGERS);
});

it("a failed check asks for a person while the release is under way, and no longer", () => {
  const needed = (phase: string) =>
    isAttentionNeeded(factsOf({ ...aWireCanary(), status: { phase, canaryWeight: 0, failedChecks: 1 } }));
  expect(["Progressing", "Promoting", "Succeeded"].map(needed)).toEqual([true, true, false]);
});

it("what is paused is not paused once more, as the operator would answer", () => {
  const status = { phase: "Progressing", canaryWeight: 20, aviary: { step: 2, paused: { by: "alice", at: 0 } } };
  const refusal = (verb: "pause" | "resume", parts: object) =>
    previewOf(verb, factsOf({ ...aWireCanary(), status: { ...status, ...parts } }), {}).refusal;
  expect(refusal("pause", {})).toMatch(/already paused by alice$/);
  expect(refusal("resume", {})).toBeUndefined();
  expect(refusal("pause", { aviary: { step: 2 } })).toBeUndefined();
});

it("a release that ends has passed all of its steps", () => {
  const steps = (phase: string, canaryWeight: number) =>
    stepText(factsOf({ ...aWireCanary(), status: { phase, canaryWeight } }));
  expect([steps("Progressing", 20), steps("Finalising", 0)]).toEqual(["2/5", "5/5"]);
});

const of = factsOf(aWireCanary());
const canary = `${of.name}.${of.namespace}`;
const end = `Canary failed! Scaling down ${canary}`;

it.each<[name: string, messages: readonly string[], reason: string | undefined]>([
  [
    "the last check that failed",
    [
      `Halt ${canary} advancement success rate 70.00% < 99%`,
      `Halt ${canary} advancement success rate 80.00% < 99%`,
      `Rolling back ${canary} failed checks threshold reached 2`,
      end,
    ],
    "Rolled back: success rate 80.00% < 99% (failed checks threshold reached 2).",
  ],
  [
    "a person's hook, and no check that failed before",
    [`Halt ${canary} advancement success rate 70.00% < 99%`, `Rolling back ${canary} manual webhook invoked`, end],
    "Rolled back: manual webhook invoked.",
  ],
  [
    "pods that did not become ready",
    [`canary deployment ${canary} not ready within 60 seconds: waiting for rollout to finish`, end],
    `Rolled back: canary deployment ${canary} not ready within 60 seconds: waiting for rollout to finish.`,
  ],
  ["nothing, when the events are gone", [], undefined],
  ["nothing of another Canary", ["Rolling back other.test failed checks threshold reached 2"], undefined],
])("reads from Flagger's events: %s", (_, messages, reason) => {
  expect(reasonFrom(factsOf(failed(FLAGGERS)), events(...messages))).toBe(reason);
});

it("asks no event where the object tells the reason", () => {
  const told = factsOf(failed(`${FLAGGERS} Aborted at step 2 of 5 (20 %) by alice.`));
  expect(reasonFrom(told, events(`Rolling back ${canary} failed checks threshold reached 2`))).toBeUndefined();
});
