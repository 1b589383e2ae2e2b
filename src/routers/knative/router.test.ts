import { describe, expect, it } from "vitest";
import { completeTraffic } from "../../../sandbox/crds/knative.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createKnativeRouter } from "./router.ts";

const router = createKnativeRouter();
const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
const canary = aCanary({ spec: { provider: "knative", targetRef } });

const service = (annotations: Record<string, string> = {}): KubeObject => ({
  apiVersion: "serving.knative.dev/v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test", annotations },
  spec: { template: {} },
});
const PINNED = service({ "flagger.app/primary-revision": "podinfo-00001" });

describe("the Knative router", () => {
  it("splits between the latest revision and the pinned one", () => {
    const cluster = createToyCluster(mergePatch, PINNED);
    cluster.apply(router.render(canary, { primary: 80, canary: 20, mirror: false }, cluster));
    expect(cluster.at("Service", "podinfo").spec.traffic).toEqual([
      { latestRevision: true, percent: 20 },
      { revisionName: "podinfo-00001", latestRevision: false, percent: 80 },
    ]);
  });

  it("writes a split once, although Knative adds defaults to it", () => {
    const routes = { primary: 80, canary: 20, mirror: false };
    const cluster = createToyCluster(mergePatch, PINNED);
    cluster.apply(router.render(canary, routes, cluster));
    const written = structuredClone(cluster.at("Service", "podinfo"));
    completeTraffic(written);
    cluster.put(written);
    expect(cluster.apply(router.render(canary, routes, cluster))).toEqual([]);
  });

  it("R14, Q65: makes the Service follow its latest revision again, and removes the pinned one", () => {
    const cluster = createToyCluster(mergePatch, PINNED);
    cluster.apply(router.render(canary, { primary: 100, canary: 0, mirror: false }, cluster));
    cluster.apply(router.handBack(canary, cluster));
    expect(cluster.at("Service", "podinfo")).toEqual({
      ...service(),
      spec: { template: {}, traffic: [{ latestRevision: true, percent: 100 }] },
    });
  });

  it("splits nothing before a revision is pinned", () => {
    const cluster = createToyCluster(mergePatch, service());
    expect(router.render(canary, { primary: 100, canary: 0, mirror: false }, cluster)).toEqual([]);
    expect(router.read(canary, cluster)).toBeUndefined();
  });

  it("R14: does not take an entry without latestRevision for the latest", () => {
    const traffic = [{ revisionName: "podinfo-00001", percent: 100 }, { percent: 0 }];
    const cluster = createToyCluster(mergePatch, { ...PINNED, spec: { traffic } });
    expect(router.read(canary, cluster)).toBeUndefined();
  });

  it("refuses other targets", () => {
    expect(router.problem(aCanary())).toContain("set spec.targetRef to one of serving.knative.dev/v1");
  });
});
