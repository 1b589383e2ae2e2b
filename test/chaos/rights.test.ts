/**
 * The role of the operator, both ways: what it asks is granted, and what is granted is asked. The rights of the
 * providers are compared with their routers in src/routers/conformance.test.ts.
 */
import { expect, it } from "vitest";
import { allRules, rightsOf } from "../../src/operator/rights.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import type { Rule } from "../../src/ports/rights.ts";
import { STEERING } from "../../src/ports/steering.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { TABLES } from "../../src/testing/tables.ts";
import { grainsOf } from "../rights/office.ts";
import { canaryOf, deployment, flagsOf, QUIET, runBeside } from "./burst.ts";

const RIGHTS = rightsOf(TABLES);

/** "create apps/deployments" */
const rightsIn = (rules: readonly Rule[]): ReadonlySet<string> =>
  new Set(grainsOf(rules).map(({ verb, group, resource }) => `${verb} ${group}/${resource}`));
const granted = rightsIn([...RIGHTS.common, ...RIGHTS.secrets]);

const VERBS: Readonly<Record<string, string>> = { POST: "create", PUT: "update" };
function asRight(asked: string): string {
  const [verb = "", resource = ""] = asked.split(" ");
  const named = resource.startsWith("external.metrics.k8s.io/") ? "external.metrics.k8s.io/*" : resource;
  return `${VERBS[verb] ?? verb.toLowerCase()} ${named}`;
}

/** Granted and not asked in this story, with the reason. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "update flagger.app/canaries/finalizers": "the API server itself asks, for owners that block deletion",
  "get external.metrics.k8s.io/*": "servers of metrics count the question as a list or as a get",
  "patch autoscaling/horizontalpodautoscalers": "asked at a promotion: src/workloads/autoscaler/hpa",
  "get aviary.flagger.app/canaryruns": "asked when a record is there already: src/recorders/runs/recorder.test.ts",
  "delete aviary.flagger.app/canaryactions": "asked after an hour: src/operator/steering/action-inbox.test.ts",
  "delete aviary.flagger.app/canaryruns": "asked after 20 runs: src/recorders/runs/recorder.test.ts",
};

/** Who may list and watch sees no more by a get. */
function isWatched(right: string): boolean {
  const [verb, of] = right.split(" ");
  return verb === "get" && asked.has(`list ${of}`) && asked.has(`watch ${of}`);
}
const asked = new Set<string>();

const metric = (name: string) => ({ name, interval: "1m", thresholdRange: { max: 1 }, templateRef: { name } });

/** The provider of metrics that each Canary asks. */
const ASKS: Readonly<Record<string, string>> = { deployment: "keptn", daemonset: "analysis", statefulset: "external" };

/** One Canary of each kind of target, with all that it can refer to. */
function fill(cluster: StubCluster, image: string): readonly string[] {
  const put = (type: ResourceType, name: string, fields: KubeFields) => {
    const old = cluster.get(type, "test", name);
    cluster.put(type, { ...old, ...fields, metadata: { ...old?.metadata, namespace: "test", name } });
  };
  const data = { value: Buffer.from(image).toString("base64") };
  put(RESOURCES.configMap, "config", { data: { value: image } });
  put(RESOURCES.secret, "secret", { type: "Opaque", data });
  put(RESOURCES.secret, "chat", { data: { address: Buffer.from("http://127.0.0.1:9/").toString("base64") } });
  put(RESOURCES.alertProvider, "chat", { spec: { type: "generic", secretRef: { name: "chat" } } });
  const provider = (type: string) => ({ type, ...(type === "prometheus" ? { address: "http://127.0.0.1:9" } : {}) });
  const queries = { prometheus: "up", keptn: "keptnmetric/test/response", analysis: "analysis/test/def/1m/a=b" };
  for (const [name, query] of Object.entries(queries)) {
    put(RESOURCES.metricTemplate, name, {
      spec: { provider: provider(name === "prometheus" ? name : "keptn"), query },
    });
  }
  put(RESOURCES.metricTemplate, "external", { spec: { provider: { type: "externalmetrics" }, query: "test/queue" } });
  const kinds = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];
  return kinds.map((type) => {
    const name = type.kind.toLowerCase();
    const { spec } = deployment({ namespace: "test", name });
    const [container] = spec.template.spec.containers;
    const envFrom = [{ secretRef: { name: "secret" } }, { configMapRef: { name: "config" } }];
    Object.assign(container, { image, envFrom });
    put(type, name, { spec });
    const scaler = type === RESOURCES.statefulSet ? RESOURCES.scaledObject : RESOURCES.hpa;
    const scaleTargetRef = { apiVersion: "apps/v1", kind: type.kind, name };
    const own = { scaleTargetRef, maxReplicas: 2, maxReplicaCount: 2, triggers: [{ type: "cpu", metadata: {} }] };
    if (type !== RESOURCES.daemonSet) put(scaler, name, { spec: own });
    const canary = canaryOf({ namespace: "test", name });
    const analysis = {
      ...{ interval: "100ms", threshold: 3, iterations: 1, alerts: [{ providerRef: { name: "chat" } }] },
      metrics: [metric(ASKS[name] ?? "prometheus")],
    };
    const ref = { apiVersion: `${scaler.group}/${scaler.version}`, kind: scaler.kind, name };
    put(RESOURCES.canary, name, {
      spec: {
        ...canary.spec,
        targetRef: { apiVersion: "apps/v1", kind: type.kind, name },
        ...(type === RESOURCES.daemonSet ? {} : { autoscalerRef: ref }),
        analysis: image === "app:1" ? { ...analysis, metrics: [] } : analysis,
      },
    });
    return name;
  });
}

