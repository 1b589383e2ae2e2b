/** A sandbox with the operator and the load tester in its pods, as child processes: what users run, made quick. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClusterClient, connectCluster } from "../../../src/cli/cluster.ts";
import { applyObject, readManifests } from "../../../src/cli/commands/apply.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { aviaryApps } from "../../../src/cli/sandbox-apps.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { type Sandbox, startSandbox } from "../../../src/sandbox/sandbox.ts";

export const ROOT = new URL("../../../", import.meta.url).pathname;
const CLUSTER = { kubeconfig: { type: "string", help: "" }, context: { type: "string", help: "" } } as const;
const NOBODY = new AbortController().signal;

export interface World {
  readonly sandbox: Sandbox;
  readonly client: ClusterClient;
  apply(...objects: KubeObject[]): Promise<void>;
  /** Resolves with the object as soon as it is as described. */
  until(
    type: ResourceType,
    name: string,
    holds: (object: KubeObject) => boolean,
    namespace?: string,
  ): Promise<KubeObject>;
  /** What was said of a Canary so far, oldest first, without waits. */
  events(canary: string): string[];
  /** Everything said, waits included. */
  said(canary: string): string[];
  /** Resolves when something that contains `text` was said of the Canary. */
  heard(canary: string, text: string): Promise<void>;
  /** kill -9 of the operator's process; the kubelet starts another. */
  killOperator(): void;
  stop(): Promise<void>;
}

/** Waits differ from run to run with the machine's speed. */
const isWait = (message: string) => message.includes("not ready:") || message.includes("rollout to finish");

export async function startWorld(flags: readonly string[] = ["-interval-floor=1s"]): Promise<World> {
  if (!existsSync(join(ROOT, "dist/main.js"))) execFileSync("npm", ["run", "build"], { cwd: ROOT });
  const dir = mkdtempSync(join(tmpdir(), "aviary-world-"));
  const kubeconfig = join(dir, "kubeconfig");
  const sandbox = await startSandbox({
    apps: aviaryApps(join(ROOT, "dist/main.js"), kubeconfig),
    prometheus: "embedded",
    scrapeIntervalMs: 500,
  });
  writeFileSync(kubeconfig, sandbox.kubeconfig);
  const client = await connectCluster(readOptions(["--kubeconfig", kubeconfig], CLUSTER), {});
  const { cluster } = sandbox;
  const apply = async (...objects: KubeObject[]) => {
    for (const object of objects) await applyObject(client, object, NOBODY);
  };
  const said = (canary: string): string[] => {
    const about = cluster.list(RESOURCES.event, "").filter((event) => {
      const { kind, name } = event["involvedObject"] ?? {};
      return kind === "Canary" && name === canary;
    });
    // Seconds are all that Events tell of time; their versions tell the order.
    about.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    return about.map((event) => String(event["message"]));
  };
  const world: World = {
    sandbox,
    client,
    apply,
    said,
    events: (canary) => said(canary).filter((message) => !isWait(message)),
    until: (type, name, holds, namespace = "test") =>
      new Promise((resolve) => {
        const stop = cluster.watch(type, ({ object }) => {
          if (object.metadata.name !== name || object.metadata.namespace !== namespace || !holds(object)) return;
          queueMicrotask(() => stop());
          resolve(object);
        });
      }),
    heard: (canary, text) =>
      new Promise((resolve) => {
        const stop = cluster.watch(RESOURCES.event, ({ object }) => {
          if (object["involvedObject"]?.name !== canary || !String(object["message"]).includes(text)) return;
          queueMicrotask(() => stop());
          resolve();
        });
      }),
    killOperator: () => process.kill(operatorPid(), "SIGKILL"),
    async stop() {
      await client.transport.close();
      await sandbox.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await apply(...readManifests([join(ROOT, "deploy")]).map((object) => withFlags(object, flags)));
  await world.until(RESOURCES.deployment, "flagger", isAvailable, "istio-system");
  await world.until(RESOURCES.deployment, "prometheus", isAvailable, "istio-system");
  await world.until(RESOURCES.deployment, "flagger-loadtester", isAvailable);
  return world;
}

export const isAvailable = (object: KubeObject): boolean => (object.status?.availableReplicas ?? 0) > 0;
export const inPhase = (phase: string) => (object: KubeObject) => object.status?.phase === phase;

function withFlags(object: KubeObject, flags: readonly string[]): KubeObject {
  if (object.kind !== "Deployment" || object.metadata.name !== "flagger") return object;
  const copy = structuredClone(object);
  copy.spec.template.spec.containers[0].args.push(...flags);
  return copy;
}

/** The operator is a child of this process; its command line says which of them it is. */
function operatorPid(): number {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  const found = pids.find((pid) => {
    try {
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return Number(parent) === process.pid && words.includes("operator");
    } catch {
      return false; // it ended while we looked
    }
  });
  if (found === undefined) throw new Error("no operator is running");
  return Number(found);
}

/** A podinfo Deployment of one replica, under a name of its own. */
export function podinfo(name: string, tag = "6.0.0", flags: readonly string[] = []): KubeObject {
  const container = {
    name: "podinfod",
    image: `ghcr.io/stefanprodan/podinfo:${tag}`,
    command: ["./podinfo", "--port=9898", "--level=info", ...flags],
    ports: [{ name: "http", containerPort: 9898 }],
    readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 1 },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "test" },
    spec: {
      progressDeadlineSeconds: 20,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } },
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [container] } },
    },
  };
}

/** A Canary for it, judged every second by the last five seconds. */
export function canary(name: string, analysis: object, spec: object = {}): KubeObject {
  const metrics = [
    { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "5s" },
    { name: "request-duration", thresholdRange: { max: 5000 }, interval: "5s" },
  ];
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name, namespace: "test" },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: {
        port: 9898,
        portDiscovery: true,
        gateways: ["istio-system/public-gateway", "mesh"],
        hosts: [`${name}.example.com`],
      },
      // A machine that is busy with other tests may keep the load tester waiting: that is no reason to give a release up.
      analysis: { interval: "1s", threshold: 30, metrics, webhooks: [load(name)], ...analysis },
      ...spec,
    },
  };
}

/** Traffic for the canary from the load tester, from before the first check on. */
function load(name: string): object {
  return {
    name: "load",
    type: "pre-rollout",
    url: "http://flagger-loadtester.test/",
    metadata: { cmd: `hey -z 60s -q 10 -c 2 http://${name}-canary.test:9898/` },
  };
}
