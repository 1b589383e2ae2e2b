/**
 * A mesh that does not follow its weights is announced: in a whole rollout, with counts that the mesh itself gives. The
 * rule split-said-rightly shows in every other simulated rollout that a mesh that follows is not blamed.
 */
import { describe, expect, it } from "vitest";
import type { RolloutEvent } from "../core/texts/events.ts";
import { judge } from "./campaign.ts";
import type { Scenario } from "./scenario.ts";
import { aScenario } from "./stories.ts";
import { CALM } from "./weather.ts";

const STEPS = { analysis: { interval: "60s", stepWeight: 10, maxWeight: 50, threshold: 5 } };

/** The events about the split, and how the run ended. */
async function told(scenario: Scenario) {
  const said: RolloutEvent[] = [];
  const conditions = new Set<string>();
  const { end, violations } = await judge({
    ...{ scenario, seed: 1, weather: () => CALM },
    watchers: [
      ({ api }) => {
        api.onChange(({ object }) => {
          if (object.kind === "Canary")
            for (const { message } of object.status?.conditions ?? []) conditions.add(message);
        });
        return { turn: ({ transition }) => void said.push(...transition.events) };
      },
    ],
  });
  const split = said.filter(({ reason }) => reason === "OffSplit").map(({ message }) => message);
  return { split, end, violations, conditions: [...conditions].filter((text) => text.includes(" Split: ")) };
}

describe("a mesh that does not follow its weights", () => {
  it("is announced once, with both shares and the counts, and the rollout ends as without the warning", async () => {
    const { split, end, violations, conditions } = await told(aScenario({ canary: STEPS, meshShare: 50 }));
    expect(split).toEqual([
      expect.stringMatching(
        /^Requests of podinfo\.test are not split as promised: the canary got 50\.0 % of [\d,]+ requests, promised were 20 %; /,
      ),
    ]);
    expect(conditions[0]).toEqual(
      expect.stringMatching(/^New revision detected, progressing canary analysis\. Split: the canary got 50\.0 % of /),
    );
    const calm = await told(aScenario({ canary: STEPS }));
    expect(end).toEqual(calm.end);
    expect([violations, calm.split, calm.conditions]).toEqual([[], [], []]);
  });

  it("is announced when the canary gets too little", async () => {
    const { split } = await told(aScenario({ canary: STEPS, meshShare: 1 }));
    expect(split).toEqual([expect.stringContaining("the canary got 1.0 % of ")]);
  });

  it("is not said where a load test sends requests straight to the canary, or few users show nothing", async () => {
    const load = { name: "load", url: "http://load.invalid/", metadata: { cmd: "hey http://podinfo-canary.test/" } };
    const loaded = { analysis: { ...STEPS.analysis, webhooks: [load] } };
    expect((await told(aScenario({ canary: loaded, meshShare: 50 }))).split).toEqual([]);
    expect((await told(aScenario({ canary: STEPS, meshShare: 50, rps: 0.2 }))).split).toEqual([]);
  });
});
