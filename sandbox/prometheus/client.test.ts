import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { type AddressBlock, claimAddressBlock } from "../addresses.ts";
import { createStore } from "../api-server/store.ts";
import { createPrometheusClient, type PrometheusClient } from "./client.ts";

let addresses: AddressBlock;
let server: Server;
let client: PrometheusClient;
let answer: { code: number; data: unknown };
let asked: string[];

beforeEach(async () => {
  addresses = await claimAddressBlock();
  const store = createStore({ addresses });
  store.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } });
  const metadata = { name: "prometheus", namespace: "istio-system" };
  const spec = { ports: [{ port: 9090 }] };
  const service = store.create(RESOURCES.service, { apiVersion: "v1", kind: "Service", metadata, spec });
  asked = [];
  server = createServer((request, response) => {
    asked.push(decodeURIComponent(request.url ?? ""));
    response.writeHead(answer.code).end(JSON.stringify({ status: "success", data: answer.data }));
  });
  await new Promise<void>((resolve) => server.listen(9090, service.spec.clusterIP, resolve));
  client = createPrometheusClient(store);
});

afterEach(async () => {
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  await addresses.release();
});

const vector = (...values: string[]) => ({
  resultType: "vector",
  result: values.map((value) => ({ value: [0, value] })),
});
const ask = (host = "prometheus.istio-system") =>
  client.query(`http://${host}:9090/`, 'sum(rate(requests{app="web"}[1m]))', new AbortController().signal);

it("finds the server by its Service, and reads one number", async () => {
  answer = { code: 200, data: vector("12.5") };
  expect(await ask()).toBe(12.5);
  expect(asked).toEqual(['/api/v1/query?query=sum(rate(requests{app="web"}[1m]))']);
  answer = { code: 200, data: { resultType: "scalar", result: [0, "3"] } };
  expect(await ask("prometheus.istio-system.svc.cluster.local")).toBe(3);
  answer = { code: 200, data: vector() };
  expect(await ask()).toBeUndefined();
});

it("says what it cannot use", async () => {
  answer = { code: 200, data: vector("1", "2") };
  await expect(ask()).rejects.toThrow("the query returned several values, it must return one: sum(rate(");
  answer = { code: 503, data: "tired" };
  await expect(ask()).rejects.toThrow(/^http:\/\/prometheus.istio-system:9090\/ answered 503: .*tired/);
  await expect(ask("absent.istio-system")).rejects.toThrow("no such name in the cluster: absent.istio-system");
});
