import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { isReady } from "./pods.ts";
import { puppetDeployment, puppetTemplate, serviceFor, startTestbed, type Testbed } from "./testbed.ts";
import { CONTROLLER_REVISION, JOB, NODE } from "./types.ts";

const { daemonSet, statefulSet, endpoints, endpointSlice, namespace, pod, deployment, replicaSet, configMap } =
  RESOURCES;

let clock: ManualClock;
let bed: Testbed;

beforeEach(async () => {
  clock = createManualClock();
  bed = await startTestbed({ clock });
});

afterEach(async () => {
  await bed.stop();
  expect(bed.reports).toEqual([]);
});

const names = () => bed.pods().map((each) => each.metadata.name);
const images = () => bed.pods().map((each) => each.spec.containers[0].image);

function workload(kind: string, name: string, spec: KubeFields = {}): KubeObject {
  return {
    apiVersion: kind === "Job" ? "batch/v1" : "apps/v1",
    kind,
    metadata: { name, namespace: "default" },
    spec: {
      ...(kind === "Job" ? {} : { selector: { matchLabels: { app: name } } }),
      template: puppetTemplate(name),
      ...spec,
    },
  };
}

function config(name: string, owners: readonly KubeObject[] = [], blockOwnerDeletion = true): KubeObject {
  const ownerReferences = owners.map(({ apiVersion, kind, metadata }) => {
    return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "", blockOwnerDeletion };
  });
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default", ownerReferences } };
}

describe("the node", () => {
  it("is there, ready, and comes back", async () => {
    await bed.settle();
    bed.store.remove(NODE, "", "sandbox");
    await bed.settle();
    const conditions: KubeFields[] = bed.get(NODE, "sandbox")?.status.conditions;
    expect(conditions.find((entry) => entry.type === "Ready")).toMatchObject({ status: "True" });
  });
});

describe("endpoints", () => {
  const subsets = (name: string): KubeFields[] => bed.get(endpoints, name)?.["subsets"] ?? [];
  const slices = () => bed.store.list(endpointSlice, "default");

  it("resolve named ports per pod, and group pods by what they resolve to", async () => {
    bed.apply(puppetDeployment("web", { replicas: 2 }));
    const ports = [
      { name: "http", port: 80, targetPort: "http", appProtocol: "http" },
      { name: "raw", port: 81, targetPort: 8081 },
    ];
    bed.apply(serviceFor("web", ports));
    await bed.settle();
    expect(subsets("web")).toHaveLength(1);
    expect(subsets("web")[0].addresses).toHaveLength(2);
    expect(subsets("web")[0].ports).toEqual([
      { name: "http", port: 9898, protocol: "TCP", appProtocol: "http" },
      { name: "raw", port: 8081, protocol: "TCP" },
    ]);
    const other = puppetTemplate("web", "1", {}, { ports: [{ name: "http", containerPort: 7000 }] });
    bed.apply({ ...workload("Deployment", "other"), spec: { ...workload("Deployment", "web").spec, template: other } });
    await bed.settle();
    expect(
      subsets("web")
        .map((subset) => subset.ports[0].port)
        .sort(),
    ).toEqual([7000, 9898]);
    expect(
      slices()
        .map((slice) => slice["ports"][0].port)
        .sort(),
    ).toEqual([7000, 9898]);
    expect(slices().every((slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === "web")).toBe(true);
  });

  it("follow a selector that moves, and go with their Service", async () => {
    bed.apply(puppetDeployment("web"));
    bed.apply(puppetDeployment("web-primary", { replicas: 1 }));
    bed.apply(serviceFor("web"));
    await bed.settle();
    expect(subsets("web")[0].addresses).toHaveLength(3);
    bed.change(RESOURCES.service, "web", (copy) => {
      copy.spec.selector = { app: "web-primary" };
    });
    await bed.settle();
    expect(subsets("web")[0].addresses).toHaveLength(1);
    bed.store.remove(RESOURCES.service, "default", "web");
    await bed.settle();
    expect(bed.get(endpoints, "web")).toBeUndefined();
    expect(slices()).toEqual([]);
  });

  it("of a Service without selector belong to another client", async () => {
    const service = serviceFor("web");
    delete service.spec.selector;
    bed.apply(service);
    const own = { apiVersion: "v1", kind: "Endpoints", metadata: { name: "web", namespace: "default" } };
    bed.apply({ ...own, subsets: [{ addresses: [{ ip: "10.0.0.1" }] }] });
    await bed.settle();
    expect(subsets("web")[0].addresses).toEqual([{ ip: "10.0.0.1" }]);
  });
});

describe("garbage collection", () => {
  it("removes objects whose owners are gone, through several generations", async () => {
    const first = bed.apply(config("first"));
    const second = bed.apply(config("second", [first]));
    const third = bed.apply(config("third", [second]));
    bed.apply(config("shared", [first, third]));
    bed.apply(config("free"));
    await bed.settle();
    bed.store.remove(configMap, "default", "second");
    await bed.settle();
    expect(bed.get(configMap, "third")).toBeUndefined();
    expect(bed.get(configMap, "shared")?.metadata.ownerReferences).toHaveLength(1);
    bed.store.remove(configMap, "default", "first");
    await bed.settle();
    expect(bed.store.list(configMap, "default").map((object) => object.metadata.name)).toEqual(["free"]);
  });

  it("removes an object whose owner never existed", async () => {
    const gone = { ...config("gone"), metadata: { name: "gone", namespace: "default", uid: "no-such-uid" } };
    bed.apply(config("child", [gone]));
    await bed.settle();
    expect(bed.get(configMap, "child")).toBeUndefined();
  });

  it("foreground: the Deployment goes last", async () => {
    bed.apply(puppetDeployment("web"));
    await bed.settle();
    const order: string[] = [];
    for (const type of [deployment, replicaSet, pod]) {
      bed.store.watch(type, (event) => {
        if (event.type === "DELETED") order.push(event.object.kind);
      });
    }
    const target = bed.store.registry.find("apps", "v1", "deployments");
    if (target === undefined) throw new Error("no deployments");
    bed.store.delete(target, "default", "web", { propagation: "Foreground" });
    await bed.settle();
    expect(order).toEqual(["Pod", "Pod", "Pod", "ReplicaSet", "Deployment"]);
  });

  it.each(["", "; what is owned goes, too, when the owner goes with its definition"])(
    "follows kinds that are defined later%s",
    async (together) => {
      const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
      const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }];
      bed.apply({
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "widgets.example.org" },
        spec: { group: "example.org", scope: "Namespaced", names: { kind: "Widget", plural: "widgets" }, versions },
      });
      await bed.settle();
      const type = { group: "example.org", version: "v1", plural: "widgets", kind: "Widget", namespaced: true };
      const metadata = { name: "w", namespace: "default" };
      const owner = bed.store.create(type, { apiVersion: "example.org/v1", kind: "Widget", metadata });
      bed.apply(config("child", [owner]));
      await bed.settle();
      expect(bed.get(configMap, "child")).toBeDefined();
      if (together === "") bed.store.remove(type, "default", "w");
      else bed.store.remove(RESOURCES.crd, "", "widgets.example.org");
      await bed.settle();
      expect(bed.get(configMap, "child")).toBeUndefined();
    },
  );
});

