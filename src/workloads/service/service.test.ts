import { describe, expect, it } from "vitest";
import { promotionId } from "../../core/turn/identity.ts";
import { hashServiceSpec } from "../../go/hash/hash.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { golden } from "../../testing/golden.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createServiceWorkload } from "./service.ts";

const workload = createServiceWorkload({ selectorLabels: [], includeLabelPrefixes: ["team"], configTracking: true });
const PARTS = { spec: { targetRef: { apiVersion: "v1", kind: "Service", name: "podinfo" } } };
const KUBECTL = "kubectl.kubernetes.io/last-applied-configuration";

const target = (spec: KubeFields = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "podinfo",
    namespace: "test",
    labels: { team: "a", other: "1" },
    annotations: { mine: "1", [KUBECTL]: "{}" },
  },
  spec: {
    type: "NodePort",
    selector: { app: "podinfo", version: "v1" },
    clusterIP: "10.0.0.1",
    clusterIPs: ["10.0.0.1"],
    ipFamilies: ["IPv4"],
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 32000,
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: 9898, nodePort: 30001 },
      { name: "grpc", protocol: "TCP", port: 9999, targetPort: 9999, nodePort: 30002 },
    ],
    ...spec,
  },
});

const converge = (cluster: ToyCluster, parts = PARTS) =>
  cluster.apply(workload.renderPrimary(inPhase("Succeeded", parts), aDesiredState(), cluster));

/** The fields that the API server assigns to a new Service. */
function allocate(cluster: ToyCluster, name: string, last: number): void {
  const service = cluster.at("Service", name);
  const ports = service.spec.ports.map((port: object, i: number) => ({ ...port, nodePort: 30100 + 10 * last + i }));
  const own = { clusterIP: `10.0.0.${last}`, clusterIPs: [`10.0.0.${last}`], healthCheckNodePort: 32000 + last };
  cluster.put({ ...service, spec: { ...service.spec, ...own, ports } });
}

function promote(cluster: ToyCluster): void {
  const revision = { spec: hashServiceSpec(cluster.at("Service", "podinfo").spec) };
  const primary = { kind: "promoted", id: promotionId(aCanary().uid, revision), revision } as const;
  cluster.apply(workload.renderPrimary(inPhase("Promoting", PARTS), aDesiredState({ primary }), cluster));
}

