import { describe, expect, it } from "vitest";
import { desired } from "../../core/desired.ts";
import { planFor } from "../../core/plan/plan.ts";
import type { CanaryStatus } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { golden } from "../../testing/golden.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createAutoscalers } from "../autoscalers.ts";
import { PAUSE_ANNOTATION } from "./keda/keda.ts";

const FLUX = { "kustomize.toolkit.fluxcd.io/name": "apps" };

const hpa: KubeObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "podinfo-hpa", namespace: "test", labels: { team: "a", ...FLUX }, annotations: { mine: "1" } },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    minReplicas: 2,
    maxReplicas: 4,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 99 } } }],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
  },
};

const QUERY = 'sum(rate(http_requests_total{app="podinfo-canary"}[2m])) + count(up{pod=~"podinfo-.*"})';
const scaledObject: KubeObject = {
  apiVersion: "keda.sh/v1alpha1",
  kind: "ScaledObject",
  metadata: {
    name: "podinfo-so",
    namespace: "test",
    labels: { team: "a", ...FLUX },
    annotations: { mine: "1", [PAUSE_ANNOTATION]: "0", ...FLUX },
    finalizers: ["finalizer.keda.sh"],
  },
  spec: {
    scaleTargetRef: { name: "podinfo", envSourceContainerName: "podinfod" },
    pollingInterval: 10,
    cooldownPeriod: 20,
    initialCooldownPeriod: 30,
    minReplicaCount: 1,
    maxReplicaCount: 3,
    fallback: { failureThreshold: 4, replicas: 5, behavior: "static" },
    advanced: {
      restoreToOriginalReplicaCount: true,
      horizontalPodAutoscalerConfig: { name: "podinfo-keda" },
      scalingModifiers: { formula: "a + b" },
    },
    triggers: [
      {
        type: "prometheus",
        name: "requests",
        useCachedMetrics: true,
        metadata: { serverAddress: "http://prometheus:9090", threshold: "100", query: QUERY },
      },
      { type: "cpu", metadata: { value: "80" } },
    ],
  },
};

const SYNC = aDesiredState({ syncScaler: true });

