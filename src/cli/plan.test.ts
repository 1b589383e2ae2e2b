/** What `aviary plan` shows, strategy by strategy: printed as its readers see it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { aWireCanary, type CanaryParts } from "../testing/canary.ts";
import { planCommand } from "./commands/plan.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-plan-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

async function plan(parts: CanaryParts, ...options: string[]): Promise<string> {
  const file = join(FOLDER, "canary.json");
  writeFileSync(file, JSON.stringify(aWireCanary(parts)));
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const { signal } = new AbortController();
  await planCommand.run({ argv: [file, ...options], out, err: out, env: {}, signal });
  return `\n${text}`;
}

const hook = (type: string, name: string) => ({ type, name, url: "http://hooks.test/" });
const RATE = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" };

describe("aviary plan", () => {
  it("a canary release with gates, in steps both ways", async () => {
    const webhooks = [
      hook("confirm-rollout", "start"),
      hook("pre-rollout", "smoke"),
      hook("rollout", "load"),
      hook("confirm-traffic-increase", "more"),
      hook("confirm-promotion", "release"),
      hook("rollback", "undo"),
      hook("post-rollout", "tell"),
    ];
    const latency = { name: "latency", templateRef: { name: "p99" }, thresholdRange: { min: 1, max: 500 } };
    const analysis = {
      interval: "1m",
      stepWeights: [5, 30],
      stepWeightPromotion: 15,
      webhooks,
      metrics: [RATE, latency],
    };
    expect(await plan({ analysis })).toMatchInlineSnapshot(`
      "
      podinfo.test: canary release of Deployment podinfo on istio

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content, and start (confirm-rollout) approves.

        AFTER  STEP       PRIMARY  CANARY  ASKED BEFORE
        0s     weight 5   95 %     5 %     smoke (pre-rollout), more (confirm-traffic-increase)
        1m0s   weight 30  70 %     30 %    more (confirm-traffic-increase)
        2m0s   promotion  70 %     30 %    more (confirm-traffic-increase), release (confirm-promotion)

        Times count from when the pods of the canary are ready.

        Each step is held for 1m0s, then checked:
          webhook load          must answer 200, 201 or 202
          request-success-rate  at least 99 % over 1m
          latency               at least 1 and at most 500 over 1m, template p99.test

        Promotion: the primary gets the new revision; when its pods are ready, traffic
        goes to it by 85 %, 100 %, every 1m0s, and the canary goes.

        5 failed checks roll the release back (5m0s when every check fails), as does a
        canary that is not ready within 10m0s.
        undo (rollback) can roll it back at any check, by answering 200.
        After the end, good or bad, tell (post-rollout) is called.
      "
    `);
  });

  it("an A/B test says who meets the canary", async () => {
    const match = [
      { headers: { "x-canary": { exact: "insider" }, "user-agent": { regex: ".*Firefox.*" } } },
      { sourceLabels: { app: "frontend" } },
    ];
    expect(await plan({ analysis: { iterations: 2, match, metrics: [RATE] } })).toMatchInlineSnapshot(`
      "
      podinfo.test: ab-testing release of Deployment podinfo on istio

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content.

        AFTER  STEP           PRIMARY     CANARY       ASKED BEFORE
        0s     iteration 1/2  all others  who matches  -
        15s    iteration 2/2  all others  who matches  -
        30s    promotion      all others  who matches  -

        Times count from when the pods of the canary are ready.
        Who matches: header x-canary exact insider and header user-agent regex
        .*Firefox.*, or label app is frontend.

        Each step is held for 15s, then checked:
          request-success-rate  at least 99 % over 1m

        Promotion: the primary gets the new revision; when its pods are ready, all
        traffic goes to it at once, and the canary goes.

        5 failed checks roll the release back (1m15s when every check fails), as does
        a canary that is not ready within 10m0s.
      "
    `);
  });

  it("blue/green with mirroring", async () => {
    const metrics = [{ name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" }];
    const analysis = { interval: "30s", threshold: 1, iterations: 2, mirror: true, mirrorWeight: 20, metrics };
    expect(await plan({ analysis })).toMatchInlineSnapshot(`
      "
      podinfo.test: blue-green release of Deployment podinfo on istio

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content.

        AFTER  STEP           PRIMARY  CANARY  ASKED BEFORE
        0s     iteration 1/2  100 %    copies  -
        30s    iteration 2/2  100 %    copies  -
        1m0s   switch         0 %      100 %   -
        1m30s  promotion      0 %      100 %   -

        Times count from when the pods of the canary are ready.
        Copies: 20 % of the requests reach the canary, too, whose answers are thrown
        away.

        Each step is held for 30s, then checked:
          request-duration  at most 500 ms over 30s

        Promotion: the primary gets the new revision; when its pods are ready, all
        traffic goes to it at once, and the canary goes.

        1 failed check rolls the release back (30s when every check fails), as does a
        canary that is not ready within 10m0s.
      "
    `);
  });

  it("a canary release with mirroring and session affinity", async () => {
    const sessionAffinity = { cookieName: "met", maxAge: 3600 };
    expect(await plan({ analysis: { stepWeights: [50], mirror: true, sessionAffinity } })).toMatchInlineSnapshot(`
      "
      podinfo.test: canary release of Deployment podinfo on istio

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content.

        AFTER  STEP       PRIMARY  CANARY  ASKED BEFORE
        0s     mirror     100 %    copies  -
        15s    weight 50  50 %     50 %    -
        30s    promotion  50 %     50 %    -

        Times count from when the pods of the canary are ready.
        Copies: each request reaches the canary, too, whose answers are thrown away.
        Users who met the canary stay with it: cookie met, for 1h0m0s.

        Each step is held for 15s. Nothing is checked: pods that are ready pass.

        Promotion: the primary gets the new revision; when its pods are ready, all
        traffic goes to it at once, and the canary goes.

        5 failed checks roll the release back (1m15s when every check fails), as does
        a canary that is not ready within 10m0s.
      "
    `);
  });

  it("a provider that cannot mirror or keep users is refused, with those that can", async () => {
    const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
    const spec = { provider: "knative", targetRef };
    await expect(plan({ spec, analysis: { stepWeights: [50], mirror: true } })).rejects.toThrow(
      /mirroring is not supported by provider knative: remove spec.analysis.mirror or use one of .*istio/,
    );
    await expect(
      plan({ spec, analysis: { stepWeights: [50], sessionAffinity: { cookieName: "met" } } }),
    ).rejects.toThrow(/session affinity is not supported by provider knative/);
  });

  it("what does not count on plain Kubernetes is reported", async () => {
    const analysis = { iterations: 2, mirror: true, sessionAffinity: { cookieName: "met" } };
    const text = await plan({ spec: { provider: "kubernetes" }, analysis });
    expect(text).toContain("note: spec.analysis.mirror does not count on the provider kubernetes\n");
    expect(text).toContain("note: spec.analysis.sessionAffinity does not count on the provider kubernetes\n");
    const service = { provider: "kubernetes", targetRef: { apiVersion: "v1", kind: "Service", name: "podinfo" } };
    const plain = await plan({ spec: service, analysis: { iterations: 2 } });
    expect(plain).toContain("all users meet a change of Service podinfo\n  at once: use a mesh");
    expect(plain).not.toContain("No user meets the canary");
  });

  it("weights without a mesh", async () => {
    const analysis = { interval: "5s", iterations: 1, webhooks: [hook("rollout", "smoke")] };
    expect(await plan({ spec: { provider: "kubernetes" }, analysis })).toMatchInlineSnapshot(`
      "
      podinfo.test: blue-green release of Deployment podinfo on kubernetes

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content.

        AFTER  STEP           PRIMARY  CANARY  ASKED BEFORE
        0s     iteration 1/1  100 %    0 %     -
        10s    last check     100 %    0 %     -
        20s    promotion      100 %    0 %     -

        Times count from when the pods of the canary are ready.
        No user meets the canary: have tests call the Service podinfo-canary, e.g. by
        a rollout webhook.
        The interval "5s" is raised to the least, 10s.

        Each step is held for 10s, then checked:
          webhook smoke  must answer 200, 201 or 202

        Promotion: the primary gets the new revision; when its pods are ready, it
        serves all users, as before, and the canary goes.

        5 failed checks roll the release back (50s when every check fails), as does a
        canary that is not ready within 10m0s.
      "
    `);
  });

  it("steps and A/B tests on plain Kubernetes are planned as the blue/green release that they become", async () => {
    const spec = { provider: "kubernetes" };
    const webhooks = [hook("confirm-traffic-increase", "more"), hook("confirm-promotion", "release")];
    const analysis = { interval: "1m", stepWeight: 10, maxWeight: 50, stepWeightPromotion: 20, webhooks };
    expect(await plan({ spec, analysis })).toMatchInlineSnapshot(`
      "
      podinfo.test: blue-green release of Deployment podinfo on kubernetes

        note: the provider kubernetes cannot split traffic, so the release runs as
        blue/green: spec.analysis.stepWeight, maxWeight and stepWeightPromotion do not
        count
        note: Progressive traffic is not supported when using the kubernetes provider
        note: Setting canaryAnalysis.iterations: 10

        It begins when Deployment podinfo has a new pod template, or a ConfigMap or
        Secret that it uses has new content.

        AFTER  STEP             PRIMARY  CANARY  ASKED BEFORE
        0s     iteration 1/10   100 %    0 %     -
        1m0s   iteration 2/10   100 %    0 %     -
        2m0s   iteration 3/10   100 %    0 %     -
        3m0s   iteration 4/10   100 %    0 %     -
        4m0s   iteration 5/10   100 %    0 %     -
        5m0s   iteration 6/10   100 %    0 %     -
        6m0s   iteration 7/10   100 %    0 %     -
        7m0s   iteration 8/10   100 %    0 %     -
        8m0s   iteration 9/10   100 %    0 %     -
        9m0s   iteration 10/10  100 %    0 %     -
        10m0s  last check       100 %    0 %     release (confirm-promotion)
        11m0s  promotion        100 %    0 %     release (confirm-promotion)

        Times count from when the pods of the canary are ready.
        No user meets the canary: have tests call the Service podinfo-canary, e.g. by
        a rollout webhook.

        Each step is held for 1m0s. Nothing is checked: pods that are ready pass.

        Promotion: the primary gets the new revision; when its pods are ready, it
        serves all users, as before, and the canary goes.

        5 failed checks roll the release back (5m0s when every check fails), as does a
        canary that is not ready within 10m0s.
      "
    `);
    const match = [{ headers: { "x-canary": { exact: "insider" } } }];
    const tested = await plan({ spec, analysis: { iterations: 2, match } });
    expect(tested).toContain("podinfo.test: blue-green release of Deployment podinfo on kubernetes\n");
    expect(tested).toContain("so the release runs as\n  blue/green: spec.analysis.match does not count\n");
    const [shown] = JSON.parse(await plan({ spec, analysis }, "-o", "json"));
    expect(shown).toMatchObject({ strategy: "blue-green", promotionWeights: [] });
  });

  it("without analysis", async () => {
    const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
    expect(await plan({ spec: { provider: "knative", targetRef, skipAnalysis: true } })).toMatchInlineSnapshot(`
      "
      podinfo.test: canary release of Service podinfo on knative

        It begins when Service podinfo has a new revision.

        Analysis is skipped: the new revision is promoted as soon as its pods are
        ready, without any check.
      "
    `);
  });

  it("for programs", async () => {
    const [shown] = JSON.parse(await plan({ analysis: { stepWeights: [50] } }, "-o", "json"));
    expect(shown).toMatchObject({
      name: "podinfo.test",
      strategy: "canary",
      intervalMs: 15_000,
      promotionWeights: [100],
    });
    expect(shown.steps).toHaveLength(1);
  });

  it("names fields that no Canary has", async () => {
    expect(await plan({ spec: { skipAnalysys: true } })).toContain(
      "note: spec.skipAnalysys is no field of a Canary: the API server drops it",
    );
  });

  it.each<[string, CanaryParts, string]>([
    [
      "the API server",
      { analysis: { iterations: 3, stepWeight: 10 } },
      "schema (oneOf). Found 2 valid alternatives: give interval, threshold and one of stepWeight, stepWeights and iter",
    ],
    [
      "the operator",
      { analysis: { stepWeight: 0 } },
      "podinfo.test: invalid canary spec: spec.analysis needs iterations",
    ],
    [
      "the router",
      {
        spec: {
          provider: "knative",
          targetRef: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" },
        },
        analysis: { iterations: 3, match: [{ headers: { a: { exact: "b" } } }] },
      },
      "podinfo.test: A/B testing is not supported by provider knative",
    ],
    ["an Ingress that is not named", { spec: { provider: "nginx" } }, "podinfo.test: ingress selector is empty"],
  ])("refuses what %s would refuse", async (_who, parts, problem) => {
    await expect(plan(parts)).rejects.toThrow(problem);
  });
});