describe("a Service as target", () => {
  it("Q58: has copies with addresses and node ports of their own, as in golden/copies.yaml", () => {
    const cluster = createToyCluster(mergePatch, target());
    const parts = { ...PARTS, service: { trafficDistribution: "PreferClose" } };
    cluster.apply(workload.renderPrimary(inPhase("Initializing", parts), aDesiredState(), cluster));
    const { canary, primary } = golden(new URL("golden/copies.yaml", import.meta.url));
    primary.metadata.annotations["flagger-id"] = promotionId(aCanary().uid, { spec: hashServiceSpec(target().spec) });
    expect(cluster.at("Service", "podinfo-canary")).toEqual(canary);
    expect(cluster.at("Service", "podinfo-primary")).toEqual(primary);
    expect(cluster.at("Service", "podinfo")).toEqual(target());
  });

  it("Q59: writes its copies only when they differ", () => {
    const cluster = createToyCluster(mergePatch, target());
    expect(converge(cluster)).toEqual(["create Service/podinfo-canary", "create Service/podinfo-primary"]);
    allocate(cluster, "podinfo-canary", 2);
    allocate(cluster, "podinfo-primary", 3);
    expect(converge(cluster)).toEqual([]);
    cluster.put(target({ selector: { app: "podinfo", version: "v2" } }));
    expect(converge(cluster)).toEqual(['patch Service/podinfo-canary {"spec":{"selector":{"version":"v2"}}}']);
  });

  it("Q58: promotes every field that the cluster did not assign, and keeps the primary's owner", () => {
    const cluster = createToyCluster(mergePatch, target());
    converge(cluster);
    allocate(cluster, "podinfo-primary", 3);
    const [http] = target().spec.ports;
    const ports = [{ name: "new", protocol: "TCP", port: 81, targetPort: 81, nodePort: 30003 }, http];
    cluster.put(target({ selector: { version: "v2" }, ports }));
    promote(cluster);
    const { metadata, spec } = cluster.at("Service", "podinfo-primary");
    expect(spec).toMatchObject({
      selector: { version: "v2" },
      clusterIP: "10.0.0.3",
      clusterIPs: ["10.0.0.3"],
      healthCheckNodePort: 32003,
    });
    expect(spec.ports.map((port: KubeFields) => [port.name, port.nodePort])).toEqual([
      ["new", undefined],
      ["http", 30130],
    ]);
    expect(metadata.labels).toEqual({ team: "a" });
    expect(metadata.annotations).not.toHaveProperty("mine");
    expect(metadata.ownerReferences).toHaveLength(1);
  });

  it.each<[string, KubeFields, KubeFields]>([
    ["Q58: a headless one", { type: "ClusterIP", clusterIP: "None", clusterIPs: ["None"] }, { clusterIP: "None" }],
    ["one for a name outside", { type: "ExternalName", externalName: "example.com" }, { externalName: "example.com" }],
  ])("%s keeps its own addresses", (_, spec, expected) => {
    const cluster = createToyCluster(mergePatch, target(spec));
    converge(cluster);
    expect(cluster.at("Service", "podinfo-primary").spec).toMatchObject(expected);
    expect(converge(cluster)).toEqual([]);
  });

  it("loses its address when it becomes an ExternalName", () => {
    const cluster = createToyCluster(mergePatch, target());
    converge(cluster);
    allocate(cluster, "podinfo-canary", 2);
    cluster.put({ ...target(), spec: { type: "ExternalName", externalName: "example.com" } });
    converge(cluster);
    expect(cluster.at("Service", "podinfo-canary").spec).toEqual({ type: "ExternalName", externalName: "example.com" });
  });

  it.each(["", "{", "null", "{}", '{"id":"x","spec":null}'])(
    "whose primary keeps %j of what it ran before cannot go back, and goes on",
    (spoilt) => {
      const cluster = createToyCluster(mergePatch, target());
      converge(cluster);
      cluster.put(target({ selector: { version: "v2" } }));
      promote(cluster);
      const { metadata, ...primary } = cluster.at("Service", "podinfo-primary");
      const annotations = { ...metadata.annotations, "aviary.flagger.app/previous-spec": spoilt };
      cluster.put({ ...primary, metadata: { ...metadata, annotations } } as KubeObject);
      const restored = { kind: "restored", from: metadata.annotations?.["flagger-id"] } as const;
      const wanted = aDesiredState({ primary: restored as never });
      expect(workload.renderPrimary(inPhase("Failed", PARTS), wanted, cluster)).toEqual([
        expect.objectContaining({ metadata: expect.objectContaining({ name: "podinfo-canary" }) }),
      ]);
    },
  );

  it("is always ready, has no pods, and its configs are not tracked", () => {
    const cluster = createToyCluster(mergePatch, target());
    converge(cluster);
    const reading = workload.read(aCanary(PARTS), cluster, 0);
    expect(reading).toMatchObject({
      target: { readiness: { kind: "ready" }, available: 1, scaledDown: false },
      primary: { exists: true, readiness: { kind: "ready" }, available: 1 },
    });
    expect(reading).not.toHaveProperty("selector");
    expect(reading.kind === "reading" && reading.target.revision).toEqual({ spec: hashServiceSpec(target().spec) });
    expect(workload.renderTarget(inPhase("Succeeded", PARTS), aDesiredState({ target: "down" }), cluster)).toEqual([]);
  });

  it("R27: must have the name that the routes use", () => {
    const canary = aCanary({ ...PARTS, service: { name: "web" } });
    expect(workload.read(canary, createToyCluster(mergePatch, target()), 0)).toMatchObject({
      kind: "problem",
      detail: 'spec.service.name "web" must be "podinfo", the target Service that routes and copies are named after',
    });
  });

  it("that is missing is reported under the name of its primary", () => {
    expect(workload.read(aCanary(PARTS), createToyCluster(mergePatch), 0)).toEqual({
      kind: "problem",
      detail: 'service podinfo-primary.test get query error: services "podinfo" not found',
    });
  });
});
