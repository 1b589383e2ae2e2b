/** The manifests that Aviary ships, compared with the contract. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { VERBS } from "../src/core/people/steering.ts";
import { mergePatch } from "../src/json/merge-patch.ts";
import { allRules, rightsOf } from "../src/operator/rights.ts";
import { createRouters } from "../src/routers/table.ts";
import { aCanary } from "../src/testing/canary.ts";
import { TABLES } from "../src/testing/tables.ts";
import { createToyCluster } from "../src/testing/toy-cluster.ts";
import { createKnativeWorkload } from "../src/workloads/knative/knative.ts";

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

const OPERATOR = readFileSync(new URL("../deploy/operator/operator.yaml", import.meta.url), "utf8");
const RULES: readonly Rule[] = parseAllDocuments(OPERATOR)
  .map((document) => document.toJS())
  .find(({ kind }) => kind === "ClusterRole").rules;

const RIGHTS = rightsOf(TABLES);

it("the roles come from the table of rights: run `npm run rbac`", () => {
  expect(RULES).toEqual(allRules(RIGHTS));
  const chart = readFileSync(new URL("../charts/aviary/files/rbac.yaml", import.meta.url), "utf8");
  expect(parse(chart)).toEqual(JSON.parse(JSON.stringify(RIGHTS)));
});

it("nothing is deleted but Analyses, records of runs, answered actions and copies of autoscalers, nothing replaced but Leases, and no wildcard", () => {
  const granting = (verb: string) =>
    RULES.filter(({ verbs }) => verbs.includes(verb)).flatMap((rule) => rule.resources);
  const deleted = ["horizontalpodautoscalers", "scaledobjects", "canaryactions", "canaryruns", "analyses"];
  expect(granting("delete")).toEqual(deleted);
  expect(granting("update")).toEqual(["leases", "canaries/finalizers"]);
  expect(RULES.flatMap(({ verbs, apiGroups = [] }) => [...verbs, ...apiGroups])).not.toContain("*");
  expect(RULES.flatMap(({ nonResourceURLs = [] }) => nonResourceURLs)).toEqual(["/version"]);
});

it("the chart ships the policies and roles of deploy/steering", () => {
  for (const name of ["policy.yaml", "roles.yaml"]) {
    const read = (folder: string) => readFileSync(new URL(`../${folder}/${name}`, import.meta.url), "utf8");
    expect(read("charts/aviary/files/steering")).toBe(read("deploy/steering"));
  }
});

it("every verb is in exactly one of the roles that are shipped", () => {
  const text = readFileSync(new URL("../deploy/steering/roles.yaml", import.meta.url), "utf8");
  const rules: readonly Rule[] = parseAllDocuments(text).flatMap((document) => document.toJS().rules);
  const granted = rules.filter(({ resources }) => resources?.[0] === "canaries").flatMap(({ verbs }) => verbs);
  expect(granted.filter((verb) => !["get", "list", "watch"].includes(verb)).sort()).toEqual([...VERBS].sort());
});

it("the console's role is the same in examples/ and in the chart, changes nothing but actions and freezes, and impersonates no one", () => {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const rules: readonly Rule[] = parse(read("charts/aviary/files/console-rbac.yaml"));
  const own = parseAllDocuments(read("examples/console/console.yaml")).map((document) => document.toJS());
  expect(own.find(({ kind }) => kind === "ClusterRole").rules).toEqual(rules);
  const granting = (...verbs: readonly string[]) =>
    rules.filter((rule) => rule.verbs.some((verb) => verbs.includes(verb))).flatMap(({ resources = [] }) => resources);
  expect(granting("delete", "update", "patch")).toEqual(["canaryactions", "canaryfreezes"]);
  expect(granting("create")).toEqual(["canaryactions", "canaryfreezes", "tokenreviews", "subjectaccessreviews"]);
  expect(granting("impersonate", "*")).toEqual([]);
  const asked = rules.filter(({ resources }) => resources?.[0] === "canaries").flatMap(({ verbs }) => verbs);
  expect(asked.filter((verb) => !["get", "list", "watch"].includes(verb))).toEqual([...VERBS]);
});

/** The standard "restricted" of Kubernetes' Pod Security, as far as it concerns these pods. */
it.each([
  "operator/operator.yaml",
  "loadtester/loadtester.yaml",
  "prometheus/prometheus.yaml",
  "../examples/console/console.yaml",
])("the pods of %s are restricted", (file) => {
  const pods = parseAllDocuments(readFileSync(new URL(`../deploy/${file}`, import.meta.url), "utf8"))
    .map((document) => document.toJS())
    .filter(({ kind }) => kind === "Deployment")
    .map(({ spec }) => spec.template.spec);
  expect(pods).toHaveLength(1);
  for (const { securityContext, containers } of pods) {
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const container of containers) {
      expect(container.securityContext).toMatchObject({
        ...{ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      });
      expect(container.resources.limits.memory).toBeDefined();
    }
  }
});