describe.each([
  { source: hpa, file: "hpa/golden/primary.yaml", what: "HorizontalPodAutoscaler" },
  { source: scaledObject, file: "keda/golden/primary.yaml", what: "Keda ScaledObject" },
])("autoscaler $source.kind", ({ source, file, what }) => {
  const { kind } = source;
  const { name } = source.metadata;
  const resource = kind === "ScaledObject" ? "scaledobjects.keda.sh" : "horizontalpodautoscalers.autoscaling";
  const partsOf = (ref: KubeFields = {}): CanaryParts => ({ spec: { autoscalerRef: { kind, name, ...ref } } });
  const found = createAutoscalers({ includeLabelPrefixes: ["team"] }).find((candidate) => candidate.kind === kind);
  if (found === undefined) throw new Error(`no autoscaler ${kind}`);
  const autoscaler = found;
  const render = (cluster: ToyCluster, world = aDesiredState(), ref: KubeFields = {}) =>
    cluster.apply(autoscaler.renderPrimary(inPhase("Promoting", partsOf(ref)), world, cluster));
  const primary = (cluster: ToyCluster) => cluster.at(kind, `${name}-primary`);
  const withSpec = (spec: KubeFields, object = source) => ({ ...object, spec: { ...object.spec, ...spec } });

  it(`is made once for the primary, as in ${file}`, () => {
    const cluster = createToyCluster(mergePatch, source);
    render(cluster);
    expect(primary(cluster)).toEqual(golden(new URL(file, import.meta.url)));
    expect(render(cluster)).toEqual([]);
    expect(render(cluster, SYNC)).toEqual([]);
  });

  it("follows its source only when a revision is promoted", () => {
    const cluster = createToyCluster(mergePatch, source);
    render(cluster);
    const max = kind === "ScaledObject" ? "maxReplicaCount" : "maxReplicas";
    const gone = kind === "ScaledObject" ? "cooldownPeriod" : "behavior";
    cluster.put(withSpec({ [max]: 9, [gone]: undefined, fieldOfTheFuture: { a: 1 } }));
    expect(render(cluster)).toEqual([]);
    render(cluster, SYNC);
    expect(primary(cluster).spec).toMatchObject({ [max]: 9, fieldOfTheFuture: { a: 1 } });
    expect(primary(cluster).spec).not.toHaveProperty(gone);
    expect(primary(cluster).spec.scaleTargetRef.name).toBe("podinfo-primary");
    expect(render(cluster, SYNC)).toEqual([]);
  });

  it("takes the primary's limits from the Canary where they are set", () => {
    const cluster = createToyCluster(mergePatch, source);
    render(cluster, aDesiredState(), { primaryScalerReplicas: { minReplicas: 5, maxReplicas: 10 } });
    const { minReplicas, maxReplicas, minReplicaCount, maxReplicaCount } = primary(cluster).spec;
    const limits = kind === "ScaledObject" ? [minReplicaCount, maxReplicaCount] : [minReplicas, maxReplicas];
    expect(limits).toEqual([5, 10]);
  });

  it("applies an edit of the primary's limits at once, and nothing else of its source", () => {
    const cluster = createToyCluster(mergePatch, source);
    render(cluster);
    const max = kind === "ScaledObject" ? "maxReplicaCount" : "maxReplicas";
    cluster.put(withSpec({ [max]: 9 }));
    render(cluster, aDesiredState(), { primaryScalerReplicas: { minReplicas: 6 } });
    const { minReplicas, minReplicaCount, maxReplicas, maxReplicaCount } = primary(cluster).spec;
    const limits = kind === "ScaledObject" ? [minReplicaCount, maxReplicaCount] : [minReplicas, maxReplicas];
    expect(limits).toEqual([6, source.spec[max]]);
    expect(render(cluster, aDesiredState(), { primaryScalerReplicas: { minReplicas: 6 } })).toEqual([]);
  });

  it("reports a missing source, unless the Canary is being deleted", () => {
    const empty = createToyCluster(mergePatch);
    const canary = aCanary(partsOf());
    expect(autoscaler.problem(canary, empty)).toBe(
      `${what} ${name}.test get query error: ${resource} "${name}" not found`,
    );
    expect(autoscaler.problem({ ...canary, deleting: true }, empty)).toBeUndefined();
    expect(autoscaler.problem(canary, createToyCluster(mergePatch, source))).toBeUndefined();
    expect(autoscaler.renderPrimary(canary, SYNC, empty)).toEqual([]);
    expect(autoscaler.renderTarget(canary, aDesiredState({ target: "down" }), empty)).toEqual([]);
    expect(autoscaler.inputs(canary).map((ref) => ref.name)).toEqual([name, `${name}-primary`]);
  });
});

