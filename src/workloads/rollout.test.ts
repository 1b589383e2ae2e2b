/**
 * Whole rollouts with the real operator, in virtual time, over a cluster in memory whose controllers finish at once, or
 * never. The traffic follows Istio's objects.
 */
import { describe, expect, it } from "vitest";
import type { CanaryRef, TargetRef } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import type { Answer, Probe } from "../core/turn/observation.ts";
import { applyMergePatch, mergePatch } from "../json/merge-patch.ts";
import { createClusterView } from "../operator/cluster/cluster-view.ts";
import { type Ports, reconcile } from "../operator/reconcile/reconcile.ts";
import { createSessions } from "../operator/sessions.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { createRouters } from "../routers/table.ts";
import { createServicesRouter } from "../services/services.ts";
import { aCanary } from "../testing/canary.ts";
import { createToyCluster, type ToyCluster } from "../testing/toy-cluster.ts";
import { createAutoscalers } from "./autoscalers.ts";
import { createWorkloads } from "./table.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const MAX_TURNS = 300;

interface Play {
  readonly cluster: ToyCluster;
  /** "seconds phase primary/canary event" */
  readonly told: string[];
  canary: Canary;
  /** Pods of this image never come up in the primary; "by its metrics": they come up, and answer with errors. */
  broken: string | undefined;
  /** Runs until nothing is scheduled any more. */
  run(): Promise<void>;
}

const image = (object: KubeObject): string => object.spec?.template?.spec?.containers?.[0]?.image ?? "";

/** The status that the cluster's controllers would write for the current spec. */
function statusOf(object: KubeObject, broken: boolean): KubeFields {
  const { replicas = 1, template } = object.spec;
  const down = template.spec.nodeSelector?.["flagger.app/scale-to-zero"] !== undefined;
  const pods = object.kind === "DaemonSet" ? (down ? 0 : 2) : replicas;
  const available = broken ? 0 : pods;
  return {
    ...{ replicas: pods, updatedReplicas: pods, availableReplicas: available },
    ...{ desiredNumberScheduled: pods, updatedNumberScheduled: pods, numberAvailable: available },
    conditions: broken ? [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] : [],
  };
}

function play(kind: string, ...extras: readonly KubeObject[]): Play {
  return playing({ apiVersion: "apps/v1", kind, name: "podinfo" }, target(kind, "v1"), ...extras);
}

function playing(targetRef: TargetRef, ...objects: readonly KubeObject[]): Play {
  const { kind } = targetRef;
  const cluster = createToyCluster(mergePatch, ...objects);
  let now = Date.UTC(2026, 0, 1);
  const begun = now;
  const ref: CanaryRef = { namespace: "test", name: "podinfo" };
  const canary = aCanary({
    analysis: {
      ...{ stepWeight: 50, maxWeight: 50, interval: "10s", threshold: 2 },
      metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "10s" }],
    },
    spec: {
      targetRef,
      ...(targetRef.apiVersion.startsWith("serving") && { provider: "knative" }),
      progressDeadlineSeconds: 60,
      revertOnDeletion: true,
      ...(objects.some((extra) => extra.kind === "ScaledObject") && {
        autoscalerRef: { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" },
      }),
    },
  });
  const stage: Play = { cluster, told: [], canary, broken: undefined, run };
  const snapshot = {
    get: cluster.get,
    list: cluster.list,
    remember: () => {},
    isOwnWrite: () => false,
    forget: () => {},
    noteDeletion: () => {},
  };
  const answer = (probe: Probe): Answer => {
    if (probe.kind !== "metric") return { kind: "passed" };
    return { kind: "value", value: probe.of === "primary" && stage.broken === "by its metrics" ? 0 : 100 };
  };
  const ports: Ports = {
    clock: { now: () => now, sleep: () => Promise.resolve(), after: () => () => undefined },
    store: {
      load: () => ({ kind: "canary", canary: stage.canary }),
      save(_canary, status) {
        stage.canary = { ...stage.canary, status };
        return Promise.resolve(stage.canary);
      },
      refuse: () => Promise.resolve(),
      confirm: () => Promise.resolve(),
      setFinalizer(_canary, present) {
        stage.canary = { ...stage.canary, finalizers: present ? ["finalizer.flagger.app"] : [] };
        return Promise.resolve();
      },
    },
    view: createClusterView({
      tables: {
        routers: createRouters({ setOwnerRefs: true }),
        workloads: createWorkloads(OPTIONS),
        autoscalers: createAutoscalers(OPTIONS),
        services: createServicesRouter(),
      },
      snapshot,
      follow: () => Promise.resolve(),
      write: (object) => Promise.resolve(cluster.apply([object]).length > 0),
      remove: () => Promise.resolve(false),
    }),
    probeRunner: { run: (_canary, probe) => Promise.resolve(answer(probe)) },
    alerts: { isWanted: () => true, deliver: () => {}, delivered: () => 0, cleared: () => {} },
    announced: createSessions().slot(),
    forget: () => {},
    recorder: {
      record({ transition, routes }) {
        const split = routes === undefined ? "-" : `${routes.primary}/${routes.canary}`;
        const at = `${(now - begun) / 1000}s ${transition.status.phase} ${split}`;
        stage.told.push(...transition.events.map(({ message }) => `${at} ${message}`));
      },
      announce: (_about, { message }) => void stage.told.push(message),
      forget: () => {},
    },
  };

  function control(): void {
    if (targetRef.apiVersion !== "apps/v1") return;
    for (const name of [`${kind}/podinfo`, `${kind}/podinfo-primary`].filter((one) => cluster.names().includes(one))) {
      const object = cluster.at(...(name.split("/") as [string, string]));
      const broken = name.endsWith("-primary") && image(object) === stage.broken;
      cluster.put({ ...object, status: statusOf(object, broken) });
    }
  }

  async function run(): Promise<void> {
    for (let turns = 0; turns < MAX_TURNS; turns += 1) {
      control();
      const before = everything(stage);
      const next = await reconcile(ref, ports, new AbortController().signal);
      control();
      if (next.kind === "now" || everything(stage) !== before) continue;
      if (next.kind !== "at") return;
      now = Math.max(now + 1, next.time);
    }
    throw new Error(`no rest after ${MAX_TURNS} turns:\n${stage.told.slice(-20).join("\n")}`);
  }
  return stage;
}

