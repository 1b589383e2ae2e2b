/** Which server is asked which query for a Canary, and what its events say when that fails. Over real HTTP. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Probe } from "../../core/turn/observation.ts";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { aCanary } from "../../testing/canary.ts";
import { TABLES } from "../../testing/tables.ts";
import { systemClock } from "../../time/system-clock.ts";
import { checkMetricServers, type MeasuringPorts, measure } from "./metric-check.ts";

const NOT_ABORTED = new AbortController().signal;
const RATE = { name: "request-success-rate", thresholdRange: { min: 99 } };

let server: Server;
let metricsServer: string;
let asked: string[];
let objects: KubeObject[];

beforeEach(async () => {
  asked = [];
  objects = [];
  server = createServer((request, response) => {
    asked.push(new URL(request.url ?? "/", "http://x").searchParams.get("query") ?? "");
    response.end('{"data":{"result":[{"metric":{},"value":[1,"1"]}]}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  metricsServer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const ports = (changed: Partial<MeasuringPorts> = {}): MeasuringPorts => ({
  metricsServer,
  meshProvider: "istio",
  read: async ({ type, name }) => objects.find((o) => o.kind === type.kind && o.metadata.name === name),
  log: SILENT_LOG,
  clock: systemClock,
  workloads: TABLES.workloads,
  ...changed,
});

function ask(canary: ReturnType<typeof aCanary>, part: Partial<Extract<Probe, { kind: "metric" }>> = {}, to = ports()) {
  const [metric] = canary.spec.analysis.metrics;
  if (metric === undefined) throw new Error("no metric");
  return measure(canary, { kind: "metric", metric, source: "success-rate", of: "canary", ...part }, to, NOT_ABORTED);
}

describe("a Knative target", () => {
  const knative = (metrics: readonly object[] = [RATE]) =>
    aCanary({
      analysis: { metrics },
      spec: {
        provider: "knative",
        targetRef: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" },
      },
    });
  const service = {
    apiVersion: "serving.knative.dev/v1",
    kind: RESOURCES.knativeService.kind,
    metadata: {
      name: "podinfo",
      namespace: "test",
      annotations: { "flagger.app/primary-revision": "podinfo-00001" },
    },
    status: { latestCreatedRevisionName: "podinfo-00002" },
  };

  it("is measured by its newest revision, its primary by the revision that serves", async () => {
    objects = [service];
    await ask(knative());
    await ask(knative(), { of: "primary" });
    expect(asked[0]).toContain('{ envoy_cluster_name=~"test/podinfo-00002", envoy_response_code!~"5.*" }');
    expect(asked[1]).toContain('envoy_cluster_name=~"test/podinfo-00001"');
    await ask(knative([{ name: "errors", query: "errors{revision='{{ route }}'}" }]), { source: "query" });
    expect(asked[2]).toBe("errors{revision='podinfo-00002'}");
  });

  it("that cannot be found is the text of the event", async () => {
    expect(await ask(knative())).toEqual({
      kind: "error",
      message: 'Error fetching Knative service test/podinfo services.serving.knative.dev "podinfo" not found',
    });
    expect(asked).toEqual([]);
  });
});

describe("a metric server", () => {
  it("of the Canary's own whose address is no URL is announced, at the initialisation and at every check", async () => {
    const canary = aCanary({ analysis: { metrics: [RATE] }, spec: { metricsServer: "prometheus:9090" } });
    const why = "building Prometheus client for prometheus:9090 prometheus address prometheus:9090 is not a valid URL";
    expect(await ask(canary)).toEqual({ kind: "error", message: `Error ${why}` });
    expect(await checkMetricServers(canary, ports(), NOT_ABORTED)).toEqual({ kind: "error", message: `error ${why}` });
  });

  it("M17: of a template is not looked at when the metric has a built-in name", async () => {
    const canary = aCanary({ analysis: { metrics: [{ ...RATE, templateRef: { name: "nowhere" } }] } });
    expect(await checkMetricServers(canary, ports(), NOT_ABORTED)).toEqual({ kind: "passed" });
    expect(asked).toEqual(["vector(1)"]);
    expect(await ask(canary, { source: "template" })).toMatchObject({
      message: 'Metric template nowhere.test error: metrictemplate.flagger.app "nowhere" not found',
    });
  });

  it("M10: that is away is named with its template, in the contract's spelling", async () => {
    objects = [
      {
        apiVersion: "flagger.app/v1beta1",
        kind: "MetricTemplate",
        metadata: { name: "errors", namespace: "test" },
        spec: { provider: { type: "prometheus", address: "http://127.0.0.1:1" }, query: "up" },
      },
    ];
    const canary = aCanary({ analysis: { metrics: [{ name: "errors", templateRef: { name: "errors" } }] } });
    expect(await checkMetricServers(canary, ports(), NOT_ABORTED)).toMatchObject({
      message: expect.stringMatching(
        /^prometheus in metric template errors\.test not avaiable: running query failed: request failed: /,
      ),
    });
    const builtIn = aCanary({ analysis: { metrics: [RATE] }, spec: { metricsServer: "http://127.0.0.1:1" } });
    expect(await checkMetricServers(builtIn, ports(), NOT_ABORTED)).toMatchObject({
      message: expect.stringMatching(/^prometheus not avaiable: running query failed: request failed: /),
    });
  });

  it("whose Secret cannot be read says which", async () => {
    objects = [
      {
        apiVersion: "flagger.app/v1beta1",
        kind: "MetricTemplate",
        metadata: { name: "errors", namespace: "test" },
        spec: { provider: { type: "prometheus", address: metricsServer, secretRef: { name: "login" } }, query: "up" },
      },
    ];
    const found = ports();
    const read: MeasuringPorts["read"] = async (ref, signal) => {
      if (ref.type === RESOURCES.secret) throw new Error("cannot read secrets: forbidden");
      return found.read(ref, signal);
    };
    const canary = aCanary({ analysis: { metrics: [{ name: "errors", templateRef: { name: "errors" } }] } });
    expect(await ask(canary, { source: "template" }, ports({ read }))).toMatchObject({
      message: "Metric template errors.test secret login error: cannot read secrets: forbidden",
    });
  });

  it.each([
    "kubernetes.io/service-account-token",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
  ])("gets nothing of a Secret of type %s", async (type) => {
    const template = {
      provider: { type: "prometheus", address: metricsServer, secretRef: { name: "ci" } },
      query: "up",
    };
    objects = [
      {
        apiVersion: "flagger.app/v1beta1",
        kind: "MetricTemplate",
        metadata: { name: "errors", namespace: "test" },
        spec: template,
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "ci", namespace: "test" },
        type,
        data: { token: btoa("CI") },
      },
    ];
    const canary = aCanary({ analysis: { metrics: [{ name: "errors", templateRef: { name: "errors" } }] } });
    expect(await ask(canary, { source: "template" })).toMatchObject({
      message: expect.stringContaining(
        `errors.test secret ci error: secrets of type ${type} are never sent to a provider`,
      ),
    });
    expect(asked).toEqual([]);
  });

  it("within the cluster answers of its own namespace only, with -no-cross-namespace-refs", async () => {
    const requests: string[] = [];
    const cluster: MeasuringPorts["cluster"] = {
      async send({ path }) {
        requests.push(path);
        return { status: { value: "1" } };
      },
    };
    const template = { provider: { type: "keptn" }, query: "keptnmetric/victim/queue" };
    const metadata = { name: "queue", namespace: "test" };
    objects = [{ apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate", metadata, spec: template }];
    const canary = aCanary({ analysis: { metrics: [{ name: "queue", templateRef: { name: "queue" } }] } });
    const asked = (ownNamespaceOnly: boolean) =>
      ask(canary, { source: "template" }, ports({ cluster, ownNamespaceOnly }));
    expect(await asked(true)).toMatchObject({
      message: expect.stringContaining("can't access namespace victim, cross-namespace references are blocked"),
    });
    expect(requests).toEqual([]);
    expect(await asked(false)).toMatchObject({ kind: "value", value: 1 });
  });
});
