/**
 * Attacks on HTTP ports, and on addresses and headers that tenants write, each as it was tried once. The other attacks
 * are in tables beside what holds them back: docs/reference/security.md names these.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Registry } from "prom-client";
import { afterEach, expect, it } from "vitest";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { testClient } from "../../sandbox/api-server/http/test-client.ts";
import { startApiServer } from "../../sandbox/api-server/index.ts";
import { parseSpec } from "../../src/core/spec/parse.ts";
import { startLoadtester } from "../../src/loadtester/server.ts";
import { createMetricSource } from "../../src/metrics/table.ts";
import { serveOperatorHttp } from "../../src/operator/process/http.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import { aWireCanary } from "../../src/testing/canary.ts";
import { PARSE_OPTIONS } from "../../src/testing/tables.ts";
import { systemClock } from "../../src/time/system-clock.ts";

const NOT_ABORTED = new AbortController().signal;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** The status of the answer. */
async function statusOf(port: number, body: string): Promise<number> {
  const headers = { "content-type": "application/json" };
  return (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, headers })).status;
}

it("the load tester answers a megabyte, deep JSON and the names of prototypes with 400", async () => {
  const tester = await startLoadtester({ host: "127.0.0.1", port: 0, log: SILENT_LOG, clock: systemClock });
  undo.push(() => tester.stop());
  const bodies = [
    "x".repeat(2 ** 20 + 1),
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((type) =>
      JSON.stringify({ name: "a", namespace: "b", metadata: { type } }),
    ),
    '{"name":"a","namespace":"b","metadata":{"__proto__":{"type":"bash"}}}',
  ];
  expect(await Promise.all(bodies.map((body) => statusOf(tester.port, body)))).toEqual(bodies.map(() => 400));
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it("clients that never end their request are cut off by the operator, and others are served meanwhile", async () => {
  const operator = await serveOperatorHttp({ port: 0, host: "127.0.0.1", registry: new Registry(), ready: () => true });
  undo.push(() => operator.stop(0));
  const sockets: Socket[] = Array.from({ length: 200 }, () => connect(operator.port, "127.0.0.1"));
  const ended = sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())));
  for (const socket of sockets) {
    socket.on("error", () => undefined).resume();
    socket.write("GET /metrics HTTP/1.1\r\nhost: a\r\nx-slow: ");
  }
  expect((await fetch(`http://127.0.0.1:${operator.port}/healthz`)).status).toBe(200);
  await Promise.all(ended);
}, 50_000);

it("the sandbox's API server refuses a body of 200 MB, deep JSON, deep YAML and a YAML bomb, and serves the next request", async () => {
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  const server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  const client = testClient(server);
  const path = "/api/v1/namespaces/default/configmaps";
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((name, i) => `${name}: &${name} [${`*${"abcdefghi"[i]},`.repeat(9)}]`)
    .join("\n")}\n`;
  const apply = { "content-type": "application/apply-patch+yaml" };
  expect((await client.send("POST", path, `${"[".repeat(100_000)}`)).code).toBe(400);
  expect((await client.send("PATCH", `${path}/a?fieldManager=x`, bomb, apply)).code).toBe(400);
  const deep = await client.send("PATCH", `${path}/a?fieldManager=x`, "[".repeat(5_000), apply);
  expect(JSON.stringify(deep)).toContain("the YAML is nested more than 100 deep");
  const large = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { a: "x".repeat(200_000_000) } };
  // The server may close the connection before all of it is sent.
  const answer = await client.send("POST", path, large).then(
    ({ code }) => code,
    () => 413,
  );
  expect(answer).toBe(413);
  const wrong = testClient({ ...server, token: "wrong" });
  expect((await wrong.send("GET", path)).code).toBe(401);
  expect((await client.send("GET", path)).code).toBe(200);
});

async function trap(): Promise<{ readonly address: string; readonly seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.end('{"series":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `http://127.0.0.1:${portOf(server)}`, seen };
}

it.each([
  ["X-Scope", "a\r\nEvil: 1"],
  ["X-Scope", "a\nEvil: 1"],
  ["X-Scope\r\nEvil", "1"],
  ["X-Scope: a\r\nEvil", "1"],
])("a header %j with the value %j of a template makes no second header", async (name, text) => {
  const { address, seen } = await trap();
  const options = { type: "prometheus", address, interval: "1m", clock: systemClock };
  const failed = await createMetricSource({ ...options, headers: { [name]: [text] } })
    .measure("q", NOT_ABORTED)
    .catch((error: unknown) => String(error));
  expect(seen.map(({ rawHeaders }) => rawHeaders.join(" "))).toEqual([]);
  expect(failed).toMatch(/invalid|header/i);
  expect(seen).toEqual([]);
});

it.each(["127.0.0.1:9/#", "x@127.0.0.1", "eu-west-1.evil.example/", "evil.example#", "../x"])(
  "the region %s of CloudWatch leads to no other host",
  async (region) => {
    const query = '[{"Id":"a","Expression":"1"}]';
    const asked = createMetricSource({ type: "cloudwatch", address: "", interval: "1m", clock: systemClock, region });
    await expect(asked.measure(query, NOT_ABORTED)).rejects.toThrow(/[Rr]egion|hostname|host/);
  },
);

it.each([2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1e-5, -5, "50", {}, [1]])(
  "the weight %j is refused or harmless",
  (weight) => {
    for (const field of ["stepWeight", "maxWeight", "threshold", "iterations"]) {
      const { spec } = aWireCanary({ analysis: { [field]: weight } });
      const parsed = parseSpec(spec, "test", PARSE_OPTIONS);
      const text = parsed.kind === "invalid" ? parsed.problem : "";
      expect(text.length).toBeLessThan(500);
      if (parsed.kind === "valid") expect(parsed.spec.analysis.maxWeight).toBeLessThanOrEqual(100);
    }
  },
);
