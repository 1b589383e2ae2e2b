/** A tiny server of Node as an image of one's own, in a whole sandbox. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type Sandbox, startSandbox } from "../sandbox.ts";
import { editImageFile } from "./image-file.ts";

const SERVER = `
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
console.log("serving", process.argv.slice(2).join(" "));
createServer((request, response) => {
  if (request.url === "/exit") process.exit(3);
  const { IMAGE_TAG, POD_IP, POD_NAME, GREETING, SHOP_SERVICE_HOST, AVIARY_MOUNTS } = process.env;
  const file = readFileSync(AVIARY_MOUNTS + "/etc/shop/motto", "utf8");
  response.end(JSON.stringify({ IMAGE_TAG, POD_IP, POD_NAME, GREETING, SHOP_SERVICE_HOST, file }));
}).listen(process.env.PORT);
`;

let dir: string;
let file: string;
let sandbox: Sandbox;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "own images-"));
  file = join(dir, "images.yaml");
  writeFileSync(join(dir, "server.cjs"), SERVER);
  editImageFile(file, "example.com/shop", { command: "node server.cjs", workingDir: dir, env: { GREETING: "hello" } });
  sandbox = await startSandbox({ prometheus: "embedded", images: file });
  const { cluster } = sandbox;
  cluster.create(RESOURCES.configMap, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "shop", namespace: "default" },
    data: { motto: "open" },
  });
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "shop", namespace: "default" },
    spec: { selector: { app: "shop" }, ports: [{ port: 8080 }] },
  });
  cluster.create(RESOURCES.deployment, deployment("example.com/shop:1.0.0"));
});

afterAll(async () => {
  await sandbox.stop();
  rmSync(dir, { recursive: true });
});

function deployment(image: string): KubeObject {
  const container = {
    name: "shop",
    image,
    args: ["--color", "red"],
    ports: [{ containerPort: 8080 }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    volumeMounts: [{ name: "config", mountPath: "/etc/shop" }],
  };
  const volumes = [{ name: "config", configMap: { name: "shop" } }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "shop", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "shop" } },
      template: { metadata: { labels: { app: "shop" } }, spec: { containers: [container], volumes } },
    },
  };
}

/** Resolves with the pods as soon as they are as wanted. */
function pods(wanted: (all: readonly KubeObject[]) => boolean): Promise<readonly KubeObject[]> {
  return new Promise((resolve) => {
    const look = () => {
      const all = sandbox.cluster.list(RESOURCES.pod, "default");
      if (!wanted(all)) return;
      queueMicrotask(() => stop());
      resolve(all);
    };
    const stop = sandbox.cluster.watch(RESOURCES.pod, look);
  });
}

const isReady = ({ status }: KubeObject) => status?.containerStatuses?.[0]?.ready === true;

it("runs in several pods at once, with its port, address, environment, arguments and files, and is restarted", async () => {
  const [first, second] = await pods((all) => all.length === 2 && all.every(isReady));
  const service = sandbox.cluster.get(RESOURCES.service, "default", "shop")?.spec?.clusterIP;
  for (const pod of [first, second]) {
    const answer = await (await fetch(`http://${pod?.status?.podIP}:8080/`)).json();
    expect(answer).toEqual({
      IMAGE_TAG: "1.0.0",
      POD_IP: pod?.status?.podIP,
      POD_NAME: pod?.metadata.name,
      GREETING: "hello",
      SHOP_SERVICE_HOST: service,
      file: "open",
    });
  }
  const throughService = await fetch(`http://${service}:8080/`);
  expect(throughService.status).toBe(200);
  await fetch(`http://${first?.status?.podIP}:8080/exit`).catch(() => undefined);
  const again = await pods((all) => all.some(({ status }) => status?.containerStatuses?.[0]?.restartCount === 1));
  const restarted = again.find(({ metadata }) => metadata.name === first?.metadata.name);
  expect(restarted?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(3);
});

it("may be another program for another tag, as soon as that is mapped", async () => {
  editImageFile(file, "example.com/shop:2.0.0", {
    command: `node -e 'require("node:http").createServer((q, r) => r.end("two")).listen(process.env.PORT)' --`,
  });
  const live = sandbox.cluster.get(RESOURCES.deployment, "default", "shop");
  if (live === undefined) throw new Error("no Deployment");
  const next = structuredClone(live);
  next.spec.template.spec.containers[0].image = "example.com/shop:2.0.0";
  sandbox.cluster.update(RESOURCES.deployment, next);
  const all = await pods(
    (found) =>
      found.length === 2 && found.every((pod) => isReady(pod) && pod.spec?.containers[0].image.endsWith("2.0.0")),
  );
  expect(await (await fetch(`http://${all[0]?.status?.podIP}:8080/`)).text()).toBe("two");
});
