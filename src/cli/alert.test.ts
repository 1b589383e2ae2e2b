/**
 * `aviary alert test` over real HTTP: the cluster names the provider, the provider's service takes the alert or refuses
 * it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { startApiServer } from "../../sandbox/api-server/index.ts";
import { crds } from "../crd/index.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { runCommandLine } from "./run.ts";

let service: Server;
let kubeconfig: string;
let status = 200;
const posted: string[] = [];
const undo: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "alert-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  const server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  service = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      posted.push(body);
      response.writeHead(status).end("no such channel");
    });
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  undo.push(() => new Promise((resolve) => service.close(resolve)));
  const address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const provider = (name: string, spec: object) => {
    const metadata = { name, namespace: "test" };
    server.cluster.create(RESOURCES.alertProvider, {
      ...{ apiVersion: "flagger.app/v1beta1", kind: "AlertProvider", metadata, spec },
    });
  };
  provider("on-call", { type: "generic", address });
  provider("lost", { type: "slack", secretRef: { name: "nowhere" } });
  kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, server.kubeconfig);
});
afterAll(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

async function run(...argv: readonly string[]) {
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  const { signal } = new AbortController();
  const code = await runCommandLine({ argv, env: { KUBECONFIG: kubeconfig }, out: write, err: write, signal });
  return { code, said };
}

it("sends one alert and says that it was taken", async () => {
  expect(await run("alert", "test", "on-call", "-n", "test", "--message", "who gets this?")).toEqual({
    code: 0,
    said: "alert provider on-call.test has taken the alert\n",
  });
  expect(JSON.parse(posted[0] ?? "{}")).toMatchObject({ severity: "info", message: "who gets this?" });
});

it("says what the service answered when it refuses", async () => {
  status = 404;
  const { code, said } = await run("alert", "test", "on-call", "-n", "test");
  expect([code, said]).toEqual([1, expect.stringMatching(/on-call\.test: .*404: no such channel/)]);
});

it.each([
  [["alert", "test", "absent", "-n", "test"], 1, /"absent" not found/],
  [["alert", "test", "lost", "-n", "test"], 1, /secrets "nowhere" not found/],
  [["alert", "test"], 2, /use: aviary alert test PROVIDER/],
  [["alert", "test", "on-call", "--severity", "loud"], 2, /severity/],
])("says what is wrong: %j", async (argv, code, message) => {
  expect(await run(...argv)).toEqual({ code, said: expect.stringMatching(message) });
});