describe("a HorizontalPodAutoscaler", () => {
  const autoscaler = createAutoscalers({ includeLabelPrefixes: [] })[0];
  const canary = aCanary({ spec: { autoscalerRef: { kind: "HorizontalPodAutoscaler", name: "podinfo-hpa" } } });

  it("Q54: is not written when only labels or annotations differ", () => {
    const cluster = createToyCluster(mergePatch, hpa);
    cluster.apply(autoscaler?.renderPrimary(canary, SYNC, cluster) ?? []);
    cluster.put({ ...hpa, metadata: { ...hpa.metadata, labels: { other: "1" }, annotations: { more: "2" } } });
    expect(cluster.apply(autoscaler?.renderPrimary(canary, SYNC, cluster) ?? [])).toEqual([]);
  });

  it("names the primary in metrics of type Pods and Object that name the target", () => {
    const labels = (value: string) => ({ matchLabels: { app: value, zone: "a" } });
    const among = (...values: string[]) => ({ matchExpressions: [{ key: "app", operator: "In", values }] });
    const metrics = [
      { type: "Pods", pods: { metric: { name: "rps", selector: labels("podinfo") }, target: { averageValue: "1k" } } },
      { type: "Pods", pods: { metric: { name: "rps", selector: among("podinfo-canary", "web") } } },
      { type: "Pods", pods: { metric: { name: "podinfo" } } },
      { type: "Object", object: { metric: { name: "rps" }, describedObject: { kind: "Service", name: "podinfo" } } },
      {
        type: "Object",
        object: { metric: { name: "r" }, describedObject: { kind: "Service", name: "podinfo-canary" } },
      },
      { type: "Object", object: { metric: { name: "rps" }, describedObject: { kind: "Deployment", name: "podinfo" } } },
      { type: "Object", object: { metric: { name: "rps" }, describedObject: { kind: "Ingress", name: "podinfo" } } },
      { type: "External", external: { metric: { name: "queue", selector: labels("podinfo") } } },
      { type: "FutureKind", future: { metric: { name: "podinfo" } } },
    ];
    const cluster = createToyCluster(mergePatch, { ...hpa, spec: { ...hpa.spec, metrics } });
    cluster.apply(autoscaler?.renderPrimary(canary, SYNC, cluster) ?? []);
    const made = cluster.at("HorizontalPodAutoscaler", "podinfo-hpa-primary").spec.metrics;
    expect(made[0].pods).toEqual({ ...metrics[0]?.pods, metric: { name: "rps", selector: labels("podinfo-primary") } });
    expect(made[1].pods.metric.selector).toEqual(among("podinfo-primary", "web"));
    expect(made[2]).toEqual(metrics[2]);
    const described = made
      .slice(3, 7)
      .map(({ object }: KubeFields) => `${object.describedObject.kind} ${object.describedObject.name}`);
    expect(described).toEqual([
      "Service podinfo-primary",
      "Service podinfo-primary",
      "Deployment podinfo-primary",
      "Ingress podinfo",
    ]);
    expect(made.slice(7)).toEqual(metrics.slice(7));
    expect(cluster.apply(autoscaler?.renderPrimary(canary, SYNC, cluster) ?? [])).toEqual([]);
  });

  it("has a minimum of 1 when none is set, and is never paused", () => {
    const { minReplicas: _min, ...spec } = hpa.spec;
    const cluster = createToyCluster(mergePatch, { ...hpa, spec });
    cluster.apply(autoscaler?.renderPrimary(canary, SYNC, cluster) ?? []);
    expect(cluster.at("HorizontalPodAutoscaler", "podinfo-hpa-primary").spec.minReplicas).toBe(1);
    expect(autoscaler?.renderTarget(canary, aDesiredState({ target: "down" }), cluster)).toEqual([]);
  });
});

