/**
 * Each kind of target and each scaler works with exactly the common rules of src/operator/rights.ts, for a provider
 * that adds none. Without any one of the rules the work fails, and the message names the verb, the resource, and what
 * to do.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kedaCrds } from "../../sandbox/crds/keda.ts";
import type { DesiredState } from "../../src/core/desired.ts";
import type { Phase } from "../../src/core/phases/positions.ts";
import type { Canary, CanaryStatus } from "../../src/core/status/canary.ts";
import { promotionId } from "../../src/core/turn/identity.ts";
import { crds } from "../../src/crd/index.ts";
import type { ClusterState } from "../../src/operator/cluster/cluster-state.ts";
import { createClusterView } from "../../src/operator/cluster/cluster-view.ts";
import { rightsOf } from "../../src/operator/rights.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createRouters } from "../../src/routers/table.ts";
import { createServicesRouter } from "../../src/services/services.ts";
import { aCanary } from "../../src/testing/canary.ts";
import { aDesiredState } from "../../src/testing/desired-state.ts";
import { createAutoscalers } from "../../src/workloads/autoscalers.ts";
import { createWorkloads } from "../../src/workloads/table.ts";
import { type Desk, type Grain, grainsOf, type Office, openOffice, textOf, without } from "./office.ts";

const OPTIONS = { selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true };
const routers = createRouters({ setOwnerRefs: true });
const { common, secrets, providers } = rightsOf({ routers, workloads: createWorkloads(OPTIONS) });
const RULES = [...common, ...secrets, ...(providers["kubernetes"] ?? [])];
const tables = {
  routers,
  workloads: createWorkloads(OPTIONS),
  autoscalers: createAutoscalers(OPTIONS),
  services: createServicesRouter(),
};

const template = (version: string): KubeFields => ({
  metadata: { labels: { app: "podinfo" } },
  spec: {
    containers: [
      {
        ...{ name: "podinfod", image: `podinfo:${version}`, ports: [{ name: "http", containerPort: 9898 }] },
        envFrom: [{ configMapRef: { name: "settings" } }, { secretRef: { name: "password" } }],
      },
    ],
  },
});
const apps = (kind: string, spec: KubeFields = {}): KubeObject => ({
  ...{ apiVersion: "apps/v1", kind, metadata: { name: "podinfo", namespace: "test" } },
  spec: { selector: { matchLabels: { app: "podinfo" } }, template: template("1"), ...spec },
});
const config = (kind: string, name: string, value: string): KubeObject => ({
  ...{ apiVersion: "v1", kind, metadata: { name, namespace: "test" } },
  data: { value: Buffer.from(value).toString("base64") },
});
const CONFIGS = [config("ConfigMap", "settings", "1"), config("Secret", "password", "1")];
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" };
const HPA: KubeObject = {
  ...{
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "podinfo", namespace: "test" },
  },
  spec: { scaleTargetRef, maxReplicas: 3 },
};
const SCALED: KubeObject = {
  ...{ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata: { name: "podinfo", namespace: "test" } },
  spec: {
    scaleTargetRef,
    triggers: [{ type: "prometheus", metadata: { query: "a", threshold: "1", serverAddress: "http://a" } }],
  },
};

/** A Service that the operator makes, and repairs when another person changes it. */
const COPY: KubeObject = { apiVersion: "v1", kind: "Service", metadata: { name: "podinfo-canary", namespace: "test" } };

interface Case {
  readonly target: KubeObject;
  readonly scaler?: KubeObject;
}
const CASES: Readonly<Record<string, Case>> = {
  "a Deployment with an HPA": { target: apps("Deployment", { replicas: 1 }), scaler: HPA },
  "a Deployment with a ScaledObject": { target: apps("Deployment", { replicas: 1 }), scaler: SCALED },
  "a DaemonSet": { target: apps("DaemonSet") },
  "a StatefulSet": { target: apps("StatefulSet", { replicas: 1, serviceName: "podinfo" }) },
};

/** A change that a promotion carries to the copy of the scaler. */
const GROWN: Readonly<Record<string, KubeFields>> = {
  HorizontalPodAutoscaler: { maxReplicas: 5 },
  ScaledObject: { maxReplicaCount: 5 },
};

const inPhase = (canary: Canary, phase: Phase): Canary => ({
  ...canary,
  status: { ...canary.status, phase } as CanaryStatus,
});