function everything({ cluster, canary }: Play): string {
  return JSON.stringify([canary, cluster.names().map((name) => cluster.at(...(name.split("/") as [string, string])))]);
}

function target(kind: string, version: string): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name: "podinfo", namespace: "test" },
    spec: {
      ...(kind === "DaemonSet" ? {} : { replicas: 2 }),
      ...(kind === "StatefulSet" ? { serviceName: "podinfo-peers" } : {}),
      selector: { matchLabels: { app: "podinfo" } },
      template: {
        metadata: { labels: { app: "podinfo" } },
        spec: { containers: [{ name: "podinfod", image: version, envFrom: [{ secretRef: { name: "key" } }] }] },
      },
    },
  };
}

const secret = (value: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  type: "Opaque",
  metadata: { name: "key", namespace: "test" },
  data: { value },
});

/** A user applies another version, without a number of replicas. */
function apply({ cluster }: Play, kind: string, version: string): void {
  const seen = cluster.at(kind, "podinfo");
  cluster.put({ ...seen, spec: { ...seen.spec, template: target(kind, version).spec.template } }, secret(version));
}

const phaseOf = ({ canary }: Play) => canary.status.phase;
const weights = ({ cluster }: Play) =>
  cluster
    .at("VirtualService", "podinfo")
    .spec.http.map(({ route }: KubeFields) => route.map((to: KubeFields) => to.weight));

describe.each(["Deployment", "DaemonSet", "StatefulSet"])("a %s", (kind) => {
  const primary = (stage: Play) => stage.cluster.at(kind, "podinfo-primary");

  it("is released", async () => {
    const stage = play(kind, secret("v1"));
    await stage.run();
    expect(phaseOf(stage)).toBe("Initialized");
    expect(image(primary(stage))).toBe("v1");
    expect(stage.cluster.at("Service", "podinfo").spec.selector).toEqual({ app: "podinfo-primary" });
    apply(stage, kind, "v2");
    await stage.run();
    expect(phaseOf(stage)).toBe("Succeeded");
    expect(image(primary(stage))).toBe("v2");
    expect(stage.cluster.at("Secret", "key-primary").data).toEqual({ value: "v2" });
    expect(weights(stage)).toEqual([[100, 0]]);
    expect(statusOf(stage.cluster.at(kind, "podinfo"), false)["availableReplicas"]).toBe(0);
    expect(stage.told.join("\n")).toContain("Progressing 50/50 Advance podinfo.test canary weight 50");
  });

  it("restores its primary when the promotion fails, and can be released later", async () => {
    const stage = play(kind, secret("v1"));
    await stage.run();
    const { template } = primary(stage).spec;
    stage.broken = "v2";
    apply(stage, kind, "v2");
    await stage.run();
    expect(phaseOf(stage)).toBe("Failed");
    // Until the primary can serve again, the healthy canary has all the traffic.
    expect(stage.told.join("\n")).toMatch(/ Failed 0\/100 .*\n.* Failed 100\/0 /);
    expect(primary(stage).spec.template).toEqual(template);
    expect(stage.cluster.at("Secret", "key-primary").data).toEqual({ value: "v1" });
    expect(weights(stage)).toEqual([[100, 0]]);
    expect(stage.cluster.at("Secret", "key-primary-previous").data).toBeUndefined();
    apply(stage, kind, "v3");
    await stage.run();
    expect([phaseOf(stage), image(primary(stage))]).toEqual(["Succeeded", "v3"]);
  });

  it("serves by itself again when its Canary is deleted", async () => {
    const stage = play(kind, secret("v1"));
    await stage.run();
    stage.canary = { ...stage.canary, deleting: true };
    await stage.run();
    expect(stage.canary.finalizers).toEqual([]);
    expect(stage.canary.status).toMatchObject({ phase: "Terminating", handedBack: true });
    expect(statusOf(stage.cluster.at(kind, "podinfo"), false)["availableReplicas"]).toBe(2);
  });
});

