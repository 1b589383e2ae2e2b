import { describe, expect, it } from "vitest";
import type { CanaryStatus } from "../../core/status/canary.ts";
import { promotionId } from "../../core/turn/identity.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { golden } from "../../testing/golden.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createDaemonSetWorkload } from "./daemonset.ts";
import { daemonSetReadiness } from "./readiness.ts";

const NOW = Date.UTC(2026, 0, 1);
const PARTS = { spec: { targetRef: { apiVersion: "apps/v1", kind: "DaemonSet", name: "podinfo" } } };
const workload = createDaemonSetWorkload({ selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true });
const SELECTOR = "flagger.app/scale-to-zero";

const target = (podSpec: KubeFields = {}, spec: KubeFields = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "podinfo", namespace: "test", generation: 1, labels: { app: "podinfo" }, annotations: { a: "b" } },
  spec: {
    minReadySeconds: 5,
    revisionHistoryLimit: 4,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
    selector: { matchLabels: { app: "podinfo" } },
    template: {
      metadata: { labels: { app: "podinfo" } },
      spec: { containers: [{ name: "podinfod", image: "podinfo:1" }], ...podSpec },
    },
    ...spec,
  },
  status: { observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
});

const read = (cluster: ToyCluster, canary = aCanary(PARTS)) => workload.read(canary, cluster, NOW);
function revisionOf(object: KubeObject) {
  const reading = read(createToyCluster(mergePatch, object));
  if (reading.kind === "problem") throw new Error(reading.detail);
  return reading.target.revision;
}

describe("the primary DaemonSet", () => {
  it("is made as in golden/primary.yaml", () => {
    const cluster = createToyCluster(mergePatch, target());
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    const expected = golden(new URL("golden/primary.yaml", import.meta.url));
    expected.spec.template.metadata.annotations["flagger-id"] = promotionId(aCanary().uid, revisionOf(target()));
    expect(cluster.at("DaemonSet", "podinfo-primary")).toEqual(expected);
  });

  it("Q61: runs on every node, also when it is created or promoted from a target that is scaled down", () => {
    const down = target({ nodeSelector: { disk: "ssd", [SELECTOR]: "true" } });
    const cluster = createToyCluster(mergePatch, down);
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    const podSpec = () => cluster.at("DaemonSet", "podinfo-primary").spec.template.spec;
    expect(podSpec().nodeSelector).toEqual({ disk: "ssd" });
    cluster.put(target({ hostNetwork: true, nodeSelector: { [SELECTOR]: "true" } }));
    const revision = revisionOf(cluster.at("DaemonSet", "podinfo"));
    const primary = { kind: "promoted", id: "x", revision } as const;
    cluster.apply(workload.renderPrimary(inPhase("Promoting", PARTS), aDesiredState({ primary }), cluster));
    expect(podSpec()).toMatchObject({ hostNetwork: true });
    expect(podSpec()).not.toHaveProperty("nodeSelector");
  });

  const ssd = { disk: "ssd" };
  const tolerations = [{ key: "gpu", operator: "Exists" }];
  const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } }];
  it.each<[string, KubeFields, KubeFields, true | undefined]>([
    ["other nodes by a selector", {}, { nodeSelector: ssd }, true],
    ["more nodes", { nodeSelector: ssd }, {}, true],
    ["other nodes by tolerations", {}, { tolerations }, true],
    [
      "other nodes by affinity",
      {},
      { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } },
      true,
    ],
    ["the same nodes", { nodeSelector: ssd }, { nodeSelector: ssd, hostNetwork: true }, undefined],
    ["the same nodes, while the target is down", {}, { nodeSelector: { [SELECTOR]: "true" } }, undefined],
  ])("has a gap without pods, or has none, when the promotion sends its pods to %s", (_, before, after, gap) => {
    const cluster = createToyCluster(mergePatch, target(before));
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    const { status } = target();
    cluster.put({ ...cluster.at("DaemonSet", "podinfo-primary"), status }, target(after));
    const gapNow = () => {
      const reading = read(cluster);
      return reading.kind === "reading" ? reading.primary.gap : reading;
    };
    expect(gapNow()).toBe(gap);
    // The copy may fail: then the pods go back.
    const revision = revisionOf(cluster.at("DaemonSet", "podinfo"));
    const primary = { kind: "promoted", id: promotionId(aCanary().uid, revision), revision } as const;
    cluster.apply(workload.renderPrimary(inPhase("Promoting", PARTS), aDesiredState({ primary }), cluster));
    expect(gapNow()).toBe(gap);
  });

  it("3.4: does not rewrite affinities", () => {
    const labelSelector = { matchLabels: { app: "podinfo" } };
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector }] } };
    const cluster = createToyCluster(mergePatch, target({ affinity }));
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    expect(cluster.at("DaemonSet", "podinfo-primary").spec.template.spec.affinity).toEqual(affinity);
  });
});