describe("a namespace", () => {
  it("goes with all that is in it", async () => {
    bed.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
    const web = puppetDeployment("web");
    bed.apply({ ...web, metadata: { ...web.metadata, namespace: "test" } });
    await bed.settle();
    expect(bed.store.list(pod, "test")).toHaveLength(3);
    bed.store.remove(namespace, "", "test");
    expect(bed.get(namespace, "test")?.status.phase).toBe("Terminating");
    await bed.settle();
    expect(bed.get(namespace, "test")).toBeUndefined();
    expect(bed.store.list(pod, "test")).toEqual([]);
    expect(bed.puppets.every((puppet) => puppet.stopped)).toBe(true);
  });
});

describe("a DaemonSet", () => {
  const status = () => bed.get(daemonSet, "agent")?.status;
  const change = (edit: (template: KubeFields) => void) =>
    bed.change(daemonSet, "agent", (copy) => edit(copy.spec.template));

  it("runs one pod, replaces it, and is scaled to zero by a node selector that no node has", async () => {
    bed.apply(workload("DaemonSet", "agent"));
    await bed.settle();
    const one = { desiredNumberScheduled: 1, currentNumberScheduled: 1, numberReady: 1, numberMisscheduled: 0 };
    expect(status()).toEqual({ ...one, updatedNumberScheduled: 1, numberAvailable: 1, observedGeneration: 1 });
    change((template) => {
      template.spec.containers[0].image = "puppet:2";
    });
    await bed.settle();
    expect(images()).toEqual(["puppet:2"]);
    expect(bed.store.list(CONTROLLER_REVISION, "default").map((revision) => revision["revision"])).toEqual([1, 2]);
    change((template) => {
      template.spec.nodeSelector = { "flagger.app/scale-to-zero": "true" };
    });
    await bed.settle();
    expect(names()).toEqual([]);
    expect(status()).toMatchObject({ desiredNumberScheduled: 0, numberReady: 0, observedGeneration: 3 });
    change((template) => {
      delete template.spec.nodeSelector;
    });
    await bed.settle();
    expect(status()).toMatchObject({ desiredNumberScheduled: 1, numberAvailable: 1 });
    expect(
      bed.store
        .list(CONTROLLER_REVISION, "default")
        .map((revision) => revision["revision"])
        .sort(),
    ).toEqual([1, 3, 4]);
  });

  it("keeps the old pod until the new one is ready when it may surge", async () => {
    bed.apply(
      workload("DaemonSet", "agent", { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
    );
    await bed.settle();
    let fewest = 1;
    const stop = bed.store.watch(pod, () => {
      fewest = Math.min(fewest, bed.pods().filter(isReady).length);
    });
    change((template) => {
      template.spec.containers[0].image = "puppet:2";
    });
    await bed.settle();
    stop();
    expect(images()).toEqual(["puppet:2"]);
    expect(fewest).toBe(1);
  });
});

describe("a StatefulSet", () => {
  const status = () => bed.get(statefulSet, "db")?.status;

  it("starts in order, updates from the top down to its partition, and shrinks from the top", async () => {
    bed.apply(workload("StatefulSet", "db", { replicas: 3, serviceName: "db" }));
    await bed.settle();
    expect(bed.puppets.map(({ context }) => context.podName)).toEqual(["db-0", "db-1", "db-2"]);
    expect(status()).toMatchObject({ replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3 });
    bed.change(statefulSet, "db", (copy) => {
      copy.spec.template.spec.containers[0].image = "puppet:2";
      copy.spec.updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 1 } };
    });
    await bed.settle();
    expect(images()).toEqual(["puppet:1", "puppet:2", "puppet:2"]);
    expect(bed.puppets.slice(3).map(({ context }) => context.podName)).toEqual(["db-2", "db-1"]);
    expect(status()).toMatchObject({ currentReplicas: 1, updatedReplicas: 2 });
    expect(status().currentRevision).not.toBe(status().updateRevision);
    bed.store.remove(pod, "default", "db-0");
    await bed.settle();
    expect(images()[0]).toBe("puppet:1");
    bed.change(statefulSet, "db", (copy) => {
      copy.spec.updateStrategy.rollingUpdate.partition = 0;
    });
    await bed.settle();
    expect(images()).toEqual(["puppet:2", "puppet:2", "puppet:2"]);
    expect(status().currentRevision).toBe(status().updateRevision);
    bed.change(statefulSet, "db", (copy) => {
      copy.spec.replicas = 1;
    });
    await bed.settle();
    expect(names()).toEqual(["db-0"]);
  });
});

