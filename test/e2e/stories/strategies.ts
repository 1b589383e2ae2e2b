/**
 * The other strategies under traffic, each with a good and a bad revision: which users get the canary, and which must
 * not.
 */
import { describe, it } from "vitest";
import { BAD, GOOD } from "./manifests.ts";
import type { Stage } from "./story.ts";
import type { StoryRun } from "./story-run.ts";
import { byCanary } from "./users.ts";

const BEGUN = [
  "New revision detected! Scaling up podinfo",
  "Starting canary analysis for podinfo",
  "Pre-rollout check load-start passed",
  "Pre-rollout check warm-up passed",
];
const COPYING = "Copying podinfo template spec to podinfo-primary";
const DONE = "Promotion completed! Scaling down podinfo";
const PROMOTED = [COPYING, "Routing all traffic to primary", DONE];
const TAKEN_BACK = [
  "Halt podinfo advancement success rate N < 99%",
  "Rolling back podinfo failed checks threshold reached 6",
  "Canary failed! Scaling down podinfo",
];
const iterations = (n: number) => Array.from({ length: n }, (_, i) => `Advance podinfo canary iteration ${i + 1}/${n}`);

const UNHARMED = { dropped: [], injected: 0, failedByPrimary: 0 };

/** Each story runs twice: withoutKills, and with the operator killed. */
export function strategies(run: StoryRun): void {
  const { further } = run;
  /** Requests to the pods of a workload, including the load tester's and mirrored ones. */
  function requestsOf(namespace: string, workload: string): number {
    return run.fixture.sandbox.mesh
      .totals()
      .filter((total) => total.namespace === namespace && total.workload === workload)
      .reduce((sum, { requests }) => sum + requests, 0);
  }

  describe.concurrent("a canary with mirroring", () => {
    const analysis = { stepWeights: [50], mirror: true };

    it("is tried with copies first, then goes up", async ({ expect }) => {
      const story = await run.stage("mirror", { analysis, load: 0, requestsPerSecond: 20 });
      await story.release(GOOD);
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        ...BEGUN.slice(0, 2),
        "Advance podinfo canary weight 0",
        "Advance podinfo canary weight 50",
        ...PROMOTED,
      ]);
      expect(story.routes()).toEqual(["100/0", "100/0 mirrored", "50/50", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("of a bad revision is rolled back before any user has met it", async ({ expect }) => {
      const story = await run.stage("mirror-bad", {
        analysis: { ...analysis, threshold: 6 },
        requestsPerSecond: 20,
      });
      await story.release(BAD);
      const { dropped, injected, failedByPrimary, versions } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, "Advance podinfo canary weight 0", ...TAKEN_BACK]);
      expect(story.routes()).toEqual(["100/0", "100/0 mirrored", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(Object.keys(versions)).toEqual(["6.0.0"]);
    });
  });

  describe.concurrent("session affinity", () => {
    const sessionAffinity = { cookieName: "canary-user", maxAge: 3600 };
    const people = 8;

    it("keeps users on the canary that they have met, and ends with the release", async ({ expect }) => {
      const story = await run.stage("affinity", {
        analysis: { stepWeights: [30, 60], sessionAffinity },
        people: ({ ingress }) => Array.from({ length: people }, () => ({ doors: [ingress], browser: true })),
        requestsPerSecond: 24,
      });
      await story.release(GOOD);
      await story.untilPhase("Promoting");
      const during = [...story.users.answers];
      await story.untilPhase("Succeeded");
      await story.users.until("their cookies expire", (answers) => {
        const last = Array.from({ length: people }, (_, i) => answers.findLast(({ person }) => person === i));
        return last.every((answer) => answer?.cookies.size === 0);
      });
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        ...BEGUN,
        "Advance podinfo canary weight 30",
        "Advance podinfo canary weight 60",
        ...PROMOTED,
      ]);
      const met = new Set(during.filter(byCanary).map(({ person }) => person));
      expect(met.size).toBeGreaterThan(0);
      for (const person of met) {
        const own = during.filter((answer) => answer.person === person);
        const afterwards = own.slice(own.findIndex(byCanary));
        expect(afterwards.filter((answer) => !byCanary(answer))).toEqual([]);
        expect(afterwards.at(-1)?.cookies.get("canary-user")).toMatch(/^[a-zA-Z]{10}$/);
      }
      const strangers = during.filter(({ person }) => !met.has(person));
      expect(strangers.filter(({ cookies }) => cookies.size > 0)).toEqual([]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("of a bad revision ends for the users who were kept on it", async ({ expect }) => {
      const story = await run.stage("affinity-bad", {
        analysis: { stepWeights: [50], threshold: 6, sessionAffinity },
        people: ({ ingress }) => Array.from({ length: people }, () => ({ doors: [ingress], browser: true })),
        requestsPerSecond: 24,
      });
      await story.release(BAD);
      await story.untilPhase("Failed");
      await story.users.until("the primary again, without cookies", (answers) => {
        const last = Array.from({ length: people }, (_, i) => answers.findLast(({ person }) => person === i));
        return last.every((answer) => answer?.version === "6.0.0" && answer.cookies.size === 0);
      });
      const { dropped, failedByPrimary, answers } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, "Advance podinfo canary weight 50", ...TAKEN_BACK]);
      expect(answers.filter(byCanary).length).toBeGreaterThan(0);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });
  });

  describe.concurrent("A/B testing", () => {
    const match = [
      { headers: { "x-canary": { exact: "insider" } } },
      { headers: { cookie: { regex: "^(.*?;)?(canary=always)(;.*)?$" } } },
    ];
    const people: Stage["people"] = ({ ingress, service }) => [
      { doors: [ingress, service] },
      { doors: [ingress, service], headers: { "x-canary": "insider" } },
      { doors: [ingress, service], headers: { cookie: "a=b;canary=always" } },
      { doors: [ingress, service], headers: { "x-canary": "outsider", cookie: "canary=never" } },
    ];

    it("sends users who match to the canary, and no others", async ({ expect }) => {
      const story = await run.stage("ab", { analysis: { iterations: 3, match }, people, requestsPerSecond: 16 });
      await story.release(GOOD);
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(3), ...PROMOTED]);
      const metBy = new Set(answers.filter(byCanary).map(({ person }) => person));
      expect([...metBy].sort()).toEqual([1, 2]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("of a bad revision harms only users who match", async ({ expect }) => {
      const analysis = { iterations: 3, match, threshold: 6 };
      const story = await run.stage("ab-bad", { analysis, people, requestsPerSecond: 16 });
      await story.release(BAD);
      const { dropped, failedByPrimary, answers } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(3).slice(0, 1), ...TAKEN_BACK]);
      const harmed = new Set(answers.filter(({ injected }) => injected).map(({ person }) => person));
      expect([...harmed].sort()).toEqual([1, 2]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });
  });

  describe.concurrent("blue/green", () => {
    it("is tested beside the traffic, gets all of it, and is promoted", async ({ expect }) => {
      const story = await run.stage("green", { analysis: { iterations: 2 } });
      await story.release(GOOD);
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(2), "Routing all traffic to canary", ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "0/100", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("of a bad revision is rolled back before any user has met it", async ({ expect }) => {
      const story = await run.stage("green-bad", { analysis: { iterations: 2, threshold: 6 } });
      await story.release(BAD);
      const { dropped, injected, failedByPrimary, versions } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(2).slice(0, 1), ...TAKEN_BACK]);
      expect(story.routes()).toEqual(["100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(Object.keys(versions)).toEqual(["6.0.0"]);
    });

    further("with mirroring is tested with copies of the traffic, whose answers no user gets", async ({ expect }) => {
      const story = await run.stage("copied", {
        analysis: { iterations: 2, mirror: true },
        load: 0,
        requestsPerSecond: 20,
      });
      await story.release(GOOD);
      await story.heard(/iteration 2\/2/);
      const seen = [...story.users.answers];
      // Only the mirror talks to the canary.
      expect(requestsOf("copied", "podinfo")).toBeGreaterThan(0);
      expect(seen.filter(byCanary)).toEqual([]);
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        ...BEGUN.slice(0, 2),
        ...iterations(2),
        "Stop traffic mirroring and route all traffic to canary",
        ...PROMOTED,
      ]);
      expect(story.routes()).toEqual(["100/0", "100/0 mirrored", "0/100", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("with mirroring, of a bad revision: only copies fail", async ({ expect }) => {
      const analysis = { iterations: 2, mirror: true, threshold: 6 };
      const story = await run.stage("copied-bad", { analysis, requestsPerSecond: 20 });
      await story.release(BAD);
      const { dropped, injected, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(2).slice(0, 1), ...TAKEN_BACK]);
      expect(story.routes()).toEqual(["100/0", "100/0 mirrored", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });
  });

  describe.concurrent("blue/green on plain Kubernetes, judged by the pods' own metrics", () => {
    const spec = { provider: "kubernetes" };
    // Without a mesh these fields mean nothing, and each operator that starts says so.
    const service = { gateways: undefined, hosts: undefined };
    const people: Stage["people"] = ({ service }) => [{ doors: [service] }];

    further("never touches the traffic and is promoted", async ({ expect }) => {
      const story = await run.stage("plain", { analysis: { iterations: 2 }, spec, service, people });
      await story.release(GOOD);
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(2), COPYING, DONE]);
      expect(answers.filter(byCanary)).toEqual([]);
      expect(story.routes()).toEqual([]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    it("of a bad revision is rolled back unseen", async ({ expect }) => {
      const story = await run.stage("plain-bad", {
        ...{ spec, service, people },
        analysis: { iterations: 2, threshold: 6 },
      });
      await story.release(BAD);
      const { dropped, injected, failedByPrimary, answers } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, ...iterations(2).slice(0, 1), ...TAKEN_BACK]);
      expect(answers.filter(byCanary)).toEqual([]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });
  });

  describe.concurrent("promotion", () => {
    it("in steps gives the traffic back step by step", async ({ expect }) => {
      const story = await run.stage("stepped", { analysis: { stepWeights: [60], stepWeightPromotion: 30 } });
      await story.release(GOOD);
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        ...BEGUN,
        "Advance podinfo canary weight 60",
        COPYING,
        "Advance podinfo primary weight 70",
        "Advance podinfo primary weight 100",
        DONE,
      ]);
      expect(story.routes()).toEqual(["100/0", "40/60", "70/30", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("without analysis happens at once, and users stay with the primary", async ({ expect }) => {
      const story = await run.stage("skipped", { analysis: { stepWeights: [60] }, spec: { skipAnalysis: true } });
      await story.release(GOOD);
      await story.users.until("6.0.1", (answers) => answers.some(({ version }) => version === "6.0.1"));
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [
        "New revision detected! Scaling up podinfo",
        COPYING,
        "Promotion completed! Canary analysis was skipped for podinfo",
      ]);
      expect(story.routes()).toEqual(["100/0"]);
      expect(answers.filter(byCanary)).toEqual([]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });
  });
}
