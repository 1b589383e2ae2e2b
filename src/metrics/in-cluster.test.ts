/** Providers whose data is in a cluster, against the sandbox's API server. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import { loadAccess } from "../kube/config.ts";
import { createTransport, type KubeTransport } from "../kube/transport.ts";
import { createDispatcher } from "../net/dispatcher.ts";
import type { Clock } from "../ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { systemClock } from "../time/system-clock.ts";
import { parseExternalMetric } from "./externalmetrics/externalmetrics.ts";
import { parseKeptnQuery } from "./keptn/keptn.ts";
import { createMetricSource } from "./table.ts";

const NOT_ABORTED = new AbortController().signal;
const clock = systemClock;
let addresses: AddressBlock;
let server: ApiServer;
let folder: string;
let transport: KubeTransport;

const keptnType = (kind: string, plural: string): ResourceType => {
  return { group: "metrics.keptn.sh", version: "v1beta1", plural, kind, namespaced: true };
};
const METRIC = keptnType("KeptnMetric", "keptnmetrics");
const ANALYSIS = keptnType("Analysis", "analyses");

function definition({ group, version, plural, kind }: ResourceType): KubeObject {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

beforeAll(async () => {
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  folder = await mkdtemp(join(tmpdir(), "providers-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig);
  const access = await loadAccess({ clock, kubeconfig });
  transport = createTransport({
    connect: createDispatcher,
    clock,
    random: () => 0,
    access,
    qps: 0,
    burst: 1,
    userAgent: "aviary/test",
  });
  server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  for (const type of [METRIC, ANALYSIS]) server.cluster.create(RESOURCES.crd, definition(type));
});

afterAll(async () => {
  await transport.close();
  await server.stop();
  await addresses.release();
  await rm(folder, { recursive: true });
});

const source = (type: string, settings: KubeFields = {}) =>
  createMetricSource({ type, address: "", interval: "1m", clock, log: SILENT_LOG, cluster: transport, ...settings });

const keptnMetric = (name: string, status: KubeFields): KubeObject => {
  return { apiVersion: "metrics.keptn.sh/v1beta1", kind: "KeptnMetric", metadata: { name, namespace: "test" }, status };
};

/** A clock that changes pauses of a second; time limits stay as they are. */
function polling(pause: (signal?: AbortSignal) => Promise<void>): Clock {
  return { ...clock, sleep: (ms, signal) => (ms === 1000 ? pause(signal) : clock.sleep(ms, signal)) };
}

describe("keptn", () => {
  it("reads the value of a KeptnMetric", async () => {
    server.cluster.create(METRIC, keptnMetric("latency", { value: "0.25" }));
    expect(await source("keptn").measure("KeptnMetric/Test/Latency\n", NOT_ABORTED)).toEqual({
      kind: "value",
      value: 0.25,
    });
    await source("keptn").online(NOT_ABORTED);
  });

  it("reports what is wrong with a KeptnMetric", async () => {
    server.cluster.create(METRIC, keptnMetric("words", { value: "many" }));
    server.cluster.create(METRIC, keptnMetric("empty", {}));
    const measure = (name: string) => source("keptn").measure(`keptnmetric/test/${name}`, NOT_ABORTED);
    await expect(measure("words")).rejects.toThrow("could not parse value of KeptnMetric test/words to float: ");
    const empty = "could not retrieve KeptnMetric - no value found in resource test/empty";
    await expect(measure("empty")).rejects.toThrow(empty);
    await expect(measure("gone")).rejects.toThrow(/^could not retrieve KeptnMetric test\/gone: .*not found$/);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])("creates an Analysis, reads pass: %s as %i, and deletes it", async (pass, value) => {
    const specs: unknown[] = [];
    const stop = server.cluster.watch(ANALYSIS, ({ type, object }) => {
      if (type !== "ADDED") return;
      specs.push(object.spec);
      const status = { state: "Completed", pass };
      queueMicrotask(() => void server.cluster.update(ANALYSIS, { ...object, status }));
    });
    const quick = polling((signal) => clock.sleep(1, signal));
    expect(await source("keptn", { clock: quick }).measure("analysis/test/def/2m/a=b;c=d;e", NOT_ABORTED)).toEqual({
      kind: "value",
      value,
    });
    stop();
    expect(specs).toEqual([
      { analysisDefinition: { name: "def" }, timeframe: { recent: "2m" }, args: { a: "b", c: "d" } },
    ]);
    expect(server.cluster.list(ANALYSIS)).toEqual([]);
  });

  it.each([
    "keptnmetric/..%2f..%2fapi/y",
    "keptnmetric/../y",
    "keptnmetric/test/..",
    "keptnmetric/test/y?watch=1",
    "keptnmetric/test/y#z",
    "analysis/te st/def",
    "analysis/test/def%2f..",
  ])("sends no request for %s, whose parts are no names", async (query) => {
    await expect(source("keptn").measure(query, NOT_ABORTED)).rejects.toThrow("is not a name of Kubernetes");
  });

  it("stays in its namespace with -no-cross-namespace-refs", async () => {
    const blocked = "can't access namespace victim, cross-namespace references are blocked";
    const own = { onlyNamespace: "test" };
    await expect(source("keptn", own).measure("keptnmetric/victim/y", NOT_ABORTED)).rejects.toThrow(blocked);
    await expect(source("keptn", own).measure("analysis/victim/def/1m/a=b", NOT_ABORTED)).rejects.toThrow(blocked);
    await expect(source("externalmetrics", own).measure("victim/queue", NOT_ABORTED)).rejects.toThrow(blocked);
    await expect(source("externalmetrics").measure("test/..", NOT_ABORTED)).rejects.toThrow("metric name cannot be ..");
  });

  it("deletes its Analysis when Keptn does not finish it, and when the turn ends", async () => {
    const hasty = { ...polling(() => Promise.resolve()), now: () => performance.now() * 1000 };
    const measuring = source("keptn", { clock: hasty }).measure("analysis/test/def", NOT_ABORTED);
    const late = "encountered timeout while waiting for Keptn Analysis test/def to be finished";
    await expect(measuring).rejects.toThrow(late);
    const turn = new AbortController();
    const stopped = polling(() => Promise.reject(new Error("the operator stops")));
    await expect(source("keptn", { clock: stopped }).measure("analysis/test/def", turn.signal)).rejects.toThrow(
      "the operator stops",
    );
    expect(server.cluster.list(ANALYSIS)).toEqual([]);
  });

  it.each([
    ["analysis/test", /^unexpected query format\. query must be in the format <keptnmetric\|analysis>/],
    ["deployment/test/x", /^unexpected resource kind provided in the query\. must be one of: /],
  ])("refuses %s", (query, why) => {
    expect(() => parseKeptnQuery(query)).toThrow(why);
  });

  it("reads queries (M15: all in lower case)", () => {
    expect(parseKeptnQuery("KeptnMetric/My-NS/Resp\n")).toMatchObject({
      kind: "keptnmetrics",
      namespace: "my-ns",
      name: "resp",
    });
    expect(parseKeptnQuery("analyses/ns/def")).toMatchObject({ kind: "analyses", duration: "1m", args: {} });
  });
});

