/**
 * A cluster with canaries in every situation, its console, and a metrics server: what the tests of the pages look at.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimAddressBlock } from "../../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../../sandbox/api-server/index.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../../../src/cli/cluster.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { type ServedConsole, type ServeOptions, serveConsole } from "../../../src/cli/serve-console.ts";
import { crds } from "../../../src/crd/index.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { closed, listening } from "../harness/servers.ts";
import { canary, canaryRun, deployment, event, freeze, pod } from "./objects.ts";

export interface World {
  readonly server: ApiServer;
  readonly console: ServedConsole;
  /** What the metrics server was asked. */
  readonly queries: readonly string[];
  readonly kubeconfig: string;
  /** The API server goes away, until `end` starts it again at its address. */
  outage(): Promise<{ end(): Promise<void> }>;
  /** One more console of the same cluster. */
  serve(options: Partial<ServeOptions>): Promise<ServedConsole>;
  stop(): Promise<void>;
}

export async function startWorld(fill: (server: ApiServer) => void = situations): Promise<World> {
  const undo: (() => Promise<unknown> | unknown)[] = [];
  const folder = mkdtempSync(join(tmpdir(), "console-world-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  const server = await startApiServer({ addresses });
  let running = server;
  undo.push(() => running.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  for (const name of ["test", "shop"])
    server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  fill(server);
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, server.kubeconfig);
  const queries: string[] = [];
  const metrics = await startMetrics(queries);
  undo.push(() => metrics.stop());
  const stopped = new AbortController();
  undo.push(() => stopped.abort());
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: kubeconfig });
  const serve = async (options: Partial<ServeOptions>) => {
    const served = await serveConsole(
      client,
      {
        ...{ mode: "local", host: "127.0.0.1", port: 0, basePath: "/" },
        metrics: { address: metrics.address, meshProvider: "istio" },
        ...(process.env["CONSOLE_PAGES"] === undefined ? {} : { pages: process.env["CONSOLE_PAGES"] }),
        ...options,
      },
      stopped.signal,
    );
    undo.push(() => served.stop());
    return served;
  };
  return {
    ...{ server, console: await serve({}), queries, kubeconfig, serve },
    async outage() {
      await running.stop();
      const { token, url } = server;
      return {
        async end() {
          running = await startApiServer({ addresses, port: Number(new URL(url).port), token, resumed: server });
        },
      };
    },
    async stop() {
      for (const step of undo.reverse().splice(0)) await step();
    },
  };
}

/** Answers query_range as Prometheus does: the canary is a little slower and a little worse than the primary. */
async function startMetrics(queries: string[]) {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://metrics");
    const query = searchParams.get("query") ?? "";
    queries.push(query);
    const [from, to, step] = ["start", "end", "step"].map((name) => Number(searchParams.get(name))) as [
      number,
      number,
      number,
    ];
    const isPrimary = query.includes("-primary");
    const values: [number, string][] = [];
    for (let at = from; at <= to; at += step) {
      const wave = Math.sin(at / 40) * 0.5 + Math.sin(at / 17) * 0.3;
      const value = query.includes("increase")
        ? isPrimary
          ? 800
          : 208
        : query.includes("histogram")
          ? (isPrimary ? 45 : 62) + wave * 6
          : Math.min(100, (isPrimary ? 99.9 : 99.4) + wave * 0.2);
      values.push([at, String(value)]);
    }
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ status: "success", data: { resultType: "matrix", result: [{ metric: {}, values }] } }),
    );
  });
  return { address: await listening(server), stop: () => closed(server) };
}

/** Creates an object with its status, also where the status is a subresource. */
export function put(server: ApiServer, type: ResourceType, object: KubeObject): KubeObject {
  const made = server.cluster.create(type, object);
  if (object["status"] === undefined || JSON.stringify(made["status"]) === JSON.stringify(object["status"]))
    return made;
  return server.cluster.updateStatus(type, { ...made, status: object["status"] });
}