describe("a DaemonSet", () => {
  it.each([
    ["no node selector", {}],
    ["a node selector", { nodeSelector: { disk: "ssd" } }],
    ["an empty one", { nodeSelector: {} }],
  ])("with %s is scaled down by a selector that no node matches, and keeps its revision", (_, podSpec) => {
    const cluster = createToyCluster(mergePatch, target(podSpec));
    const converge = (wanted: "up" | "down") =>
      cluster.apply(workload.renderTarget(inPhase("Succeeded", PARTS), aDesiredState({ target: wanted }), cluster));
    converge("down");
    const live = () => cluster.at("DaemonSet", "podinfo");
    expect(live().spec.template.spec.nodeSelector).toMatchObject({ [SELECTOR]: "true" });
    expect(revisionOf(live())).toEqual(revisionOf(target(podSpec)));
    converge("up");
    expect(live().spec.template.spec.nodeSelector ?? {}).toEqual((podSpec as KubeFields).nodeSelector ?? {});
  });

  it("is handed back without the selector when the Canary is deleted", () => {
    const cluster = createToyCluster(mergePatch, target({ nodeSelector: { [SELECTOR]: "true" } }));
    const leaving = aDesiredState({ target: "up", traffic: "untouched" });
    cluster.apply(workload.renderTarget(inPhase("Terminating", PARTS), leaving, cluster));
    expect(cluster.at("DaemonSet", "podinfo").spec).toEqual(target().spec);
  });

  it.each([
    [
      { type: "OnDelete" },
      "createPrimaryDaemonSet failed: daemonset podinfo.test must have RollingUpdate strategy but have OnDelete: set its spec.updateStrategy.type",
    ],
    [{ type: "RollingUpdate" }, undefined],
    [undefined, undefined],
    [{ type: "" }, undefined],
  ])("with update strategy %j: %s", (updateStrategy, problem) => {
    const reading = read(createToyCluster(mergePatch, target({}, { updateStrategy })));
    expect(reading.kind === "problem" ? reading.detail : undefined).toBe(problem);
  });

  it("that cannot be released any more is handed back with its Services when the Canary is deleted", () => {
    const refused = target({}, { updateStrategy: { type: "OnDelete" } });
    const own = target({}, { selector: { matchLabels: { app: "podinfo-primary" } } });
    const primary = { ...own, metadata: { ...own.metadata, name: "podinfo-primary" } };
    const leaving = { ...aCanary(PARTS), deleting: true };
    expect(read(createToyCluster(mergePatch, refused, primary), leaving)).toMatchObject({
      kind: "reading",
      selector: { label: "app", target: { app: "podinfo" }, primary: { app: "podinfo-primary" } },
    });
    // The operator takes nothing over from a target without a primary.
    expect(read(createToyCluster(mergePatch, refused), leaving).kind).toBe("problem");
  });

  it("without a selector label is refused, with the apostrophe", () => {
    const reading = read(createToyCluster(mergePatch, target({}, { selector: {} })));
    expect(reading).toMatchObject({
      detail: "getSelectorLabel failed: daemonset podinfo.test spec.selector.matchLabels must contain one of [app]'",
    });
  });
});

