/** The real nginx of this machine, led by Ingresses; a machine without nginx says so. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { findAll } from "../../programs/find.ts";
import { startSandbox } from "../../sandbox.ts";
import type { MeshPrograms } from "../programs.ts";
import { startNginx } from "./index.ts";
import { PREFIX } from "./plan.ts";

const PROGRAMS = process.env["MESH_PROGRAMS"];
const LIMIT = { timeout: 30_000 };

it("nginx splits by weight, header and cookie, and its access log is counted", { timeout: 120_000 }, async () => {
  const missing = whatIsMissing();
  if (missing !== undefined) {
    process.stdout.write(`nginx was not tried: ${missing}\n`);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), "aviary-nginx-test-"));
  const sandbox = await startSandbox({ prometheus: "embedded" });
  const { cluster, provide } = sandbox;
  const kubeconfig = join(dir, "kubeconfig");
  writeFileSync(kubeconfig, sandbox.kubeconfig);
  const apiPort = Number(new URL(sandbox.url).port);
  const programs = PROGRAMS === undefined ? {} : { programs: PROGRAMS };
  const nginx = await startNginx({ cluster, kubeconfig, apiPort, provide, ...programs, log: () => {} });
  try {
    createShop(cluster);
    await tellStory(cluster, nginx);
  } finally {
    await nginx.stop();
    await sandbox.stop();
    rmSync(dir, { recursive: true });
  }
});

async function tellStory(cluster: Cluster, { url, metricsUrl }: MeshPrograms): Promise<void> {
  await vi.waitFor(async () => expect(await ask(url)).toBe("200 6.0.0"), LIMIT);
  // A connection that is kept would be lost, with a request on it, when nginx reads its configuration again.
  expect((await fetch(url, { headers: { connection: "keep-alive" } })).headers.get("connection")).toBe("close");
  expect(await ask(url, { host: "elsewhere.example.com" })).toBe("404 ");
  annotate(cluster, { canary: "true", "canary-weight": "100" });
  await vi.waitFor(async () => expect(await ask(url)).toBe("200 6.0.1"), LIMIT);
  annotate(cluster, { canary: "true", "canary-by-header": "X-User", "canary-by-header-value": "insider" });
  await vi.waitFor(async () => expect(await ask(url)).toBe("200 6.0.0"), LIMIT);
  await vi.waitFor(async () => expect(await ask(url, { "x-user": "insider" })).toBe("200 6.0.1"), LIMIT);
  annotate(cluster, { canary: "true", "canary-by-header": "X-User", "canary-by-header-pattern": "^in.*" });
  await vi.waitFor(async () => expect(await ask(url, { "x-user": "insane" })).toBe("200 6.0.1"), LIMIT);
  annotate(cluster, { canary: "true", "canary-by-cookie": "tester", "canary-weight": "0" });
  await vi.waitFor(async () => expect(await ask(url, { cookie: "tester=always" })).toBe("200 6.0.1"), LIMIT);
  // For a moment, the former worker still takes some of the connections.
  await vi.waitFor(async () => expect(await ask(url, { cookie: "tester=never" })).toBe("200 6.0.0"), LIMIT);
  const metrics = await (await fetch(metricsUrl)).text();
  const labels = 'namespace="test",ingress="shop",service="podinfo-6-0-0",canary="test-podinfo-6-0-1-9898"';
  expect(metrics).toContain(`nginx_ingress_controller_requests{${labels}`);
  expect(metrics).toMatch(/nginx_ingress_controller_response_duration_seconds_count\{.*canary="test-.*\} [1-9]/);
  cluster.remove(RESOURCES.deployment, "test", "podinfo-6-0-0");
  await vi.waitFor(async () => expect(await ask(url)).toBe("503 "), LIMIT);
}

function whatIsMissing(): string | undefined {
  try {
    findAll(["nginx"], PROGRAMS, `${process.env["PATH"] ?? ""}:/usr/sbin`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function annotate(cluster: Cluster, annotations: KubeFields): void {
  const live = cluster.get(RESOURCES.ingress, "test", "shop-canary");
  const named = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value]));
  const next = ingress("shop-canary", "podinfo-6-0-1", named);
  if (live === undefined) cluster.create(RESOURCES.ingress, next);
  else cluster.update(RESOURCES.ingress, next);
}

function ingress(name: string, service: string, annotations: KubeFields = {}): KubeObject {
  const paths = [{ path: "/", pathType: "Prefix", backend: { service: { name: service, port: { number: 9898 } } } }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { namespace: "test", name, annotations },
    spec: { ingressClassName: "nginx", rules: [{ host: "shop.example.com", http: { paths } }] },
  };
}

function createShop(cluster: Cluster): void {
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  for (const version of ["6.0.0", "6.0.1"]) {
    const name = `podinfo-${version.replaceAll(".", "-")}`;
    const metadata = { namespace: "test", name };
    const labels = { app: name };
    const ports = [{ name: "http", containerPort: 9898 }];
    const containers = [{ name: "podinfo", image: `podinfo:${version}`, command: ["./podinfo", "--port=9898"], ports }];
    const template = { metadata: { labels }, spec: { containers } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    cluster.create(RESOURCES.deployment, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec });
    const servicePorts = [{ name: "http", port: 9898, targetPort: 9898 }];
    cluster.create(RESOURCES.service, {
      ...{ apiVersion: "v1", kind: "Service", metadata },
      spec: { selector: labels, ports: servicePorts },
    });
  }
  cluster.create(RESOURCES.ingress, ingress("shop", "podinfo-6-0-0"));
}

function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host: "shop.example.com", ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      const version = () => /"version": "([^"]*)"/.exec(body)?.[1] ?? "";
      response.on("end", () => resolve(`${response.statusCode} ${version()}`));
    }).on("error", reject);
  });
}