interface Peer {
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}

/** Who may reach the port of the container: "namespace/app", where a star is any. */
it.each([
  ["operator", ["istio-system/prometheus", "monitoring/*"]],
  ["loadtester", ["istio-system/flagger"]],
  ["prometheus", ["istio-system/flagger", "monitoring/*"]],
])("only those who need them reach the pods of %s", (folder, callers) => {
  const read = (file: string) =>
    parseAllDocuments(readFileSync(new URL(`../deploy/${folder}/${file}`, import.meta.url), "utf8")).map((document) =>
      document.toJS(),
    );
  expect(read("kustomization.yaml")[0].resources).toContain("network.yaml");
  const [policy] = read("network.yaml");
  const deployment = read(`${folder}.yaml`).find(({ kind }) => kind === "Deployment");
  expect(policy.metadata.namespace).toBe(deployment.metadata.namespace);
  expect(deployment.spec.template.metadata.labels).toMatchObject(policy.spec.podSelector.matchLabels);
  // Egress stays open.
  expect(policy.spec.policyTypes).toEqual(["Ingress"]);
  const ofHttp = policy.spec.ingress.filter(({ ports }: { ports: { port: unknown }[] }) => ports[0]?.port === "http");
  const named = ({ namespaceSelector, podSelector }: Peer) =>
    `${namespaceSelector?.matchLabels["kubernetes.io/metadata.name"] ?? policy.metadata.namespace}/${podSelector?.matchLabels["app"] ?? "*"}`;
  expect(ofHttp.flatMap(({ from }: { from: Peer[] }) => from.map(named))).toEqual(callers);
  expect(policy.spec.ingress.every(({ from }: { from?: Peer[] }) => (from ?? []).length > 0)).toBe(true);
});

it("the load tester has no token of the API server", () => {
  const [, deployment] = parseAllDocuments(
    readFileSync(new URL("../deploy/loadtester/loadtester.yaml", import.meta.url), "utf8"),
  ).map((document) => document.toJS());
  expect(deployment.spec.template.spec.automountServiceAccountToken).toBe(false);
});

