/** A release that moves the port at which the program answers: the primary answers at the old one until it has it. */
import { describe, expect, it } from "vitest";
import { mergePatch } from "../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import type { ContainerPort, PodSpec } from "../ports/kubernetes-types.ts";
import { aCanary } from "../testing/canary.ts";
import { createToyCluster } from "../testing/toy-cluster.ts";
import { samePort } from "./pod-spec.ts";
import { createWorkloads } from "./table.ts";

const NOW = Date.UTC(2026, 0, 1);
const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const withPorts = (...ports: ContainerPort[]): PodSpec => ({ containers: [{ name: "podinfod", ports }] });

describe("the port of other pods that answers what targetPort means", () => {
  const target = withPorts({ name: "http", containerPort: 9797 }, { containerPort: 7000 });
  it.each<[string, number | string, PodSpec, PodSpec | undefined, number | string | undefined]>([
    ["is the same port where they have it", 9797, target, withPorts({ containerPort: 9797 }), 9797],
    [
      "is the same name, whose number each pod knows",
      "http",
      target,
      withPorts({ name: "http", containerPort: 1 }),
      "http",
    ],
    ["has the same name", 9797, target, withPorts({ containerPort: 1 }, { name: "http", containerPort: 9898 }), 9898],
    ["is in the same place", 7000, target, withPorts({ containerPort: 9898 }, { containerPort: 7001 }), 7001],
    ["had another name", "http", target, withPorts({ name: "web", containerPort: 9898 }), 9898],
    [
      "cannot be told where the target does not declare it",
      8080,
      target,
      withPorts({ containerPort: 9898 }),
      undefined,
    ],
    ["cannot be told where they declare none", 9797, target, withPorts(), undefined],
    ["cannot be told without pods", 9797, target, undefined, undefined],
  ])("%s", (_, targetPort, podSpec, other, port) => {
    expect(samePort(targetPort, podSpec, other)).toBe(port);
  });
});

describe.each(["Deployment", "DaemonSet", "StatefulSet"])("a %s whose program moves to another port", (kind) => {
  const workload = createWorkloads(OPTIONS).find((one) => one.kind === kind);
  const at = (name: string, containerPort: number): KubeObject => ({
    ...{ apiVersion: "apps/v1", kind, metadata: { name, namespace: "test", generation: 1 } },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: withPorts({ name: "http", containerPort }) },
    },
    status: {
      ...{ observedGeneration: 1, replicas: 4, availableReplicas: 4, updatedReplicas: 4 },
      ...{ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 },
    },
  });
  function read(before: number, after: number, service: KubeFields = { targetPort: after }) {
    const targetRef = { apiVersion: "apps/v1", kind, name: "podinfo" };
    const canary = aCanary({ spec: { targetRef }, service: { port: 80, ...service } });
    const seen = createToyCluster(mergePatch, at("podinfo", after), at("podinfo-primary", before));
    const reading = workload?.read(canary, seen, NOW);
    if (reading?.kind !== "reading") throw new Error(reading?.detail ?? `there is no ${kind}`);
    return reading;
  }

  it("has a gap while it is copied, because a Service leads to one port of all pods", () => {
    const { primary, selector } = read(9898, 9797);
    expect([primary.gap, selector?.primaryPort, selector?.primaryPorts]).toEqual([true, 9898, [9898, "http"]]);
  });

  it("publishes the further ports of each side's own pods", () => {
    const { selector } = read(9898, 9797, { targetPort: 80, portDiscovery: true });
    const found = (port: number) => [{ name: "tcp-podinfod-0", port }];
    expect(selector?.ports).toEqual({ canary: found(9797), primary: found(9898) });
  });

  it("has none when the port stays", () => {
    const { primary, selector } = read(9898, 9898);
    expect([primary.gap, selector?.primaryPort]).toEqual([undefined, 9898]);
  });
});