describe("a DaemonSet's rollout", () => {
  const rollout = (status: KubeFields, giveUpAt?: number, thresholdPercent = 100) => {
    const rule = { progressDeadlineSeconds: 60, thresholdPercent, now: NOW };
    const object = { ...target(), status: { observedGeneration: 1, ...status } };
    return daemonSetReadiness(object, giveUpAt === undefined ? rule : { ...rule, giveUpAt });
  };
  const WAITING = "waiting for rollout to finish: ";

  it.each<[string, KubeFields, number, string]>([
    ["not seen", { observedGeneration: 0 }, 100, "observed daemonset generation less than desired generation"],
    ["begun", { desiredNumberScheduled: 3, updatedNumberScheduled: 1 }, 100, "1 out of 3 new pods have been updated"],
    [
      "some available",
      { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 1 },
      80,
      "1 of 2 (readyThreshold 80%) updated pods are available",
    ],
  ])("%s", (_, status, threshold, detail) => {
    expect(rollout(status, undefined, threshold).readiness).toEqual({ kind: "progressing", detail: WAITING + detail });
  });

  it("is finished when the threshold is reached, and when there is no node", () => {
    const status = { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 };
    expect(rollout(status, NOW - 1, 80).readiness.kind).toBe("ready");
    expect(rollout({}, NOW - 1).readiness.kind).toBe("ready");
  });

  it("is given up at its deadline, and the turn is scheduled for that time", () => {
    const late = { desiredNumberScheduled: 3 };
    expect(rollout(late, NOW)).toMatchObject({ readiness: { kind: "progressing" }, recheckAt: NOW + 1 });
    expect(rollout(late, NOW - 1).readiness).toEqual({
      kind: "stuck",
      detail: "exceeded its progressDeadlineSeconds: 60",
    });
  });

  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;
  it.each<[string, CanaryStatus["phase"], object, string]>([
    ["a pod is missing for a moment after a long idle time", "Succeeded", { phaseSince: NOW - HOUR }, "progressing"],
    ["the run began long ago", "Progressing", { phaseSince: NOW - HOUR, hold: { kind: "none" } }, "stuck"],
    ["the run has just begun", "Progressing", { phaseSince: NOW - MINUTE, hold: { kind: "none" } }, "progressing"],
    [
      "a pod goes missing late in a long run",
      "Progressing",
      { phaseSince: NOW - HOUR, hold: { kind: "until", at: NOW } },
      "progressing",
    ],
    ["the first primary never came up", "Initializing", { phaseSince: NOW - HOUR }, "stuck"],
  ])("Q40: when %s it is %s", (_, phase, status, kind) => {
    const cluster = createToyCluster(mergePatch, target());
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    const primary = cluster.at("DaemonSet", "podinfo-primary");
    cluster.put({ ...primary, status: { desiredNumberScheduled: 1 } });
    const reading = read(cluster, inPhase(phase, PARTS, status as Partial<CanaryStatus>));
    expect(reading).toMatchObject({ primary: { readiness: { kind } } });
  });

  it("Q62: is reported in Flagger's misspelled words", () => {
    const late = { ...target(), status: { observedGeneration: 1, desiredNumberScheduled: 1 } };
    const since = { phaseSince: NOW - HOUR, hold: { kind: "none" } };
    expect(read(createToyCluster(mergePatch, late), inPhase("Progressing", PARTS, since))).toMatchObject({
      target: {
        readiness: {
          kind: "stuck",
          detail:
            "canary damonset podinfo.test not ready with retryable false: exceeded its progressDeadlineSeconds: 600",
        },
      },
      primary: {
        readiness: {
          detail:
            "primary daemonset podinfo-primary.test not ready: daemonset podinfo-primary.test get query error: " +
            'daemonsets.apps "podinfo-primary" not found',
        },
      },
    });
  });
});