/** Canaries under way, waiting, paused, failed, at rest and refused, with their releases, pods and events. */
export function situations(server: ApiServer): void {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const failed = canaryRun("podinfo", { ago, verdict: "rolled-back" });
  const states: readonly (readonly [name: string, status: KubeFields, parts?: KubeFields])[] = [
    [
      "podinfo",
      {
        ...{ phase: "Failed", canaryWeight: 0, failedChecks: 0, lastTransitionTime: ago(600) },
        conditions: [{ type: "Promoted", status: "False", reason: "Failed", message: failed.status.sentence }],
      },
    ],
    [
      "checkout",
      {
        ...{ phase: "Progressing", canaryWeight: 20, failedChecks: 1, lastTransitionTime: ago(100) },
        aviary: { step: 2, holdUntil: Date.now() + 100_000, run: { id: "checkout-now", startedAt: Date.now() } },
      },
    ],
    [
      "search",
      { phase: "WaitingPromotion", canaryWeight: 50, failedChecks: 0, lastTransitionTime: ago(720) },
      { webhooks: [{ name: "ask the board", type: "confirm-promotion", url: "http://gate.test/" }] },
    ],
    [
      "profile",
      {
        ...{ phase: "Progressing", canaryWeight: 30, failedChecks: 0, lastTransitionTime: ago(180) },
        aviary: { step: 3, paused: { by: "alice@example.com", at: Date.now() - 180_000, reason: "watching payments" } },
      },
    ],
    [
      "cart",
      {
        ...{ phase: "Progressing", canaryWeight: 20, failedChecks: 0, lastTransitionTime: ago(300) },
        aviary: { step: 2, run: { id: "cart-now", startedAt: Date.now() } },
      },
    ],
    [
      "basket",
      {
        ...{ phase: "Succeeded", canaryWeight: 0, failedChecks: 0, lastTransitionTime: ago(400) },
        aviary: {
          saidReason: "Frozen",
          said: "A new revision waits: frozen by carol@example.com (freeze-2): the audit",
        },
      },
    ],
    ["blog", { phase: "Succeeded", canaryWeight: 0, failedChecks: 0, lastTransitionTime: ago(90_000) }],
    ["mail", { phase: "Initialized", canaryWeight: 0, failedChecks: 0, lastTransitionTime: ago(300_000) }],
  ];
  for (const [name, status, parts = {}] of states) put(server, RESOURCES.canary, canary(name, status, parts));
  // Linkerd cannot mirror requests: the operator refuses this one. Plain Kubernetes has no weights, and releases at
  // once.
  const resting = { phase: "Initialized", canaryWeight: 0, failedChecks: 0 };
  const odd = canary("odd", resting, { mirror: true });
  put(server, RESOURCES.canary, { ...odd, spec: { ...odd["spec"], provider: "linkerd" } });
  const plain = canary("plain", resting);
  put(server, RESOURCES.canary, { ...plain, spec: { ...plain["spec"], provider: "kubernetes" } });
  put(server, RESOURCES.canary, canary("broken", resting, { stepWeight: 2.5 }));
  put(server, STEERING.run, failed);
  put(server, STEERING.run, canaryRun("podinfo", { ago, verdict: "promoted" }));
  put(server, STEERING.run, canaryRun("checkout", { ago, verdict: "running" }));
  for (const name of ["podinfo", "checkout"]) {
    put(server, RESOURCES.deployment, deployment(name, "2"));
    put(server, RESOURCES.deployment, deployment(`${name}-primary`, "1"));
    put(server, RESOURCES.pod, pod(`${name}-primary`, 1, { ready: true }));
    put(server, RESOURCES.pod, pod(`${name}-primary`, 2, { ready: true, restarts: 1 }));
  }
  put(server, RESOURCES.pod, pod("checkout", 1, { ready: true }));
  put(
    server,
    RESOURCES.pod,
    pod("checkout", 2, { ready: false, why: "ImagePullBackOff", said: 'Back-off pulling image "shop/checkout:2"' }),
  );
  const { uid } = server.cluster.get(RESOURCES.canary, "test", "checkout")?.metadata ?? {};
  put(
    server,
    RESOURCES.event,
    event("checkout", uid ?? "", ago(100), "Normal", "Advance checkout.test canary weight 20"),
  );
  put(
    server,
    RESOURCES.event,
    event(
      ...([
        "checkout",
        uid ?? "",
        ago(40),
        "Warning",
        "Halt checkout.test advancement success rate 98.10% < 99%",
      ] as const),
    ),
  );
  const audit = freeze("test", { canaries: ["cart", "basket"], runs: "hold", reason: "the audit" });
  put(server, STEERING.freeze, { ...audit, metadata: { ...audit.metadata, name: "freeze-2" } });
  put(server, STEERING.freeze, freeze("shop", { until: new Date(Date.now() + 172_800_000).toISOString() }));
}
