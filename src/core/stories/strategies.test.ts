import { describe, expect, it } from "vitest";
import { PLAIN, released } from "../../testing/story.ts";

const GATE = (type: string, name = type) => ({ type, name, url: "http://gate.test/" });

describe("strategies are plans of steps", () => {
  it("A/B testing sends the matched requests to the canary for every iteration", () => {
    const story = released({
      analysis: { iterations: 3, match: [{ headers: { "x-canary": { exact: "insider" } } }] },
    });
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 0/100 Starting canary analysis for podinfo.test",
        "60s Progressing 0/100 Advance podinfo.test canary iteration 1/3",
        "75s Progressing 0/100 Advance podinfo.test canary iteration 2/3",
        "90s Progressing 0/100 Advance podinfo.test canary iteration 3/3",
        "105s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
        "105s Finalising 100/0 Routing all traffic to primary",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("blue/green tests beside the traffic, then switches all of it, then promotes", () => {
    const story = released({ analysis: { iterations: 2 } });
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 100/0 Starting canary analysis for podinfo.test",
        "60s Progressing 100/0 Advance podinfo.test canary iteration 1/2",
        "75s Progressing 100/0 Advance podinfo.test canary iteration 2/2",
        "90s Progressing 0/100 Routing all traffic to canary",
        "105s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
        "105s Finalising 100/0 Routing all traffic to primary",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("blue/green with mirroring copies the traffic for every iteration", () => {
    const story = released({ analysis: { iterations: 2, mirror: true } });
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 100/0m Starting canary analysis for podinfo.test",
        "60s Progressing 100/0m Advance podinfo.test canary iteration 1/2",
        "75s Progressing 100/0m Advance podinfo.test canary iteration 2/2",
        "90s Progressing 0/100 Stop traffic mirroring and route all traffic to canary",
        "105s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
        "105s Finalising 100/0 Routing all traffic to primary",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("blue/green without a mesh never touches the traffic", () => {
    const story = released({ analysis: { iterations: 2 }, spec: { provider: "kubernetes" } }, PLAIN);
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 100/0 Starting canary analysis for podinfo.test",
        "60s Progressing 100/0 Advance podinfo.test canary iteration 1/2",
        "75s Progressing 100/0 Advance podinfo.test canary iteration 2/2",
        "105s Promoting 100/0 Copying podinfo.test template spec to podinfo-primary.test",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("Q32: a progressive canary without a mesh says what is done instead", () => {
    const story = released({ analysis: { match: [{ headers: {} }] }, spec: { provider: "kubernetes" } }, PLAIN);
    story.run(20);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 100/0 Starting canary analysis for podinfo.test",
        "60s Progressing 100/0 A/B testing is not supported when using the kubernetes provider",
        "60s Progressing 100/0 Progressive traffic is not supported when using the kubernetes provider",
        "60s Progressing 100/0 Setting canaryAnalysis.iterations: 10",
        "60s Progressing 100/0 Advance podinfo.test canary iteration 1/10",
        "75s Progressing 100/0 Advance podinfo.test canary iteration 2/10",
      ]
    `);
  });

  it("a canary with mirroring mirrors once, then goes up", () => {
    const story = released({ analysis: { stepWeights: [20, 60], mirror: true } });
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 100/0m Starting canary analysis for podinfo.test",
        "60s Progressing 100/0m Advance podinfo.test canary weight 0",
        "75s Progressing 80/20 Advance podinfo.test canary weight 20",
        "90s Progressing 40/60 Advance podinfo.test canary weight 60",
        "105s Promoting 40/60 Copying podinfo.test template spec to podinfo-primary.test",
        "105s Finalising 100/0 Routing all traffic to primary",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("traffic goes back to the primary step by step when asked to", () => {
    const story = released({ analysis: { stepWeights: [100], stepWeightPromotion: 50 } });
    story.run(300);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 0/100 Starting canary analysis for podinfo.test",
        "60s Progressing 0/100 Advance podinfo.test canary weight 100",
        "75s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
        "75s Promoting 50/50 Advance podinfo.test primary weight 50",
        "90s Finalising 100/0 Advance podinfo.test primary weight 100",
        "93s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("session affinity makes a cookie with the first weight and retires it with the last", () => {
    const story = released({ analysis: { stepWeights: [50], sessionAffinity: { cookieName: "flagger-cookie" } } });
    story.run(5);
    const during = story.status.cookies;
    story.run(300);
    expect(during.canary).toMatch(/^flagger-cookie=[a-zA-Z]{10}$/);
    expect(story.status.cookies).toEqual({ canary: "", primary: "", previous: during.canary });
  });

  it("session affinity of a blue/green run lasts while the canary has the traffic, though no weight is recorded", () => {
    const story = released({ analysis: { iterations: 2, sessionAffinity: { cookieName: "flagger-cookie" } } });
    const cookies = new Map<number, string>();
    while (story.status.phase !== "Succeeded") {
      story.run(1);
      const canary = story.status.phase === "Progressing" ? story.status.iterations : -1;
      cookies.set(canary, story.status.cookies.canary);
    }
    expect([1, 2].map((iteration) => cookies.get(iteration))).toEqual(["", ""]);
    expect(cookies.get(3)).toMatch(/^flagger-cookie=[a-zA-Z]{10}$/);
    expect(story.status.cookies).toEqual({ canary: "", primary: "", previous: cookies.get(3) });
  });

  it("skipAnalysis promotes without judging and without moving traffic", () => {
    const story = released({ spec: { skipAnalysis: true } });
    story.run(60);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Promoting 100/0 Copying podinfo.test template spec to podinfo-primary.test",
        "60s Succeeded 100/0 Promotion completed! Canary analysis was skipped for podinfo.test",
      ]
    `);
    expect(story.status).toMatchObject({ phase: "Succeeded", promotedSpec: "v2" });
  });
});

describe("gates", () => {
  it("asks every gate in the order of the contract, and analysis goes on while one is closed", () => {
    const types = ["confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion"];
    const story = released({
      analysis: { stepWeights: [100], webhooks: [...types, "post-rollout", "rollback"].map((type) => GATE(type)) },
    });
    let promotionOpen = false;
    story.world.answer = (probe) => {
      if (probe.kind !== "hook") return { kind: "passed" };
      if (probe.type === "rollback") return { kind: "refused", detail: "Forbidden" };
      if (probe.type === "confirm-promotion" && !promotionOpen) return { kind: "refused", detail: "Forbidden" };
      return { kind: "passed" };
    };
    story.run(31);
    expect(story.status).toMatchObject({ phase: "WaitingPromotion", canaryWeight: 100, iterations: 0 });
    expect(story.asked).toMatchInlineSnapshot(`
      [
        "confirm-rollout confirm-rollout",
        "rollback rollback",
        "pre-rollout pre-rollout",
        "confirm-traffic-increase confirm-traffic-increase",
        "rollback rollback",
        "rollout rollout",
        "confirm-traffic-increase confirm-traffic-increase",
        "confirm-promotion confirm-promotion",
        "rollback rollback",
        "rollout rollout",
        "confirm-promotion confirm-promotion",
      ]
    `);
    promotionOpen = true;
    story.run(60);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 Confirm-rollout check confirm-rollout passed",
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 0/100 Rollback hook rollback not signaling a rollback",
        "60s Progressing 0/100 Starting canary analysis for podinfo.test",
        "60s Progressing 0/100 Pre-rollout check pre-rollout passed",
        "60s Progressing 0/100 Confirm-traffic-increase check confirm-traffic-increase passed",
        "60s Progressing 0/100 Advance podinfo.test canary weight 100",
        "75s WaitingPromotion 0/100 Rollback hook rollback not signaling a rollback",
        "75s WaitingPromotion 0/100 Confirm-traffic-increase check confirm-traffic-increase passed",
        "75s WaitingPromotion 0/100 Halt podinfo.test advancement waiting for promotion approval confirm-promotion",
        "90s WaitingPromotion 0/100 Rollback hook rollback not signaling a rollback",
        "105s Promoting 0/100 Rollback hook rollback not signaling a rollback",
        "105s Promoting 0/100 Confirm-promotion check confirm-promotion passed",
        "105s Promoting 0/100 Copying podinfo.test template spec to podinfo-primary.test",
        "105s Finalising 100/0 Routing all traffic to primary",
        "108s Succeeded 100/0 Post-rollout check post-rollout passed",
        "108s Succeeded 100/0 Promotion completed! Scaling down podinfo.test",
      ]
    `);
  });

  it("a canary that turns bad at a gate is rolled back", () => {
    const story = released({
      analysis: {
        threshold: 2,
        metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 } }],
        webhooks: [GATE("confirm-traffic-increase")],
      },
    });
    let rate = 100;
    let open = true;
    story.world.answer = (probe) => {
      if (probe.kind === "metric") return { kind: "value", value: rate };
      return open ? { kind: "passed" } : { kind: "refused", detail: "no" };
    };
    story.run(1);
    open = false;
    story.run(30);
    rate = 10;
    story.run(60);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 90/10 Starting canary analysis for podinfo.test",
        "60s Progressing 90/10 Confirm-traffic-increase check confirm-traffic-increase passed",
        "60s Progressing 90/10 Advance podinfo.test canary weight 10",
        "75s Progressing 90/10 Halt podinfo.test advancement waiting for traffic increase approval confirm-traffic-increase",
        "105s Progressing 90/10 Halt podinfo.test advancement success rate 10.00% < 99%",
        "120s Failed 100/0 Halt podinfo.test advancement success rate 10.00% < 99%",
        "120s Failed 100/0 Rolling back podinfo.test failed checks threshold reached 2",
        "120s Failed 100/0 Canary failed! Scaling down podinfo.test",
      ]
    `);
    expect(story.status.phase).toBe("Failed");
  });

  it("a rollback hook that passes rolls the release back", () => {
    const story = released({ analysis: { webhooks: [GATE("rollback", "stop")] } });
    let signal = false;
    story.world.answer = () => (signal ? { kind: "passed" } : { kind: "refused", detail: "Forbidden" });
    story.run(1);
    signal = true;
    story.run(60);
    expect(story.timeline).toMatchInlineSnapshot(`
      [
        "60s Progressing 100/0 New revision detected! Scaling up podinfo.test",
        "60s Progressing 90/10 Rollback hook stop not signaling a rollback",
        "60s Progressing 90/10 Starting canary analysis for podinfo.test",
        "60s Progressing 90/10 Advance podinfo.test canary weight 10",
        "75s Failed 100/0 Rollback check stop passed",
        "75s Failed 100/0 Rolling back podinfo.test manual webhook invoked",
        "75s Failed 100/0 Canary failed! Scaling down podinfo.test",
      ]
    `);
  });

  it("pre-rollout hooks run until they pass and then not again", () => {
    const story = released({ analysis: { stepWeights: [100], webhooks: [GATE("pre-rollout", "smoke")] } });
    let failures = 2;
    story.world.answer = () => {
      if (failures === 0) return { kind: "passed" };
      failures -= 1;
      return { kind: "refused", detail: "not yet" };
    };
    story.run(300);
    expect(story.asked).toEqual(["pre-rollout smoke", "pre-rollout smoke", "pre-rollout smoke"]);
    expect(story.status.phase).toBe("Succeeded");
  });
});