describe("externalmetrics", () => {
  it.each([
    ["ns/m?labelSelector=a%3Db", { namespace: "ns", metric: "m", selector: "a=b" }],
    ["ns/m\n", { namespace: "ns", metric: "m", selector: "" }],
    ["/m", { namespace: "default", metric: "m", selector: "" }],
    ["m", { namespace: "default", metric: "m", selector: "" }],
    ["ns/m?labelSelector=a+in+(b,c),!d,e>1,f!=g", { namespace: "ns", metric: "m", selector: "a in (b,c),!d,e>1,f!=g" }],
  ])("reads %j", (query, read) => {
    expect(parseExternalMetric(query)).toEqual(read);
  });

  it.each([
    ["ns/", "metric name cannot be empty"],
    ["/", "metric name cannot be empty"],
    ["", "metric name cannot be empty"],
    ["a/b/c", "malformed query string, too many slashes, expected <namespace>/<metricName>?labelSelector="],
    ["a\u0001/b", "malformed query string, expected <namespace>/<metricName>"],
    ["a/%zz", "malformed query string, expected <namespace>/<metricName>"],
    ["a/b?labelSelector=x+y", 'error parsing label selector from string x y: unable to parse requirement: "x y"'],
  ])("refuses %j", (query, why) => {
    expect(() => parseExternalMetric(query)).toThrow(`error parsing metric query: ${why}`);
  });

  it("reports that the operator's own cluster has no such metric", async () => {
    await expect(source("externalmetrics").measure("test/m", NOT_ABORTED)).rejects.toThrow(
      /^error querying external metrics API: /,
    );
    await expect(source("externalmetrics").online(NOT_ABORTED)).rejects.toThrow(
      /^external metrics service unavailable: /,
    );
  });

  it("queries the operator's own cluster with the operator's rights", async () => {
    const sent: unknown[] = [];
    const send = (request: unknown) => {
      sent.push(request);
      return Promise.resolve({ items: [{ value: "500m" }, { value: "9" }] });
    };
    const own = source("externalmetrics", { cluster: { send } });
    expect(await own.measure("test/m?labelSelector=a%3Db", NOT_ABORTED)).toEqual({ kind: "value", value: 0.5 });
    const path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/test/m";
    expect(sent).toEqual([{ method: "GET", path, query: { labelSelector: "a=b" } }]);
  });

  it("rounds a quantity of a thousand million digits, or refuses it, and calculates with neither", async () => {
    let value = "1e-300000000";
    const own = source("externalmetrics", { cluster: { send: () => Promise.resolve({ items: [{ value }] }) } });
    expect(await own.measure("test/m", NOT_ABORTED)).toEqual({ kind: "value", value: 1e-9 });
    value = "1234567890123456789e300000000";
    await expect(own.measure("test/m", NOT_ABORTED)).rejects.toThrow("has more than 10000 digits: write it with fewer");
  });

  it("M12: queries another address with the template's token, and without the operator's credentials", async () => {
    const heard: unknown[] = [];
    let items: readonly KubeFields[] = [{ value: "1Ki" }];
    const elsewhere = createServer(({ url, headers: { authorization } }, response) => {
      heard.push({ url, authorization });
      response.end(JSON.stringify({ items }));
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    const asked = (settings: KubeFields) =>
      source("externalmetrics", { address, ...settings }).measure("m", NOT_ABORTED);
    expect(await asked({ credentials: new Map([["token", "t"]]) })).toEqual({ kind: "value", value: 1024 });
    items = [{ value: "1.5k" }];
    expect(await asked({})).toEqual({ kind: "value", value: 1500 });
    items = [];
    const none = "no external metrics found: no values found";
    expect(await asked({})).toEqual({ kind: "no-data", detail: none });
    const url = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/m";
    expect(heard).toEqual([{ url, authorization: "Bearer t" }, { url }, { url }]);
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
  });
});
