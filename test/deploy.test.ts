/** What we ship to be applied, against the contract. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { createRouters } from "../src/routers/table.ts";

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

const ALL = "get list watch create update patch delete";
const withFinalizers = (names: string) => names.split(" ").flatMap((name) => [name, `${name}/finalizers`]);

/** core.md 6.7, the rows "chart only" included. */
const GRANTED: readonly (readonly [group: string, resources: readonly string[], verbs: string])[] = [
  ["", ["events", ...withFinalizers("configmaps secrets services")], ALL],
  ["coordination.k8s.io", ["leases"], ALL],
  ["apps", withFinalizers("daemonsets deployments"), ALL],
  ["autoscaling", withFinalizers("horizontalpodautoscalers"), ALL],
  ["extensions", withFinalizers("ingresses"), ALL],
  ["networking.k8s.io", withFinalizers("ingresses"), ALL],
  ["flagger.app", ["canaries", "canaries/status", "canaries/finalizers"], ALL],
  ["flagger.app", ["metrictemplates", "metrictemplates/status", "alertproviders", "alertproviders/status"], ALL],
  ["networking.istio.io", withFinalizers("virtualservices destinationrules"), ALL],
  ["appmesh.k8s.aws", withFinalizers("virtualnodes virtualrouters virtualservices"), ALL],
  ["split.smi-spec.io", withFinalizers("trafficsplits"), ALL],
  ["specs.smi-spec.io", withFinalizers("httproutegroups"), ALL],
  ["gloo.solo.io", withFinalizers("upstreams"), ALL],
  ["gateway.solo.io", withFinalizers("routetables"), ALL],
  ["projectcontour.io", withFinalizers("httpproxies"), ALL],
  ["traefik.io", ["traefikservices"], ALL],
  ["kuma.io", withFinalizers("trafficroutes"), ALL],
  ["gateway.networking.k8s.io", withFinalizers("httproutes"), ALL],
  ["keda.sh", withFinalizers("scaledobjects"), ALL],
  ["apisix.apache.org", ["apisixroutes"], ALL],
  ["metrics.keptn.sh", ["keptnmetrics", "analyses"], ALL],
  ["serving.knative.dev", ["services"], "get update"],
  ["serving.knative.dev", ["revisions"], "get"],
  ["external.metrics.k8s.io", ["*"], "get watch list"],
  // Ours: what the adapters watch and write beyond Flagger's.
  ["apps", withFinalizers("statefulsets"), ALL],
  ["serving.knative.dev", ["services", "revisions"], "list watch patch"],
  ["gateway.networking.k8s.io", ["grpcroutes", "tcproutes", "tlsroutes", "referencegrants"], ALL],
];

it.each(GRANTED)("Q77: the operator's role grants, in %j, %j: %s", (group, resources, verbs) => {
  const missing = resources.flatMap((resource) => {
    const rules = RULES.filter((rule) => rule.apiGroups?.includes(group) && rule.resources?.includes(resource));
    const granted = new Set(rules.flatMap((rule) => rule.verbs));
    return verbs.split(" ").filter((verb) => !granted.has(verb));
  });
  expect(missing).toEqual([]);
});

it("the operator's role grants nothing else: no wildcard of groups or verbs, and one URL", () => {
  const listed = new Set(GRANTED.flatMap(([group, resources]) => resources.map((resource) => `${group}/${resource}`)));
  const more = RULES.flatMap(({ apiGroups = [], resources = [] }) =>
    apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
  ).filter((resource) => !listed.has(resource));
  expect(more).toEqual([]);
  expect(RULES.flatMap(({ nonResourceURLs = [] }) => nonResourceURLs)).toEqual(["/version"]);
  expect(RULES.flatMap(({ verbs }) => verbs)).not.toContain("*");
});

it("Q78: nothing that we ship asks a Prometheus operator for anything, so no namespace of a ServiceMonitor can be wrong", () => {
  const deploy = new URL("../deploy/", import.meta.url);
  const files = readdirSync(deploy, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  const kinds = files.flatMap((name) =>
    parseAllDocuments(readFileSync(new URL(name, deploy), "utf8")).map((document) => document.toJS()?.kind),
  );
  expect(kinds).toContain("ClusterRole");
  expect(kinds.filter((kind) => kind === "ServiceMonitor" || kind === "PodMonitor")).toEqual([]);
  expect(files.filter((name) => name.endsWith("Chart.yaml"))).toEqual([]);
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
      const verbs = ["get", "list", "watch", "patch", ...(changesOnly === true ? [] : ["create"])];
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
