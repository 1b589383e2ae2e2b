/** What the console measures of a Canary, and why it measures nothing: each reason has its own words. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createSeries } from "./series.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const METRICS = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" }];
const KNATIVE = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };

/** How old the newest point is; undefined: there is none. Milliseconds. */
let age: number | undefined;
let queries: string[] = [];
const prometheus = createServer(({ url = "/" }, response) => {
  const query = new URL(url, "http://prometheus").searchParams.get("query") ?? "";
  queries.push(query);
  const values = age === undefined ? [] : [[(NOW - age) / 1000, query.includes("-primary") ? "75" : "25"]];
  const result = values.length === 0 ? [] : [{ metric: {}, values }];
  response.end(JSON.stringify({ status: "success", data: { resultType: "matrix", result } }));
});

beforeAll(() => new Promise<void>((resolve) => prometheus.listen(0, "127.0.0.1", () => resolve())));
afterAll(() => new Promise((resolve) => prometheus.close(resolve)));
beforeEach(() => {
  age = 0;
  queries = [];
});

function canary(spec: KubeFields = {}): KubeObject {
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" };
  const analysis = { interval: "60s", threshold: 5, maxWeight: 50, stepWeight: 10, metrics: METRICS };
  return {
    ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo", namespace: "test" } },
    spec: { provider: "istio", targetRef, service: { port: 80 }, analysis, ...spec },
  };
}

interface Given {
  readonly spec?: KubeFields;
  /** The console was started without `--metrics-server`. */
  readonly without?: true;
  readonly target?: KubeObject;
}

async function measured({ spec, without, target }: Given = {}) {
  const { port } = prometheus.address() as AddressInfo;
  const server = without === true ? undefined : { address: `http://127.0.0.1:${port}`, meshProvider: "istio" };
  const series = createSeries(server, createManualClock(NOW), () => Promise.resolve(target));
  return await series(canary(spec), 15, new AbortController().signal);
}

it("is the part of the requests that the canary gets now", async () => {
  const { share, unmeasured, trouble, charts } = await measured();
  expect([share?.percent, share?.requests, unmeasured, trouble, charts.length]).toEqual([
    25,
    100,
    undefined,
    undefined,
    1,
  ]);
});

it.each<[string, Given & { readonly age?: number | undefined }, object]>([
  [
    "the console was started without a Prometheus",
    { without: true },
    { trouble: "the console knows no Prometheus, start it with --metrics-server URL" },
  ],
  [
    "users send no requests",
    { age: undefined },
    { unmeasured: "Prometheus counted no requests of the two versions in the last minute" },
  ],
  [
    "the last requests are those of an earlier step",
    { age: 65_000 },
    { unmeasured: "Prometheus counted no requests of the two versions in the last minute" },
  ],
  [
    "the mesh counts both versions as one",
    { spec: { provider: "contour" } },
    { unmeasured: "the metrics of contour do not tell the primary's requests from the canary's" },
  ],
  [
    "the object that tells the names of the metrics is missing",
    { spec: { provider: "knative", targetRef: KNATIVE } },
    {
      trouble: 'Error fetching Knative service test/podinfo services.serving.knative.dev "podinfo" not found',
    },
  ],
])("says why there is no share: %s", async (_, given, reason) => {
  if ("age" in given) age = given.age;
  const view = await measured(given);
  expect(view).toMatchObject(reason);
  expect(view.share).toBeUndefined();
});

it("asks for the revisions of a Knative Service, by which its gateway counts", async () => {
  const target: KubeObject = {
    ...{ apiVersion: KNATIVE.apiVersion, kind: KNATIVE.kind },
    metadata: { name: "podinfo", annotations: { "flagger.app/primary-revision": "podinfo-00001" } },
    status: { latestCreatedRevisionName: "podinfo-00002" },
  };
  const { share, charts } = await measured({ spec: { provider: "knative", targetRef: KNATIVE }, target });
  const asked = (revision: string) => queries.filter((query) => query.includes(`test/${revision}"`)).length;
  expect([asked("podinfo-00001"), asked("podinfo-00002"), queries.length]).toEqual([2, 2, 4]);
  expect([share?.requests, charts.length]).toEqual([50, 1]);
});
