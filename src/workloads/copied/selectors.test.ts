/** A selector never changes: a primary keeps the selector that it was created with, also when the target's changes. */

import { describe, expect, it } from "vitest";
import type { DesiredPrimary } from "../../core/phases/phase.ts";
import { promotionId } from "../../core/turn/identity.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createWorkloads } from "../table.ts";

type Labels = Record<string, string>;

const NOW = Date.UTC(2026, 0, 1);
const SELECTOR_LABELS = ["app", "name", "app.kubernetes.io/name"];

function target(kind: string, name: string, matchLabels: Labels, image = "podinfo:1"): KubeObject {
  const spec = { containers: [{ name: "podinfod", image }] };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name, namespace: "test", generation: 1 },
    spec: { selector: { matchLabels }, template: { metadata: { labels: matchLabels }, spec } },
    status: { observedGeneration: 1 },
  };
}

function stage(kind: string, name: string, cluster: ToyCluster, selectorLabels = SELECTOR_LABELS) {
  const targetRef = { apiVersion: "apps/v1", kind, name };
  const workload = createWorkloads({ selectorLabels, includeLabelPrefixes: [], configTracking: true }).find((found) =>
    found.matches(targetRef),
  );
  if (workload === undefined) throw new Error(`no workload for ${kind}`);
  const parts = { name, spec: { targetRef } };
  const read = (phase: "" | "Initializing" | "Succeeded" = "Succeeded") =>
    workload.read(inPhase(phase, parts), cluster, NOW);
  const readingOf = () => {
    const reading = read();
    if (reading.kind === "problem") throw new Error(reading.detail);
    return reading;
  };
  return {
    read,
    selector: () => readingOf().selector,
    begin: () => cluster.apply(workload.renderPrimary(inPhase("Initializing", parts), aDesiredState(), cluster)),
    promote() {
      const { revision } = readingOf().target;
      const primary: DesiredPrimary = { kind: "promoted", id: promotionId(aCanary(parts).uid, revision), revision };
      return cluster.apply(workload.renderPrimary(inPhase("Promoting", parts), aDesiredState({ primary }), cluster));
    },
    inputs: () => workload.inputs(inPhase("", parts), cluster).map((ref) => ref.name),
    primary: () => cluster.at(kind, `${name}-primary`).spec,
  };
}

describe.each(["Deployment", "DaemonSet", "StatefulSet"])("the primary of a %s", (kind) => {
  it("keeps a selector that its pods match when the target is created again with another selector", () => {
    const cluster = createToyCluster(mergePatch, target(kind, "web", { app: "web" }));
    const { begin, promote, primary, selector } = stage(kind, "web", cluster);
    begin();
    cluster.put(target(kind, "web", { "app.kubernetes.io/name": "web" }, "podinfo:2"));
    expect(selector()).toMatchObject({
      label: "app",
      target: { "app.kubernetes.io/name": "web" },
      primary: { app: "web-primary" },
    });
    promote();
    expect(primary().selector.matchLabels).toEqual({ app: "web-primary" });
    // The target must not select the primary's pods either.
    expect(primary().template.metadata.labels).toEqual({ app: "web-primary", "app.kubernetes.io/name": "web-primary" });
  });

  it("keeps a selector that its pods match when -selector-labels is changed", () => {
    const labels = { app: "web", deploy: "web" };
    const cluster = createToyCluster(mergePatch, target(kind, "web", labels));
    stage(kind, "web", cluster, ["app"]).begin();
    cluster.put(target(kind, "web", labels, "podinfo:2"));
    const { promote, primary, selector } = stage(kind, "web", cluster, ["deploy", "app"]);
    const own = { app: "web-primary", deploy: "web" };
    expect(selector()).toMatchObject({ target: labels, primary: own });
    promote();
    expect([primary().selector.matchLabels, primary().template.metadata.labels]).toEqual([own, own]);
  });

  it("keeps the other match labels of its target, which distinguish two releases of one chart", () => {
    const release = (instance: string) =>
      target(kind, `shop-${instance}`, { "app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": instance });
    const cluster = createToyCluster(mergePatch, release("blue"), release("red"));
    const [blue, red] = [stage(kind, "shop-blue", cluster), stage(kind, "shop-red", cluster)];
    blue.begin();
    expect(red.read("")).toMatchObject({ kind: "reading" });
    red.begin();
    expect(red.primary().selector.matchLabels).toEqual({
      "app.kubernetes.io/name": "shop-primary",
      "app.kubernetes.io/instance": "red",
    });
    expect([blue.read("Initializing").kind, red.read("Initializing").kind]).toEqual(["reading", "reading"]);
  });

  it("is not created when its pods could not be told apart from those of another primary", () => {
    const blue = target(kind, "shop-blue", { name: "shop" });
    const cluster = createToyCluster(mergePatch, blue, target(kind, "shop-red", { name: "shop" }));
    stage(kind, "shop-blue", cluster).begin();
    const red = stage(kind, "shop-red", cluster);
    expect(red.read("")).toEqual({
      kind: "problem",
      detail:
        `the pods of ${kind} shop-red-primary.test could not be told apart from the pods of ${kind} ` +
        "shop-blue-primary.test, which are selected by name=shop-primary as well: " +
        `give ${kind} shop-red a label of its own in spec.selector.matchLabels`,
    });
    expect(red.inputs()).toContain("shop-blue-primary");
    cluster.remove(cluster.at(kind, "shop-blue-primary"));
    expect(red.read("")).toMatchObject({ kind: "reading" });
  });

  it("refuses a second release when Flagger created the first primary with one selector label", () => {
    const [one, two] = [
      { name: "shop", tier: "blue" },
      { name: "shop", tier: "red" },
    ];
    const flaggers = target(kind, "shop-blue-primary", { ...one, name: "shop-primary" });
    const owner = { apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "shop-blue", uid: "1" };
    flaggers.metadata.ownerReferences = [owner];
    flaggers.spec.selector.matchLabels = { name: "shop-primary" };
    const cluster = createToyCluster(
      mergePatch,
      target(kind, "shop-blue", one),
      flaggers,
      target(kind, "shop-red", two),
    );
    // The first release goes on; the second would send its pods into the first one's Service.
    expect(stage(kind, "shop-blue", cluster).read("Succeeded")).toMatchObject({ kind: "reading" });
    expect(stage(kind, "shop-red", cluster).read("")).toMatchObject({
      kind: "problem",
      detail: expect.stringContaining("selected by name=shop-primary as well"),
    });
  });

  it("goes on when it is the older of two, and a Canary that is initialised is never refused", () => {
    const cluster = createToyCluster(mergePatch, target(kind, "a", { app: "x" }), target(kind, "b", { app: "x" }));
    const [a, b] = [stage(kind, "a", cluster), stage(kind, "b", cluster)];
    a.begin();
    b.begin();
    expect([a.read("Initializing").kind, b.read("Initializing").kind]).toEqual(["reading", "problem"]);
    expect(b.read("Succeeded").kind).toBe("reading");
  });
});