/** A webhook of the cluster that labels every Service on every write. */
function labelServices({ cluster }: Play): void {
  const { apply: write, names } = cluster;
  const all = () => names().map((name) => cluster.at(...(name.split("/") as [string, string])));
  cluster.apply = (objects) => {
    const before = JSON.stringify(all());
    const writes = write(objects);
    for (const service of all().filter(({ kind }) => kind === "Service")) {
      cluster.put(applyMergePatch(service, { metadata: { labels: { owner: "shop" } } }) as KubeObject);
    }
    return JSON.stringify(all()) === before ? [] : writes;
  };
}

it("a release does not wait for labels of its Services that an admission webhook changes", async () => {
  const stage = play("Deployment", secret("v1"));
  labelServices(stage);
  await stage.run();
  expect(phaseOf(stage)).toBe("Initialized");
  apply(stage, "Deployment", "v2");
  await stage.run();
  expect(phaseOf(stage)).toBe("Succeeded");
  expect(stage.cluster.at("Service", "podinfo").metadata.labels).toEqual({ app: "podinfo", owner: "shop" });
});

describe("a Deployment that KEDA scales", () => {
  const scaledObject: KubeObject = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "podinfo", namespace: "test" },
    spec: { scaleTargetRef: { name: "podinfo" }, minReplicaCount: 2, triggers: [] },
  };
  const paused = ({ cluster }: Play) =>
    cluster.at("ScaledObject", "podinfo").metadata.annotations?.["autoscaling.keda.sh/paused-replicas"];

  it("is paused while it is scaled down, and follows its source when it is promoted", async () => {
    const stage = play("Deployment", secret("v1"), scaledObject);
    await stage.run();
    expect([phaseOf(stage), paused(stage)]).toEqual(["Initialized", "0"]);
    expect(stage.cluster.at("ScaledObject", "podinfo-primary").metadata.annotations).toEqual({});
    const source = stage.cluster.at("ScaledObject", "podinfo");
    stage.cluster.put({ ...source, spec: { ...source.spec, maxReplicaCount: 7 } });
    apply(stage, "Deployment", "v2");
    await stage.run();
    expect([phaseOf(stage), paused(stage)]).toEqual(["Succeeded", "0"]);
    expect(stage.cluster.at("ScaledObject", "podinfo-primary").spec.maxReplicaCount).toBe(7);
    stage.canary = { ...stage.canary, deleting: true };
    await stage.run();
    expect(paused(stage)).toBeUndefined();
  });
});

describe("a target without pods", () => {
  const knative = (latest: string): KubeObject => ({
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: "podinfo", namespace: "test" },
    spec: { template: {} },
    status: { latestCreatedRevisionName: latest },
  });
  const revision = (name: string): KubeObject => ({
    apiVersion: "serving.knative.dev/v1",
    kind: "Revision",
    metadata: { name, namespace: "test" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  const service = (version: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "podinfo", namespace: "test" },
    spec: { type: "ClusterIP", selector: { version }, ports: [{ name: "http", port: 80 }] },
  });

  const primaryVersion = ({ cluster }: Play) =>
    cluster.names().includes("Service/podinfo-primary")
      ? cluster.at("Service", "podinfo-primary").spec.selector.version
      : cluster.at("Service", "podinfo").metadata.annotations?.["flagger.app/primary-revision"];

  it.each([
    ["v1", "Service", () => [service("v1")], (stage: Play) => stage.cluster.put(service("v2"))],
    [
      "serving.knative.dev/v1",
      "Service",
      () => [knative("v1"), revision("v1"), revision("v2")],
      ({ cluster }: Play) => cluster.put({ ...cluster.at("Service", "podinfo"), status: knative("v2").status }),
    ],
  ])(
    "%s %s is released, or rolled back when the primary answers with errors",
    async (apiVersion, kind, world, release) => {
      for (const broken of [undefined, "by its metrics"]) {
        const stage = playing({ apiVersion, kind, name: "podinfo" }, ...world());
        stage.broken = broken;
        stage.canary = { ...stage.canary, spec: { ...stage.canary.spec, analysis: stepwise(stage.canary) } };
        await stage.run();
        expect([phaseOf(stage), primaryVersion(stage)]).toEqual(["Initialized", "v1"]);
        release(stage);
        await stage.run();
        const expected = broken === undefined ? ["Succeeded", "v2"] : ["Failed", "v1"];
        expect([phaseOf(stage), primaryVersion(stage)]).toEqual(expected);
        expect(stage.told.join("\n")).toContain("Promoting");
      }
    },
  );

  /** The traffic returns to the primary in steps, so that the primary is judged before it has all. */
  function stepwise({ spec }: Canary): Canary["spec"]["analysis"] {
    return { ...spec.analysis, stepWeightPromotion: 10 };
  }
});