/** Bootstrap, a promotion of changed configuration, the scaling of the target, and the end of the scaler's copy. */
function lifeOf({ target, scaler }: Case) {
  const { apiVersion, kind } = target;
  const autoscalerRef = scaler && { apiVersion: scaler.apiVersion, kind: scaler.kind, name: "podinfo" };
  const base = aCanary({
    spec: {
      provider: "kubernetes",
      targetRef: { apiVersion, kind, name: "podinfo" },
      ...(autoscalerRef && { autoscalerRef }),
    },
  });
  return async ({ shell, signal, snapshot, edit }: Desk) => {
    const view = createClusterView({ tables, ...shell });
    const observe = async (canary: Canary): Promise<ClusterState> => {
      const state = await view.observe(canary, 0, signal);
      if (state.readings.problem !== undefined) throw new Error(state.readings.problem);
      return state;
    };
    const make = async (canary: Canary, wanted: Partial<DesiredState>) =>
      view.converge(canary, aDesiredState(wanted), await observe(canary), signal);
    const begun = inPhase(base, "Initializing");
    await make(begun, { primary: { kind: "present" } });
    await make(begun, { target: "up" });
    await make(begun, { target: "down" });
    const promoting = inPhase(base, "Promoting");
    await edit(COPY, ({ spec }) => ({ spec: { ...spec, selector: { app: "another" } } }));
    await make(begun, {});
    await edit(target, ({ spec }) => ({ spec: { ...spec, template: template("2") } }));
    for (const each of CONFIGS) await edit(each, () => ({ data: { value: "Mg==" } }));
    const { revision } = (await observe(promoting)).readings.target;
    const primary = { kind: "promoted", id: promotionId(base.uid, revision), revision } as const;
    if (scaler !== undefined) await edit(scaler, ({ spec }) => ({ spec: { ...spec, ...GROWN[scaler.kind] } }));
    await make(promoting, { primary, syncScaler: true });
    if (scaler === undefined) return;
    const type = scaler.kind === "ScaledObject" ? RESOURCES.scaledObject : RESOURCES.hpa;
    const copy = snapshot.get({ type, namespace: "test", name: "podinfo-primary" });
    if (copy === undefined) throw new Error("the scaler has no copy");
    await shell.remove(copy, signal);
  };
}

/** What belongs to no target: who asks it, and where that is tried. */
const NOT_TRIED: readonly { readonly group: string; readonly resource: string; readonly why: string }[] = [
  { group: "", resource: "events", why: "recorders/kube-events; an event that cannot be written stops no rollout" },
  { group: "coordination.k8s.io", resource: "leases", why: "kube/lease; an operator without its Lease does not begin" },
  { group: "flagger.app", resource: "canaries", why: "process/startup: the operator does not start" },
  {
    group: "flagger.app",
    resource: "canaries/status",
    why: "reconcile/store: the turn fails before anything is written",
  },
  {
    group: "flagger.app",
    resource: "canaries/finalizers",
    why: "clusters that enforce the permission of owners ask for it",
  },
  { group: "flagger.app", resource: "metrictemplates", why: "process/startup: the operator does not start" },
  { group: "flagger.app", resource: "alertproviders", why: "process/startup: the operator does not start" },
  { group: "aviary.flagger.app", resource: "canaryactions", why: "operator/steering" },
  { group: "aviary.flagger.app", resource: "canaryactions/status", why: "operator/steering" },
  { group: "aviary.flagger.app", resource: "canaryfreezes", why: "operator/steering" },
  { group: "aviary.flagger.app", resource: "canaryruns", why: "recorders/runs; a run that cannot be recorded goes on" },
  { group: "metrics.keptn.sh", resource: "keptnmetrics", why: "metrics/in-cluster.test.ts" },
  { group: "metrics.keptn.sh", resource: "analyses", why: "metrics/in-cluster.test.ts" },
  { group: "external.metrics.k8s.io", resource: "*", why: "metrics/in-cluster.test.ts" },
];

let office: Office;
beforeAll(async () => {
  office = await openOffice([...(crds() as readonly KubeObject[]), ...kedaCrds()], []);
});
afterAll(() => office.stop());

const objectsOf = ({ target, scaler }: Case): readonly KubeObject[] =>
  [...CONFIGS, target, scaler].filter((object) => object !== undefined);

describe("the common rules", () => {
  it.each(Object.entries(CASES))("suffice for %s", async (_, what) => {
    await office.work(RULES, objectsOf(what), lifeOf(what));
  });
});

const isAbout = (grain: Grain): boolean =>
  NOT_TRIED.every(({ group, resource }) => group !== grain.group || resource !== grain.resource);
const TRIED = grainsOf([...common, ...secrets]).filter(isAbout);

describe("without one of them", () => {
  it.each(TRIED.map((grain) => [textOf(grain), grain] as const))("%s, the work fails and says so", async (_, left) => {
    let said: string | undefined;
    for (const what of Object.values(CASES)) {
      said ??= await office.work(without(RULES, left), objectsOf(what), lifeOf(what)).then(
        () => undefined,
        (error: Error) => error.message,
      );
    }
    const kind = `${left.resource}${left.group === "" ? "" : `.${left.group}`}`;
    expect(said, "no work needs it").toContain(`cannot ${left.verb} resource "${left.resource}"`);
    expect(said).toMatch(
      new RegExp(
        `grant the operator's role the verbs? [a-z ,]*\\b${left.verb}\\b[a-z ,]* on ${kind.replaceAll(".", "\\.")}$`,
      ),
    );
  });

  it("every rule is tried here, or a test is named that tries it", () => {
    const known = grainsOf(common).map(({ group, resource }) => `${resource}.${group}`);
    for (const { group, resource } of NOT_TRIED) expect(known).toContain(`${resource}.${group}`);
  });
});
