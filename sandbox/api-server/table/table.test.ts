import { describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { createRegistry } from "../registry.ts";
import { duration } from "./column.ts";
import { valuesAt } from "./custom.ts";
import { tableOf } from "./index.ts";

const NOW = Date.parse("2024-01-02T00:00:00Z");

function cells(group: string, version: string, plural: string, object: KubeFields): Record<string, unknown> {
  const target = createRegistry().find(group, version, plural);
  const metadata = { name: "x", creationTimestamp: "2024-01-01T23:58:30Z", ...object.metadata };
  const objects = [{ ...object, metadata } as KubeObject];
  const table = tableOf({ target: target!, objects, metadata: { resourceVersion: "1" }, version: "v1", nowMs: NOW });
  const names = table.columnDefinitions.map((column: KubeFields) => column.name);
  return Object.fromEntries(names.map((name: string, index: number) => [name, table.rows[0].cells[index]]));
}

const pod = (status: KubeFields, rest: KubeFields = {}) =>
  cells("", "v1", "pods", { spec: { containers: [{}, {}], ...rest.spec }, status, metadata: rest.metadata });

describe("durations", () => {
  it.each([
    [-5_000, "<invalid>"],
    [0, "0s"],
    [119_000, "119s"],
    [120_000, "2m"],
    [185_000, "3m5s"],
    [3_600_000, "60m"],
    [10_900_000, "3h1m"],
    [90_000_000, "25h"],
    [190_000_000, "2d4h"],
    [864_000_000, "10d"],
    [63_500_000_000, "2y4d"],
  ])("prints %d ms as %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("pods", () => {
  const running = { state: { running: {} }, ready: true, restartCount: 0 };
  it("tell what they are doing", () => {
    const state = (waiting: string) => ({
      phase: "Pending",
      containerStatuses: [{ state: { waiting: { reason: waiting } } }],
    });
    expect(pod({ phase: "Running", containerStatuses: [running, running] })).toMatchObject({
      Ready: "2/2",
      Status: "Running",
      Restarts: "0",
      Age: "90s",
    });
    expect(pod({ phase: "Pending" }).Status).toBe("Pending");
    expect(pod(state("ImagePullBackOff")).Status).toBe("ImagePullBackOff");
    expect(pod({ phase: "Running" }, { metadata: { deletionTimestamp: "x" } }).Status).toBe("Terminating");
    const ended = { state: { terminated: { reason: "Completed", exitCode: 0 } }, ready: false };
    expect(pod({ phase: "Succeeded", containerStatuses: [ended] }).Status).toBe("Completed");
    const init = { initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }, { state: { running: {} } }] };
    expect(pod({ phase: "Pending", ...init }, { spec: { initContainers: [{}, {}] } }).Status).toBe("Init:1/2");
  });

  it("say when they restarted", () => {
    const crashed = { ...running, restartCount: 3, lastState: { terminated: { finishedAt: "2024-01-01T23:59:00Z" } } };
    expect(pod({ phase: "Running", containerStatuses: [crashed] }).Restarts).toBe("3 (60s ago)");
  });
});

describe("other kinds", () => {
  it("show what people look for", () => {
    const containers = [{ name: "a", image: "i:1" }];
    const spec = { replicas: 3, selector: { matchLabels: { app: "x" } }, template: { spec: { containers } } };
    const status = { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 };
    expect(cells("apps", "v1", "deployments", { spec, status })).toEqual({
      Name: "x",
      Ready: "1/3",
      "Up-to-date": 2,
      Available: 1,
      Age: "90s",
      Containers: "a",
      Images: "i:1",
      Selector: "app=x",
    });
    const ports = [
      { port: 80, protocol: "TCP", nodePort: 30_001 },
      { port: 53, protocol: "UDP" },
    ];
    expect(
      cells("", "v1", "services", { spec: { type: "LoadBalancer", clusterIP: "127.1.1.1", ports } }),
    ).toMatchObject({
      "External-IP": "<pending>",
      "Port(s)": "80:30001/TCP,53/UDP",
    });
    const target = { type: "Utilization", averageUtilization: 80 };
    const metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
    const currentMetrics = [{ resource: { name: "cpu", current: { averageUtilization: 20 } } }];
    const scaleTargetRef = { kind: "Deployment", name: "x" };
    const hpa = { spec: { scaleTargetRef, metrics, maxReplicas: 4 }, status: { currentMetrics, currentReplicas: 2 } };
    expect(cells("autoscaling", "v2", "horizontalpodautoscalers", hpa)).toMatchObject({
      Reference: "Deployment/x",
      Targets: "cpu: 20%/80%",
      MaxPods: 4,
      Replicas: 2,
    });
    const event = {
      involvedObject: { kind: "Pod", name: "p" },
      reason: "Started",
      message: "hello\n",
      count: 3,
      firstTimestamp: "2024-01-01T23:00:00Z",
      lastTimestamp: "2024-01-01T23:59:50Z",
    };
    expect(cells("", "v1", "events", event)).toMatchObject({
      "Last Seen": "10s (x3 over 60m)",
      Object: "pod/p",
      Message: "hello",
    });
    const addresses = [{ ip: "1.1.1.1" }, { ip: "1.1.1.2" }];
    const subsets = [{ addresses, ports: [{ port: 1 }, { port: 2 }] }];
    expect(cells("", "v1", "endpoints", { subsets }).Endpoints).toBe("1.1.1.1:1,1.1.1.2:1,1.1.1.1:2 + 1 more...");
  });
});

describe("JSON paths of printer columns", () => {
  const object = {
    apiVersion: "v1",
    kind: "X",
    metadata: { name: "x", annotations: { "a.b/c": "note" } },
    spec: {
      list: [
        { name: "a", n: 1 },
        { name: "b", n: 2 },
      ],
    },
    status: {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Other", status: "False" },
      ],
    },
  };
  it.each([
    [".metadata.name", ["x"]],
    ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
    [".status.conditions[?(@.type!='Ready')].status", ["False"]],
    [".spec.list[*].n", [1, 2]],
    [".spec.list[1].name", ["b"]],
    [".spec.list[-1:]", []],
    [".metadata.annotations.a\\.b/c", ["note"]],
    [".metadata.annotations['a.b/c']", ["note"]],
    [".spec.none.deeper", []],
  ])("finds %s", (path, values) => {
    expect(valuesAt(object, path)).toEqual(values);
  });
});
