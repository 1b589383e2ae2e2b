/** The whole sandbox: real controllers roll a Deployment while users come through the gateway and the Service. */
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../test/patience.ts";
import { type Sandbox, startSandbox } from "../sandbox.ts";

const { deployment, service, gateway, virtualService, namespace } = RESOURCES;
const PORT = 9898;

let sandbox: Sandbox;
let agent: Agent;

const object = (type: ResourceType, name: string, spec: KubeFields): KubeObject => ({
  apiVersion: type.group === "" ? type.version : `${type.group}/${type.version}`,
  kind: type.kind,
  metadata: { name, namespace: "test" },
  spec,
});

function podinfo(message: string): KubeFields {
  const probe = { httpGet: { path: "/readyz", port: PORT }, periodSeconds: 1 };
  const env = [{ name: "PODINFO_UI_MESSAGE", value: message }];
  const ports = [{ name: "http", containerPort: PORT }];
  const container = {
    name: "podinfod",
    image: "ghcr.io/stefanprodan/podinfo:6.0.0",
    ports,
    env,
    readinessProbe: probe,
  };
  return {
    replicas: 2,
    selector: { matchLabels: { app: "podinfo" } },
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: { metadata: { labels: { app: "podinfo" } }, spec: { containers: [container] } },
  };
}

beforeAll(async () => {
  sandbox = await startSandbox({ prometheus: "embedded" });
  agent = new Agent();
  const { cluster } = sandbox;
  cluster.create(namespace, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "test", labels: { "istio-injection": "enabled" } },
  });
  cluster.create(service, object(service, "podinfo", { selector: { app: "podinfo" }, ports: [{ port: PORT }] }));
  cluster.create(deployment, object(deployment, "podinfo", podinfo("one")));
  const servers = [{ port: { number: 80, protocol: "HTTP" }, hosts: ["*"] }];
  cluster.create(gateway, object(gateway, "public", { servers }));
  const http = [{ route: [{ destination: { host: "podinfo" } }] }];
  const spec = { hosts: ["app.example.com"], gateways: ["public"], http };
  cluster.create(virtualService, object(virtualService, "podinfo", spec));
});

afterAll(async () => {
  await agent.destroy();
  await sandbox.stop();
});

const rolledOut = () => {
  const { metadata, status } = sandbox.cluster.get(deployment, "test", "podinfo") as KubeObject;
  const whole = status?.observedGeneration === metadata.generation && status?.updatedReplicas === 2;
  return whole && status?.readyReplicas === 2 && status?.replicas === 2;
};

it("no request fails during a rollout", { timeout: 60_000 }, async () => {
  await expect.poll(rolledOut, { timeout: PATIENCE_MS }).toBe(true);
  const clusterIP = sandbox.cluster.get(service, "test", "podinfo")?.spec?.clusterIP;
  const doors = [
    { url: `http://${clusterIP}:${PORT}/`, headers: {} },
    { url: sandbox.ingressUrl, headers: { host: "app.example.com" } },
  ];
  const outcomes = new Set<string>();
  const messages = new Set<string>();
  let stopped = false;
  const users = Array.from({ length: 8 }, async (_, i) => {
    const { url, headers } = doors[i % doors.length] as (typeof doors)[number];
    while (!stopped) {
      const posts = i % 4 === 3;
      const path = posts ? new URL("/echo", url) : new URL("/", url);
      const { statusCode, body } = await request(path, {
        dispatcher: agent,
        headers,
        ...(posts ? { method: "POST", body: "hello" } : {}),
      });
      const text = await body.text();
      outcomes.add(statusCode < 300 ? "fine" : `${statusCode} ${text}`);
      if (!posts && statusCode === 200) messages.add((JSON.parse(text) as { message: string }).message);
    }
  });
  for (const message of ["two", "three"]) {
    const live = structuredClone(sandbox.cluster.get(deployment, "test", "podinfo")) as KubeObject;
    sandbox.cluster.update(deployment, { ...live, spec: podinfo(message) });
    await expect.poll(rolledOut, { timeout: PATIENCE_MS }).toBe(true);
    await expect.poll(() => messages.has(message)).toBe(true);
  }
  stopped = true;
  await Promise.all(users);
  expect([...outcomes]).toEqual(["fine"]);
  const failed = sandbox.mesh.totals().filter(({ code }) => code >= 500);
  expect(failed).toEqual([]);
});