describe("a ScaledObject", () => {
  const keda = createAutoscalers({ includeLabelPrefixes: ["team"] }).find(({ kind }) => kind === "ScaledObject");
  if (keda === undefined) throw new Error("KEDA is not in the table");
  const canaryWith = (ref: KubeFields = {}) =>
    aCanary({ spec: { autoscalerRef: { kind: "ScaledObject", name: "podinfo-so", ...ref } } });
  const primaryQueries = (triggers: KubeFields, ref: KubeFields = {}) => {
    const cluster = createToyCluster(mergePatch, { ...scaledObject, spec: { ...scaledObject.spec, triggers } });
    cluster.apply(keda.renderPrimary(canaryWith(ref), aDesiredState(), cluster));
    const { spec } = cluster.at("ScaledObject", "podinfo-so-primary");
    return spec.triggers.map(({ metadata }: KubeFields) => metadata?.query);
  };
  const trigger = (name: string, query?: string) => ({
    type: "prometheus",
    name,
    metadata: { ...(query && { query }) },
  });

  it.each([
    ["podinfo podinfo-canary", "podinfo-primary podinfo-primary"],
    ["podinfo-primary", "podinfo-primary-primary"],
    ["other", "other"],
    ["$& $1 podinfo", "$& $1 podinfo-primary"],
  ])("rewrites the query %s as %s", (query, expected) => {
    expect(primaryQueries([trigger("a", query)])).toEqual([expected]);
  });

  it("takes the queries that the Canary gives, and rewrites no other query", () => {
    const queries = { a: "given", c: "new" };
    const triggers = [
      trigger("a", "podinfo"),
      trigger("b", "podinfo"),
      trigger("c"),
      { type: "cron" },
      trigger("toString"),
    ];
    const expected = ["given", "podinfo", "new", undefined, undefined];
    expect(primaryQueries(triggers, { primaryScalerQueries: queries })).toEqual(expected);
    expect(primaryQueries([trigger("a", "podinfo")], { primaryScalerQueries: {} })).toEqual(["podinfo"]);
  });

  it("always sets the configuration of its HPA", () => {
    const { advanced: _advanced, ...spec } = scaledObject.spec;
    const cluster = createToyCluster(mergePatch, { ...scaledObject, spec });
    cluster.apply(keda.renderPrimary(canaryWith(), aDesiredState(), cluster));
    const primary = cluster.at("ScaledObject", "podinfo-so-primary");
    expect(primary.spec.advanced).toEqual({ horizontalPodAutoscalerConfig: {} });
    expect(cluster.apply(keda.renderPrimary(canaryWith(), SYNC, cluster))).toEqual([]);
  });

  it("Q56: the primary's metadata is pruned by prefix when it is updated", () => {
    const cluster = createToyCluster(mergePatch, scaledObject);
    cluster.apply(keda.renderPrimary(canaryWith(), aDesiredState(), cluster));
    cluster.put({ ...scaledObject, spec: { ...scaledObject.spec, pollingInterval: 1 } });
    cluster.apply(keda.renderPrimary(canaryWith(), SYNC, cluster));
    const { labels, annotations, ownerReferences } = cluster.at("ScaledObject", "podinfo-so-primary").metadata;
    expect([labels, annotations, ownerReferences?.length]).toEqual([{ team: "a" }, {}, 1]);
  });

  it("Q57: the primary's ScaledObject is not paused when its source is", () => {
    const cluster = createToyCluster(mergePatch, scaledObject);
    cluster.apply(keda.renderPrimary(canaryWith(), aDesiredState(), cluster));
    expect(cluster.at("ScaledObject", "podinfo-so-primary").metadata.annotations).toEqual({ mine: "1" });
  });

  it("Q55: is paused and resumed by its annotation alone; the operator changes nothing else of the user's object", () => {
    const { [PAUSE_ANNOTATION]: _pause, ...annotations } = scaledObject.metadata.annotations ?? {};
    const running = { ...scaledObject, metadata: { ...scaledObject.metadata, annotations } };
    const cluster = createToyCluster(mergePatch, running);
    const converge = (target: "up" | "down" | "as-is") =>
      cluster.apply(keda.renderTarget(canaryWith(), aDesiredState({ target }), cluster));
    expect(converge("up")).toEqual([]);
    expect(converge("as-is")).toEqual([]);
    const patch = (value: string) =>
      `patch ScaledObject/podinfo-so {"metadata":{"annotations":{"${PAUSE_ANNOTATION}":${value}}}}`;
    expect(converge("down")).toEqual([patch('"0"')]);
    expect(cluster.at("ScaledObject", "podinfo-so")).toEqual(scaledObject);
    expect(converge("down")).toEqual([]);
    expect(converge("up")).toEqual([patch("null")]);
    expect(cluster.at("ScaledObject", "podinfo-so")).toEqual(running);
  });

  it("Q91: is paused at bootstrap only after the traffic went to the primary", () => {
    const { status, uid, spec } = inPhase("Initializing");
    const plan = planFor(spec, { weights: true, mirror: true, headerMatch: true, sessionAffinity: true });
    const cluster = createToyCluster(mergePatch, scaledObject);
    const bootstrap = desired({ uid, plan, suspended: false }, status);
    expect(cluster.apply(keda.renderTarget(canaryWith(), bootstrap, cluster))).toEqual([]);
    expect(bootstrap.traffic).toBe("untouched");
    const done = inPhase("Initialized", {}, { drain: { kind: "none" } } as Partial<CanaryStatus>);
    expect(desired({ uid, plan, suspended: false }, done.status)).toMatchObject({
      target: "down",
      traffic: { primary: 100 },
    });
  });

  it("is paused at 0 replicas when it was paused at another number", () => {
    const { annotations, ...metadata } = scaledObject.metadata;
    const held = {
      ...scaledObject,
      metadata: { ...metadata, annotations: { ...annotations, [PAUSE_ANNOTATION]: "3" } },
    };
    const cluster = createToyCluster(mergePatch, held);
    cluster.apply(keda.renderTarget(canaryWith(), aDesiredState({ target: "down" }), cluster));
    expect(cluster.at("ScaledObject", "podinfo-so")).toEqual(scaledObject);
  });

  it("can be paused when it has no annotations", () => {
    const { annotations: _none, ...metadata } = scaledObject.metadata;
    const cluster = createToyCluster(mergePatch, { ...scaledObject, metadata });
    cluster.apply(keda.renderTarget(canaryWith(), aDesiredState({ target: "down" }), cluster));
    expect(cluster.at("ScaledObject", "podinfo-so").metadata.annotations).toEqual({ [PAUSE_ANNOTATION]: "0" });
  });
});