function hear({ figures }: StubCluster): void {
  for (const right of [...figures.asked].map(asRight)) if (!right.endsWith(" /")) asked.add(right);
}

/** The time limit of the test is the only one. */
const moment = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Other clients change what the operator made, and the Canaries name their autoscalers no more. */
async function disturb(cluster: StubCluster): Promise<void> {
  const heard = (right: string) => {
    hear(cluster);
    return asked.has(right);
  };
  const change = (type: ResourceType, name: string, fields: KubeFields) => {
    const old = cluster.get(type, "test", name);
    cluster.put(type, { ...old, ...fields, metadata: { ...old?.metadata } });
  };
  change(RESOURCES.service, "deployment", { spec: { selector: { app: "other" } } });
  while (!heard("patch /services")) await moment();
  for (const name of ["deployment", "statefulset"]) {
    const { autoscalerRef: _gone, ...others } = cluster.get(RESOURCES.canary, "test", name)?.["spec"] ?? {};
    change(RESOURCES.canary, name, { spec: others });
  }
  const gone = ["delete autoscaling/horizontalpodautoscalers", "delete keda.sh/scaledobjects"];
  while (!gone.every(heard)) await moment();
}

it("is asked for, all of it, and for nothing else", { timeout: 300_000 }, async () => {
  const cluster = await startStubCluster({ readyAfterMs: 1 });
  const flags = flagsOf([...QUIET, "-interval-floor=100ms", "-enable-leader-election", "-allow-local-egress"]);
  const stop = new AbortController();
  const reached = (phases: readonly string[], names: readonly string[]) =>
    new Promise<void>((resolve) => {
      const left = new Set(names);
      cluster.onWrite(({ kind, metadata, ...object }: KubeObject) => {
        if (kind === "Canary" && phases.includes(object["status"]?.phase)) left.delete(metadata.name);
        if (left.size === 0) resolve();
      });
    });
  const names = ["deployment", "daemonset", "statefulset"];
  const initialised = reached(["Initialized"], names);
  fill(cluster, "app:1");
  const operator = runBeside(cluster, { flags, log: SILENT_LOG, signal: stop.signal });
  try {
    await Promise.race([initialised, operator]);
    await disturb(cluster);
    const ended = reached(["Failed", "Succeeded"], names);
    fill(cluster, "app:2");
    await Promise.race([ended, operator]);
    const answered = new Promise<void>((resolve) =>
      cluster.onWrite(({ kind, ...object }: KubeObject) => {
        if (kind === "CanaryAction" && object["status"] !== undefined) resolve();
      }),
    );
    const action = { canary: "deployment", verb: "retry", by: "me" };
    cluster.put(STEERING.action, { metadata: { namespace: "test", name: "a" }, spec: action });
    await Promise.race([answered, operator]);
  } finally {
    stop.abort(new Error("enough"));
    await operator.catch(() => undefined);
    await cluster.close();
  }
  hear(cluster);
  const all = rightsIn(allRules(RIGHTS));
  expect([...asked].filter((right) => !all.has(right))).toEqual([]);
  const unused = [...granted].filter((right) => !asked.has(right) && !isWatched(right));
  expect(unused.filter((right) => OTHERWISE[right] === undefined)).toEqual([]);
});
