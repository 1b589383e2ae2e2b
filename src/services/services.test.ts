import { describe, expect, it } from "vitest";
import type { Canary } from "../core/status/canary.ts";
import { mergePatch } from "../json/merge-patch.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { PodSelector } from "../ports/workload.ts";
import { aCanary } from "../testing/canary.ts";
import { golden } from "../testing/golden.ts";
import { createToyCluster, type ToyCluster } from "../testing/toy-cluster.ts";
import { createServicesRouter } from "./services.ts";

const services = createServicesRouter();
const PODS: PodSelector = {
  label: "app",
  target: { app: "podinfo" },
  primary: { app: "podinfo-primary" },
  primaryServes: true,
  primaryPorts: [],
  ports: { canary: [], primary: [] },
};

const FURTHER = [
  { name: "grpc", port: 9999 },
  { name: "http-metrics", port: 9797 },
];
const FOUND: PodSelector = {
  ...PODS,
  ports: { canary: FURTHER, primary: FURTHER },
};
const KUBECTL = "kubectl.kubernetes.io/last-applied-configuration";
const OPT_OUTS = {
  "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
  "helm.toolkit.fluxcd.io/driftDetection": "disabled",
};

function converge(canary: Canary, cluster: ToyCluster, selector = PODS): readonly string[] {
  return [
    ...cluster.apply(services.renderCopies(canary, selector, cluster)),
    ...cluster.apply(services.renderApex(canary, selector, cluster)),
  ];
}

/** The fields that the API server adds to a new Service. */
function allocate(cluster: ToyCluster, name: string, ...nodePorts: number[]): void {
  const service = cluster.at("Service", name);
  const ports = service.spec.ports.map((port: object, i: number) => ({ ...port, nodePort: nodePorts[i] }));
  cluster.put({
    ...service,
    spec: { ...service.spec, clusterIP: "10.0.0.1", ...(nodePorts.length > 0 && { ports }), sessionAffinity: "None" },
  });
}

const APEX = {
  service: {
    port: 80,
    targetPort: "http",
    portName: "http-podinfo",
    appProtocol: "http",
    portDiscovery: true,
    trafficDistribution: "PreferClose",
    apex: { labels: { team: "a" }, annotations: { x: "y" } },
  },
};

describe("generated Services", () => {
  it("are as in golden/*.yaml, and written once", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(APEX), cluster, FOUND);
    expect(cluster.at("Service", "podinfo")).toEqual(golden(new URL("golden/apex.yaml", import.meta.url)));
    expect(converge(aCanary(APEX), cluster, FOUND)).toEqual([]);
    const headless = createToyCluster(mergePatch);
    headless.apply(services.renderCopies(aCanary({ service: { headless: true } }), PODS, headless));
    const plain = createToyCluster(mergePatch);
    plain.apply(services.renderCopies(aCanary(), PODS, plain));
    expect(headless.at("Service", "podinfo-canary")).toEqual(golden(new URL("golden/canary.yaml", import.meta.url)));
    expect(plain.at("Service", "podinfo-primary")).toEqual(golden(new URL("golden/primary.yaml", import.meta.url)));
  });

  it("keep the fields that the API server set", () => {
    const cluster = createToyCluster(mergePatch);
    const canary = aCanary(APEX);
    converge(canary, cluster, FOUND);
    allocate(cluster, "podinfo", 30001, 30002, 30003);
    expect(converge(canary, cluster, FOUND)).toEqual([]);
    converge(canary, cluster, { ...FOUND, ports: { canary: FURTHER, primary: FURTHER.slice(0, 1) } });
    expect(cluster.at("Service", "podinfo").spec).toMatchObject({
      clusterIP: "10.0.0.1",
      sessionAffinity: "None",
      ports: [
        { name: "http-podinfo", nodePort: 30001 },
        { name: "grpc", nodePort: 30002 },
      ],
    });
  });

  it("are equal when only the order of their ports differs", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(APEX), cluster, FOUND);
    const apex = cluster.at("Service", "podinfo");
    cluster.put({ ...apex, spec: { ...apex.spec, ports: [...apex.spec.ports].reverse() } });
    expect(converge(aCanary(APEX), cluster, FOUND)).toEqual([]);
  });

  it("Q64, R26: keep clusterIP and traffic policy after their creation", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(), cluster);
    const changed = aCanary({ service: { headless: true, trafficDistribution: "PreferClose" } });
    expect(converge(changed, cluster)).toEqual([]);
  });

  it("lose labels and annotations that the Canary does not set, except those in unmanagedMetadata", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(), cluster);
    const apex = cluster.at("Service", "podinfo");
    const foreign = { theirs: "1", kept: "2" };
    cluster.put({ ...apex, metadata: { ...apex.metadata, labels: foreign, annotations: foreign } });
    const unmanagedMetadata = { labels: ["kept", "absent"], annotations: ["kept"] };
    converge(aCanary({ service: { unmanagedMetadata } }), cluster);
    const { labels, annotations } = cluster.at("Service", "podinfo").metadata;
    expect(labels).toEqual({ app: "podinfo", kept: "2" });
    expect(annotations).toEqual({ ...OPT_OUTS, kept: "2" });
  });
});

