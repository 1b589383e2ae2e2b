import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scenarioFrom } from "./ask.ts";
import { describeKept, judge, judgeCase, parseKept, runCases, tryEveryFault } from "./campaign.ts";
import { parseCurve, valueAt } from "./curve.ts";
import { generateCase } from "./generate.ts";
import { describeInvariants } from "./invariants/document.ts";
import { readScenario } from "./scenario-file.ts";
import { aScenario, aSimulatedCanary, STORIES } from "./stories.ts";
import { createTimeline } from "./timeline.ts";
import { run } from "./universe.ts";
import { CALM } from "./weather.ts";

const NOT_ABORTED = new AbortController().signal;

describe("a simulated rollout", () => {
  it("shows a release second by second", async () => {
    const timeline = createTimeline();
    await run({
      scenario: scenarioFrom({ errorRate: "0@10w,8@20w" }, [], {}),
      weather: CALM,
      seed: 1,
      watchers: [timeline.watch],
    });
    const { entries, requests, end } = timeline.read();
    const told = entries
      .filter(({ at, kind }) => at >= 0 && kind === "event")
      .map(({ at, phase, weights, text }) => `${Math.round(at / 1000)}s ${phase} ${weights} ${text}`);
    expect(told).toMatchInlineSnapshot(`
      [
        "0s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "2s Progressing 100/0 Starting canary analysis for podinfo.test",
        "2s Progressing 100/0 Advance podinfo.test canary weight 10",
        "17s Progressing 90/10 Advance podinfo.test canary weight 20",
        "32s Progressing 80/20 Halt podinfo.test advancement success rate 94.73% < 99%",
        "47s Progressing 80/20 Halt podinfo.test advancement success rate 93.62% < 99%",
        "62s Progressing 80/20 Halt podinfo.test advancement success rate 93.16% < 99%",
        "62s Progressing 80/20 Rolling back podinfo.test failed checks threshold reached 3",
        "62s Failed 80/20 Canary failed! Scaling down podinfo.test",
      ]
    `);
    expect(requests).toMatchInlineSnapshot(`
      {
        "v1": {
          "failed": 0,
          "requests": 16949,
        },
        "v2": {
          "failed": 72,
          "requests": 1051,
        },
      }
    `);
    expect(end).toMatchObject({ phase: "Failed", image: "podinfo:v1", targetReplicas: 0, split: "100/0" });
  });

  it("is a function of its seed", async () => {
    const tell = async () => {
      const timeline = createTimeline();
      await judgeCase(generateCase(4), undefined, [timeline.watch]);
      return timeline.read();
    };
    expect(await tell()).toEqual(await tell());
  });
});

describe("every rule holds", () => {
  // CI simulates 3,000 more (`npm run simulate:ci`), and 200,000 at night.
  it("in random rollouts under faults", { timeout: 600_000 }, async () => {
    const failures: string[] = [];
    await runCases(1_000, process.env["AVIARY_NIGHTLY"] === "1" ? 40 : 10, NOT_ABORTED, ({ seed, kept, violation }) => {
      failures.push(`seed ${seed} keep ${describeKept(kept)}: ${violation.invariant} ${violation.text}`);
    });
    expect(failures).toEqual([]);
  });

  it.each(Object.entries(STORIES))("in %s, with single faults", async (story, scenario) => {
    const failures: string[] = [];
    const each = ({ call, fault, violation }: Parameters<Parameters<typeof tryEveryFault>[2]>[0]) => {
      failures.push(`${fault} at ${call?.index} ${call?.what}: ${violation.invariant} ${violation.text}`);
    };
    // All faults at all calls take long: `npm run simulate:nightly` tries them.
    await tryEveryFault(story, scenario, each, { stride: 73 });
    expect(failures).toEqual([]);
  });

  it("and a broken rule is reported with the command that repeats the run", async () => {
    // Traffic that follows its routes only after a minute: no drain is that long.
    const { violations } = await judge({ scenario: aScenario({ meshLagMs: 60_000 }), seed: 1, weather: () => CALM });
    expect(violations.map(({ invariant }) => invariant)).toContain("always-served");
    expect(describeKept(parseKept("u0,d1,f17:refused,w"))).toBe("u0,d1,f17:refused,w");
    expect(() => parseKept("x9")).toThrow("must be like");
  });

  it("as docs/reference/invariants.md says", () => {
    const file = new URL("../../docs/reference/invariants.md", import.meta.url);
    if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, describeInvariants());
    expect(readFileSync(file, "utf8")).toBe(describeInvariants());
  });
});

describe("a scenario in a file", () => {
  it("has curves as on the command line, and everything else by its name", () => {
    const file = { rps: "10@0s,50@60s", behaviours: { "podinfo:v2": { errorRate: "0@10w,8@20w" } } };
    expect(readScenario(file)).toMatchObject({
      rps: { over: "time" },
      behaviours: { "podinfo:v2": { errorRate: { over: "weight" }, latencyMs: 80 } },
    });
  });

  it.each([
    [{ rps: "fast" }, 'rps must be 2, "0@0s,5@90s"'],
    [{ speed: 1 }, 'the scenario has no field "speed": use one of canary'],
    [{ behaviours: { "podinfo:v2": { errors: 1 } } }, 'behaviours.podinfo:v2 has no field "errors"'],
    [{ users: [{ kind: "panic" }] }, "users[0].kind must be one of release"],
    [{ hooks: { gate: { kind: "maybe" } } }, "hooks.gate.kind must be one of passes"],
    ["rps", "the scenario must be an object with canary"],
  ])("refuses %j", (file, message) => {
    expect(() => readScenario(file)).toThrow(message);
  });

  it.each([
    ["DaemonSet", "apps/v1", "istio"],
    ["StatefulSet", "apps/v1", "istio"],
    ["Service", "serving.knative.dev/v1", "knative"],
  ])("simulates a Canary of a %s of %s", async (kind, apiVersion, provider) => {
    const canary = aSimulatedCanary({ spec: { provider, targetRef: { apiVersion, kind, name: "podinfo" } } });
    const { violations, end } = await judge({ scenario: scenarioFrom({}, [canary], {}), seed: 1, weather: () => CALM });
    expect([violations, end?.phase, end?.image]).toEqual([[], "Succeeded", "podinfo:v2"]);
  });

  it("refuses targets without a manifest", () => {
    const canary = (kind: string, apiVersion: string) =>
      aSimulatedCanary({ spec: { targetRef: { kind, apiVersion, name: "podinfo" } } });
    expect(() => scenarioFrom({}, [canary("CronJob", "batch/v1")], {})).toThrow("use one of Deployment of apps");
    expect(() => scenarioFrom({}, [canary("Service", "v1")], {})).toThrow("a Service as target needs its manifest");
  });
});

describe("curves", () => {
  it.each([
    ["2.5%", 0, 0, 2.5],
    ["0@10s,10@20s", 15, 0, 5],
    ["0@10s,10@20s", 99, 0, 10],
    ["0@10s,10@1m", 5, 0, 0],
    ["1@20w,5@40w", 0, 30, 3],
  ])("%s at %d s and %d percent is %d", (text, seconds, weight, expected) => {
    expect(valueAt(parseCurve(text) ?? 0, seconds, weight)).toBeCloseTo(expected);
  });

  it.each(["", "x", "1,2", "1@5s,2@5w"])("refuses %s", (text) => {
    expect(parseCurve(text)).toBe(undefined);
  });
});
