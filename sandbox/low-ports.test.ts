import { get } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RESOURCES } from "../src/ports/kubernetes.ts";
import { startNameProxy } from "./kubelet/name-proxy.ts";
import { lowPortShift, servedAt } from "./low-ports.ts";
import { type Sandbox, startSandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ portShift: 20_000, prometheus: "embedded" });
});
afterAll(() => sandbox?.stop());

const textOf = (url: string | { host: string; port: string; path: string }): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => resolve(text));
    }).once("error", reject);
  });

it("a Service's port below 1024 is served at the shifted port, and commands of kubectl exec ask at its own", async () => {
  const { cluster } = sandbox;
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
  const ports = [{ port: 80, targetPort: 9898 }];
  const spec = { selector: { app: "web" }, ports };
  const metadata = { name: "web", namespace: "shop" };
  const service = cluster.create(RESOURCES.service, { apiVersion: "v1", kind: "Service", metadata, spec });
  // No pod is behind the Service: the mesh itself answers.
  const unserved = "no healthy upstream";
  await expect
    .poll(() => textOf(`http://${service.spec.clusterIP}:20080/`).catch(String), { timeout: 30_000 })
    .toContain(unserved);
  const proxy = await startNameProxy(cluster, { address: sandbox.addresses.own(7), namespace: "shop" }, 20_000);
  const { hostname: host, port } = new URL(proxy.url);
  expect(await textOf({ host, port, path: "http://web/" })).toContain(unserved);
  await proxy.stop();
});

it("root opens every port", async () => {
  const expected = process.getuid?.() === 0 ? 0 : await lowPortShift("127.0.0.1");
  expect(await lowPortShift("127.0.0.1")).toBe(expected);
  expect([servedAt(80, 20_000), servedAt(1023, 20_000), servedAt(1024, 20_000), servedAt(80, 0)]).toEqual([
    ...[20_080, 21_023, 1024, 80],
  ]);
});