describe("a Service that exists", () => {
  const MOVED: PodSelector = {
    ...PODS,
    label: "name",
    target: { name: "podinfo" },
    primary: { name: "podinfo-primary" },
  };
  const selectors = (cluster: ToyCluster) =>
    ["podinfo", "podinfo-primary", "podinfo-canary"].map((name) => cluster.at("Service", name).spec.selector);
  const primary = { app: "podinfo-primary" };

  it("keeps its selector until a pod of the new primary can serve", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(), cluster);
    converge(aCanary(), cluster, { ...MOVED, primaryServes: false });
    expect(selectors(cluster)).toEqual([primary, primary, MOVED.target]);
    converge(aCanary(), cluster, MOVED);
    expect(selectors(cluster)).toEqual([MOVED.primary, MOVED.primary, MOVED.target]);
    expect(converge(aCanary(), cluster, { ...MOVED, primaryServes: false })).toEqual([]);
  });

  it("gets its ports at once", () => {
    const cluster = createToyCluster(mergePatch);
    converge(aCanary(), cluster);
    converge(aCanary({ service: { port: 80 } }), cluster, { ...MOVED, primaryServes: false });
    expect(cluster.at("Service", "podinfo").spec).toMatchObject({ selector: primary, ports: [{ port: 80 }] });
  });

  it("publishes the further ports of the pods that it selects", () => {
    const cluster = createToyCluster(mergePatch);
    const ports = { canary: [{ name: "grpc", port: 9998 }], primary: [{ name: "grpc", port: 9999 }] };
    converge(aCanary(), cluster, { ...PODS, ports });
    const published = () =>
      ["podinfo", "podinfo-primary", "podinfo-canary"].map((name) => cluster.at("Service", name).spec.ports[1].port);
    expect(published()).toEqual([9999, 9999, 9998]);
    cluster.apply(services.renderApex(aCanary(), { ...PODS, ports }, cluster, "canary"));
    expect(published()).toEqual([9998, 9999, 9998]);
  });

  it("leads to the port at which its pods answer while a release moves that port", () => {
    const cluster = createToyCluster(mergePatch);
    const at = (targetPort: number) => aCanary({ service: { targetPort } });
    const toPorts = () =>
      ["podinfo", "podinfo-primary", "podinfo-canary"].map(
        (name) => cluster.at("Service", name).spec.ports[0].targetPort,
      );
    const old = { ...PODS, primaryPorts: [9898, "http"] };
    converge(at(9898), cluster, { ...old, primaryPort: 9898 });
    // The Canary was applied before the target.
    converge(at(9797), cluster, old);
    expect(toPorts()).toEqual([9898, 9898, 9797]);
    converge(at(9797), cluster, { ...old, primaryPort: 9898 });
    expect(toPorts()).toEqual([9898, 9898, 9797]);
    cluster.apply(services.renderApex(at(9797), { ...old, primaryPort: 9898 }, cluster, "canary"));
    expect(toPorts()).toEqual([9797, 9898, 9797]);
    converge(at(9797), cluster, { ...PODS, primaryPorts: [9797, "http"], primaryPort: 9797 });
    expect(toPorts()).toEqual([9797, 9797, 9797]);
    // The promotion failed, and the primary has its earlier pods again.
    converge(at(9797), cluster, { ...old, primaryPort: 9898 });
    expect(toPorts()).toEqual([9898, 9898, 9797]);
    // Pods that declare no port: the spec alone tells.
    converge(at(8080), cluster);
    expect(toPorts()).toEqual([8080, 8080, 8080]);
  });

  it("is handed back with all labels of the target in its selector", () => {
    const labels = { app: "shop", instance: "blue" };
    const both = { ...PODS, target: labels, primary: { ...labels, app: "shop-primary" } };
    const metadata = { name: "podinfo", namespace: "test" };
    const cluster = createToyCluster(mergePatch, {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: { app: "shop" } },
    });
    converge(aCanary(), cluster, both);
    cluster.apply(services.handBack(aCanary(), both, cluster));
    expect(cluster.at("Service", "podinfo").spec.selector).toEqual(labels);
  });
});