it("Q78: no manifest configures a Prometheus operator, so no ServiceMonitor can have a wrong namespace", () => {
  const deploy = new URL("../deploy/", import.meta.url);
  const files = readdirSync(deploy, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  const kinds = files.flatMap((name) =>
    parseAllDocuments(readFileSync(new URL(name, deploy), "utf8")).map((document) => document.toJS()?.kind),
  );
  expect(kinds).toContain("ClusterRole");
  expect(kinds.filter((kind) => kind === "ServiceMonitor" || kind === "PodMonitor")).toEqual([]);
  expect(files.filter((name) => name.endsWith("Chart.yaml"))).toEqual([]);
});

/** Ports open late on a busy node. A liveness probe alone kills the container after 30 s, and each start anew. */
it.each([
  "../deploy/operator/operator.yaml",
  "../deploy/loadtester/loadtester.yaml",
  "../examples/console/console.yaml",
  ...["aviary-defaults", "aviary-all", "loadtester-defaults"].map((name) => `charts/golden/${name}.golden.yaml`),
])("the containers of %s have five minutes to start before the liveness probe counts", (file) => {
  const containers = parseAllDocuments(readFileSync(new URL(file, import.meta.url), "utf8"))
    .map((document) => document.toJS())
    .filter((object) => object?.kind === "Deployment")
    .flatMap(({ spec }) => spec.template.spec.containers)
    .filter(({ image }: { image: string }) => image.includes("aviary"));
  expect(containers.length).toBeGreaterThan(0);
  for (const { livenessProbe, startupProbe } of containers) {
    expect(startupProbe?.httpGet).toEqual(livenessProbe.httpGet);
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(300);
  }
});

it("the operator's heap fits the memory limit of its container", () => {
  const pod = parseAllDocuments(OPERATOR)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === "Deployment").spec.template.spec;
  const [{ env, resources }] = pod.containers;
  const limit = Number(/^(\d+)Mi$/.exec(resources.limits.memory)?.[1]);
  const { value } = env.find(({ name }: { name: string }) => name === "NODE_OPTIONS");
  expect(value).toContain(`--max-old-space-size=${limit * 0.75} `);
});

/** Rules of the chart, by provider. */
const CHART_RULES: Readonly<Record<string, readonly Rule[]>> = parse(
  readFileSync(new URL("../charts/aviary/files/rbac.yaml", import.meta.url), "utf8"),
).providers;

describe.each([...createRouters({ setOwnerRefs: true })])("provider %s", (name, router) => {
  it.each([
    ["the operator's role", () => RULES],
    ["the chart", () => CHART_RULES[name] ?? []],
  ])("%s grants what the router reads and writes", (_where, rules) => {
    const missing = router.kinds.flatMap(({ type: { group, plural }, changesOnly }) => {
      const verbs = ["list", "watch", "patch", ...(changesOnly === true ? [] : ["create"])];
      const granting = rules().filter(
        ({ apiGroups, resources }) => apiGroups?.includes(group) && resources?.includes(plural),
      );
      const granted = new Set(granting.flatMap((rule) => rule.verbs));
      return verbs.filter((verb) => !granted.has(verb)).map((verb) => `${verb} ${plural}.${group}`);
    });
    expect(missing).toEqual([]);
  });

  it("the chart knows it", () => {
    expect(Object.keys(CHART_RULES)).toContain(name);
  });
});

describe.each([
  ["the operator's role", RULES],
  ["the chart, with provider knative", CHART_RULES["knative"] ?? []],
])("%s", (_where, rules) => {
  it("lets the operator watch every kind that it reads for a Knative Service", () => {
    const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
    const service = {
      ...{ apiVersion: targetRef.apiVersion, kind: targetRef.kind, metadata: { name: "podinfo", namespace: "test" } },
      status: { latestCreatedRevisionName: "podinfo-00001" },
    };
    const inputs = createKnativeWorkload().inputs(
      aCanary({ spec: { targetRef, provider: "knative" } }),
      createToyCluster(mergePatch, service),
    );
    expect(inputs.map(({ type }) => type.plural)).toEqual(["services", "revisions"]);
    const granted = (group: string, plural: string, verb: string) =>
      rules.some(
        ({ apiGroups, resources, verbs }) =>
          apiGroups?.includes(group) && resources?.includes(plural) && verbs.includes(verb),
      );
    const missing = inputs.flatMap(({ type: { group, plural } }) =>
      ["list", "watch"].filter((verb) => !granted(group, plural, verb)).map((verb) => `${verb} ${plural}`),
    );
    expect(missing).toEqual([]);
  });
});
