/** The real istiod and Envoy, where this machine has both programs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { findAll } from "../programs/find.ts";
import { startSandbox } from "../sandbox.ts";
import { startIstio } from "./istio.ts";

const PROGRAMS = process.env["MESH_PROGRAMS"];
const START_MS = 60_000;

it("istiod and Envoy lead requests to pods (without the programs, the test says which are missing)", async () => {
  const missing = whatIsMissing();
  if (missing !== undefined) {
    process.stdout.write(`The real istiod was not tried: ${missing}. MESH_PROGRAMS may name the folder.\n`);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), "aviary-istio-test-"));
  const sandbox = await startSandbox({ prometheus: "embedded" });
  try {
    const kubeconfig = join(dir, "kubeconfig");
    writeFileSync(kubeconfig, sandbox.kubeconfig);
    const programs = PROGRAMS === undefined ? {} : { programs: PROGRAMS };
    const { cluster, provide } = sandbox;
    const apiPort = Number(new URL(sandbox.url).port);
    const mesh = await startIstio({ cluster, kubeconfig, apiPort, provide, ...programs, log: () => {} });
    try {
      createShop(sandbox.cluster);
      await vi.waitFor(async () => expect((await ask(mesh.url)).status).toBe(200), { timeout: START_MS });
      const answer = await ask(mesh.url);
      expect(answer.server).toBe("istio-envoy");
      expect(answer.body).toContain('"version": "6.0.0"');
    } finally {
      await mesh.stop();
    }
  } finally {
    await sandbox.stop();
    rmSync(dir, { recursive: true });
  }
}, 120_000);

function whatIsMissing(): string | undefined {
  try {
    findAll(["pilot-discovery", "envoy"], PROGRAMS);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** podinfo behind a Gateway and a VirtualService. */
function createShop(cluster: Cluster): void {
  const labels = { app: "shop" };
  const object = (apiVersion: string, kind: string, spec: KubeFields): KubeObject => ({
    apiVersion,
    kind,
    metadata: { namespace: "test", name: "shop" },
    spec,
  });
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  const ports = [{ name: "http", containerPort: 9898 }];
  const containers = [{ name: "podinfo", image: "podinfo:6.0.0", command: ["./podinfo", "--port=9898"], ports }];
  const template = { metadata: { labels }, spec: { containers } };
  cluster.create(
    RESOURCES.deployment,
    object("apps/v1", "Deployment", { replicas: 1, selector: { matchLabels: labels }, template }),
  );
  cluster.create(
    RESOURCES.service,
    object("v1", "Service", { selector: labels, ports: [{ name: "http", port: 9898, targetPort: 9898 }] }),
  );
  const hosts = ["shop.example.com"];
  const servers = [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts }];
  cluster.create(
    RESOURCES.gateway,
    object("networking.istio.io/v1beta1", "Gateway", { selector: { istio: "ingressgateway" }, servers }),
  );
  const destination = { host: "shop.test.svc.cluster.local", port: { number: 9898 } };
  cluster.create(
    RESOURCES.virtualService,
    object("networking.istio.io/v1beta1", "VirtualService", {
      hosts,
      gateways: ["test/shop"],
      http: [{ route: [{ destination }] }],
    }),
  );
}

function ask(url: string): Promise<{ status: number; server: string; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host: "shop.example.com" } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, server: String(response.headers.server), body }),
      );
    }).on("error", reject);
  });
}