describe("an apex Service that was there before", () => {
  const own = (annotations?: Record<string, string>): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "podinfo", namespace: "test", labels: { mine: "1" }, ...(annotations && { annotations }) },
    spec: {
      type: "NodePort",
      clusterIP: "10.0.0.7",
      selector: { app: "podinfo", tier: "web" },
      ports: [{ name: "http", protocol: "TCP", port: 9898, targetPort: 9898, nodePort: 30007 }],
    },
  });

  it("is pointed at the primary, keeps its labels, and gets no owner", () => {
    const cluster = createToyCluster(mergePatch, own());
    converge(aCanary(), cluster);
    const { metadata, spec } = cluster.at("Service", "podinfo");
    expect(metadata).toEqual({ ...own().metadata, annotations: OPT_OUTS });
    expect(spec).toEqual({ ...own().spec, selector: { app: "podinfo-primary" } });
    expect(converge(aCanary(), cluster)).toEqual([]);
  });

  it("is not written when it selects the primary already", () => {
    const pointed = { ...own(), spec: { ...own().spec, selector: { app: "podinfo-primary" } } };
    const cluster = createToyCluster(mergePatch, pointed);
    expect(cluster.apply(services.renderApex(aCanary(), PODS, cluster))).toEqual([]);
  });

  it("R21: is handed back without the operator's annotations, and with its old selector when its manifest is known", () => {
    const manifest = { spec: { selector: own().spec.selector } };
    for (const [before, selector] of [
      [own({ [KUBECTL]: JSON.stringify(manifest) }), own().spec.selector],
      [own(), { app: "podinfo" }],
    ] as const) {
      const cluster = createToyCluster(mergePatch, before);
      converge(aCanary(), cluster);
      cluster.apply(services.handBack(aCanary(), PODS, cluster));
      const { metadata, spec } = cluster.at("Service", "podinfo");
      expect(metadata).toEqual({ ...before.metadata, annotations: before.metadata.annotations ?? {} });
      expect(spec).toEqual({ ...before.spec, selector });
      expect(cluster.apply(services.handBack(aCanary(), PODS, cluster))).toEqual([]);
    }
  });

  it("keeps its selector when the Canary is deleted before the Service selected the primary", () => {
    const cluster = createToyCluster(mergePatch, own());
    expect(cluster.apply(services.handBack(aCanary(), PODS, cluster))).toEqual([]);
  });

  it.each([
    ["{", "it is no JSON"],
    ["null", "it is no JSON object"],
    ["[]", "it is no JSON object"],
    [`{"a":${"[".repeat(101)}`, "the JSON is nested more than 100 deep"],
  ])("reports a manifest that cannot be read, and what to do: %s", (manifest, why) => {
    const cluster = createToyCluster(mergePatch, own({ [KUBECTL]: manifest }));
    expect(() => services.handBack(aCanary(), PODS, cluster)).toThrow(
      `router podinfo.test failed to unMarshal annotation ${KUBECTL}: ${why}; remove the annotation or mend it`,
    );
  });

  it("is not handed back when a Canary owns it, or when it does not exist", () => {
    const cluster = createToyCluster(mergePatch);
    expect(services.handBack(aCanary(), PODS, cluster)).toEqual([]);
    converge(aCanary(), cluster);
    expect(services.handBack(aCanary(), PODS, cluster)).toEqual([]);
  });
});
