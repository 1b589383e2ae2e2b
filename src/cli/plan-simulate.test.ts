/** What `aviary plan` announces is what `aviary simulate` then shows: the same steps, at the same time. */
import { describe, expect, it } from "vitest";
import type { Routes } from "../core/status/canary.ts";
import { scenarioFrom } from "../simulate/ask.ts";
import type { Scenario } from "../simulate/scenario.ts";
import { aScenario, withScaler, withTarget } from "../simulate/stories.ts";
import { createTimeline } from "../simulate/timeline.ts";
import { run } from "../simulate/universe.ts";
import { CALM } from "../simulate/weather.ts";
import { aWireCanary, type CanaryParts } from "../testing/canary.ts";
import { planned } from "./canaries.ts";

const MATCHED = 20;
const RATE = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" };
const match = [{ headers: { "x-canary": { exact: "insider" } } }];
const kubernetes = { spec: { provider: "kubernetes" } };

const STRATEGIES: Readonly<Record<string, CanaryParts>> = {
  canary: { analysis: { metrics: [RATE] } },
  "canary that overshoots": { analysis: { stepWeight: 20, maxWeight: 50 } },
  "canary with listed weights": { analysis: { stepWeights: [1, 10, 80] } },
  "canary promoted in steps": { analysis: { stepWeights: [50], stepWeightPromotion: 20 } },
  "canary with mirroring": { analysis: { mirror: true, metrics: [RATE] } },
  "canary with session affinity": { analysis: { sessionAffinity: { cookieName: "flagger-cookie", maxAge: 21600 } } },
  "A/B testing": { analysis: { iterations: 3, match } },
  "A/B testing, promoted in steps": { analysis: { iterations: 1, match, stepWeightPromotion: 50 } },
  "blue/green": { analysis: { iterations: 3, interval: "20s" } },
  "blue/green with mirroring": { analysis: { iterations: 2, mirror: true, mirrorWeight: 20 } },
  "canary without a mesh": { ...kubernetes },
  "blue/green without a mesh": { ...kubernetes, analysis: { iterations: 2 } },
  "A/B testing without a mesh": { ...kubernetes, analysis: { iterations: 2, match } },
  "mirroring without a mesh": { ...kubernetes, analysis: { iterations: 2, mirror: true } },
};

describe("what was planned is what happens", () => {
  it.each(Object.entries(STRATEGIES))("%s", async (_, parts) => {
    await compare({ ...scenarioFrom({ matched: String(MATCHED) }, [aWireCanary(parts)], {}) });
  });

  it.each(["StatefulSet", "DaemonSet", "Service", "Knative"] as const)("of a %s", async (kind) => {
    await compare(withTarget(aScenario({}), kind));
  });

  it.each(["HorizontalPodAutoscaler", "ScaledObject"] as const)("with a %s", async (kind) => {
    await compare(withScaler(aScenario({}), kind));
  });
});

async function compare(scenario: Scenario): Promise<void> {
  const { plan, spec } = planned(scenario.canary, "istio");
  const timeline = createTimeline();
  await run({ scenario, weather: CALM, seed: 1, watchers: [timeline.watch] });
  const { entries, end } = timeline.read();
  expect(end).toMatchObject({ phase: "Succeeded", image: scenario.image, split: "100/0" });

  const begun = entries.findIndex(({ text }) => text.startsWith("Starting canary analysis"));
  const copied = entries.findIndex(({ text }, i) => i > begun && /^Copying |^Promotion completed/.test(text));
  expect(Math.min(begun, copied)).toBeGreaterThan(0);
  const wait = (entries[copied]?.at ?? 0) - (entries[begun]?.at ?? 0);
  // The seconds that asking takes, step by step, are no part of a plan.
  const late = wait - plan.steps.length * spec.analysis.intervalMs;
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThan(plan.steps.length * 500 + 1_000);

  const isTest = spec.strategy === "ab-testing" && plan.name === "ab-testing";
  const promised = ["100/0", ...plan.steps.map(({ routes }) => shown(routes, isTest))];
  expect(each(entries.slice(begun, copied + 1).map(({ weights }) => weights))).toEqual(each(promised));

  const last = plan.steps.at(-1)?.routes ?? { primary: 100, canary: 0, mirror: false };
  const share = (primary: number) => shown({ primary, canary: 100 - primary, mirror: false }, isTest);
  const back = [shown(last, isTest), ...plan.promotionWeights.map(share)];
  expect(each([...entries.slice(copied).map(({ weights }) => weights), end?.split ?? ""])).toEqual(each(back));
}

/** In an A/B test, weights are those of the requests that match. */
function shown({ primary, canary, mirror }: Routes, isTest: boolean): string {
  const share = isTest ? (canary * MATCHED) / 100 : canary;
  return `${isTest ? 100 - share : primary}/${share}${mirror ? "m" : ""}`;
}

/** Without repetitions. */
const each = (values: readonly string[]) => values.filter((value, i) => value !== values[i - 1]);
