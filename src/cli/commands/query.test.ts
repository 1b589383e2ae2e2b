/** `aviary query` against the sandbox's API server and a Prometheus that answers every query with one value. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../../sandbox/api-server/index.ts";
import { PROJECT_ROOT } from "../../project-root.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { runCommandLine } from "../run.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-query-"));
const KUBECONFIG = join(FOLDER, "kubeconfig");
let addresses: AddressBlock;
let server: ApiServer;
let prometheus: Server;
let address: string;
let value = "97.5";

async function aviary(...argv: string[]) {
  let [out, err] = ["", ""];
  const code = await runCommandLine({
    argv,
    env: { KUBECONFIG },
    signal: new AbortController().signal,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

beforeAll(async () => {
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  writeFileSync(KUBECONFIG, server.kubeconfig);
  prometheus = createServer((_, response) =>
    response.end(`{"data":{"result":[{"metric":{},"value":[1,"${value}"]}]}}`),
  );
  await new Promise<void>((resolve) => prometheus.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
  const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];
  const { metadata, ...canary } = aWireCanary({ name: "podinfo", analysis: { metrics } });
  writeFileSync(
    join(FOLDER, "canary.json"),
    JSON.stringify({ ...canary, metadata: { name: metadata.name, namespace: "test" } }),
  );
  const applied = await aviary(
    ...[
      "apply",
      join(PROJECT_ROOT, "deploy/crds"),
      join(PROJECT_ROOT, "deploy/namespaces"),
      join(FOLDER, "canary.json"),
    ],
  );
  expect(applied.code).toBe(0);
});

afterAll(async () => {
  prometheus.closeAllConnections();
  await new Promise((resolve) => prometheus.close(resolve));
  await server.stop();
  await addresses.release();
  rmSync(FOLDER, { recursive: true });
});

const query = (...words: string[]) =>
  aviary("query", "canary/podinfo", ...words, "-n", "test", "--metrics-server", address);

it("shows query, value and verdict, and its exit code says whether every check passes", async () => {
  value = "97.5";
  const failed = await query();
  expect(failed).toMatchObject({ code: 1, err: "" });
  expect(failed.out).toMatch(
    /^request-success-rate +97.5 +>= 99 +fail +Halt podinfo.test advancement success rate 97.50% < 99%$/m,
  );
  expect(failed.out).toContain('request-success-rate: sum( rate( istio_requests_total{ reporter="destination"');
  value = "99.9";
  const passed = await query("request-success-rate", "-o", "json");
  expect(passed.code).toBe(0);
  expect(JSON.parse(passed.out)).toMatchObject([{ check: "request-success-rate", value: 99.9, min: 99, passed: true }]);
});

it("asks of the primary, and says which checks there are", async () => {
  expect((await query("--of", "primary")).out).toContain('destination_workload=~"podinfo-primary"');
  expect(await query("nothing")).toMatchObject({
    code: 1,
    err: expect.stringContaining('canary/podinfo has no metric "nothing"; it has request-success-rate'),
  });
});

it("says what to do where this machine does not reach the metrics server, and repeats no query in the table", async () => {
  const { code, out, err } = await aviary(
    ...["query", "canary/podinfo", "request-success-rate", "-n", "test", "--metrics-server", "http://127.0.0.1:1"],
  );
  expect(code).toBe(1);
  expect(out).toMatch(
    /^request-success-rate +no value .*"http:\/\/127\.0\.0\.1:1\/api\/v1\/query\?query=…": .*ECONNREFUSED/m,
  );
  expect(err).toContain("kubectl port-forward");
});