describe("a Job", () => {
  const job = () => bed.get(JOB, "task");
  const template = { ...puppetTemplate("task"), spec: { ...puppetTemplate("task").spec, restartPolicy: "Never" } };

  it("runs until enough pods have succeeded, with patience for failures", async () => {
    bed.apply(workload("Job", "task", { template, completions: 2, ttlSecondsAfterFinished: 5 }));
    await bed.settle();
    bed.puppets[0]?.exit(1);
    await bed.settle();
    expect(bed.puppets).toHaveLength(1);
    await clock.advance(10_000);
    await bed.settle();
    bed.puppets[1]?.exit(0);
    await bed.settle();
    await clock.advance(10_000);
    await bed.settle();
    bed.puppets[2]?.exit(0);
    await bed.settle();
    expect(job()?.status).toMatchObject({
      succeeded: 2,
      failed: 1,
      conditions: [{ type: "Complete", status: "True" }],
    });
    await clock.advance(6_000);
    await bed.settle();
    expect(job()).toBeUndefined();
  });

  it("gives up after its back-off limit", async () => {
    bed.apply(workload("Job", "task", { template, backoffLimit: 0 }));
    await bed.settle();
    bed.puppets[0]?.exit(1);
    await bed.settle();
    expect(job()?.status.conditions).toMatchObject([{ type: "Failed", reason: "BackoffLimitExceeded" }]);
  });
});

describe("events", () => {
  it("are counted, not repeated", async () => {
    bed.apply(
      puppetDeployment("web", { replicas: 1, template: puppetTemplate("web", "1", { nodeSelector: { no: "node" } }) }),
    );
    await bed.settle();
    for (let i = 0; i < 3; i += 1) {
      bed.change(deployment, "web", (copy) => {
        copy.spec.replicas = i % 2 === 0 ? 0 : 1;
      });
      await bed.settle();
    }
    const scaled = bed.store.list(RESOURCES.event).filter((event) => event["reason"] === "ScalingReplicaSet");
    expect(scaled.map((event) => [event["message"].replace(/web-\w+/, "set"), event["count"]]).sort()).toEqual([
      ["Scaled down replica set set from 1 to 0", 2],
      ["Scaled up replica set set from 0 to 1", 2],
    ]);
  });

  it("are forgotten an hour after they last happened", async () => {
    bed.apply(puppetDeployment("web", { replicas: 1 }));
    await bed.settle();
    expect(bed.events("web")).not.toEqual([]);
    await clock.advance(3_590_000);
    await bed.settle();
    expect(bed.events("web")).not.toEqual([]);
    await clock.advance(20_000);
    await bed.settle();
    expect(bed.store.list(RESOURCES.event)).toEqual([]);
  });
});
