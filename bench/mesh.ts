/**
 * What the mesh adds to a request: the same paced load, directly to a pod and through a Service with a weighted route.
 */
import { fork } from "node:child_process";
import { Agent, createServer, request } from "node:http";
import { fileURLToPath } from "node:url";
import { claimAddressBlock } from "../sandbox/addresses.ts";
import { createStore, type Store } from "../sandbox/api-server/store.ts";
import { istioCrds } from "../sandbox/crds/istio.ts";
import { type Mesh, startMesh } from "../sandbox/mesh/index.ts";
import { RESOURCES } from "../src/ports/kubernetes.ts";
import { type Figure, ms } from "./figure.ts";

const PORT = 9898;
const RPS = 2_000;
const SECONDS = 4;
const ROUNDS = 3;
const USERS = 32;

interface Load {
  readonly p50: number;
  readonly p99: number;
  /** Requests per second as fast as they come. */
  readonly most: number;
  readonly failed: number;
}

/** A separate process sends the load, so that the load does not count as the mesh's work. */
export async function benchMesh(): Promise<readonly Figure[]> {
  const addresses = await claimAddressBlock();
  const store = createStore({ addresses });
  const mesh = await startMesh(store, { addresses });
  const pods = [addresses.pod(), addresses.pod()];
  const servers = await Promise.all(pods.map(startPod));
  const service = await installRoute(store, pods);
  try {
    const [direct, meshed, cpu] = await compare(pods[0] ?? "", service, mesh);
    const added = meshed.p50 - direct.p50;
    const ratio = meshed.most / direct.most;
    return [
      { what: `mesh: added at ${RPS} rps, p50`, measured: ms(added), aim: "1 ms", met: added < 1 },
      {
        what: `mesh: p99 at ${RPS} rps, direct and through`,
        measured: `${ms(direct.p99)}, ${ms(meshed.p99)}`,
        aim: "(told)",
        met: true,
      },
      {
        what: "mesh: most requests per second, direct and through",
        measured: `${Math.round(direct.most)}, ${Math.round(meshed.most)} (${ratio.toFixed(2)})`,
        aim: `${RPS}`,
        met: meshed.most >= RPS,
      },
      {
        what: `mesh and pods: CPU at ${RPS} rps`,
        measured: `${Math.round(cpu * 100)} %`,
        aim: "100 %",
        met: cpu < 1,
      },
      {
        what: "mesh: failed requests",
        measured: String(direct.failed + meshed.failed),
        aim: "0",
        met: direct.failed + meshed.failed === 0,
      },
    ];
  } finally {
    await mesh.stop();
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await addresses.release();
  }
}

async function startPod(address: string) {
  const body = JSON.stringify({ hostname: "podinfo", message: "greetings", version: "6.0.0" });
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
    response.end(body);
  });
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve) => server.listen(PORT, address, resolve));
  return server;
}

/** @returns the Service's address */
async function installRoute(store: Store, pods: readonly string[]): Promise<string> {
  for (const crd of istioCrds()) store.create(RESOURCES.crd, crd);
  const labels = { "istio-injection": "enabled" };
  store.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test", labels } });
  const names = ["podinfo", "podinfo-primary", "podinfo-canary"];
  for (const [i, name] of names.entries()) {
    store.create(RESOURCES.service, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "test" },
      spec: { ports: [{ name: "http", port: PORT }] },
    });
    store.create(RESOURCES.endpointSlice, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace: "test", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ name: "http", port: PORT, protocol: "TCP" }],
      endpoints: [{ addresses: [pods[i % pods.length] ?? ""], conditions: { ready: true } }],
    });
  }
  const insider = [{ headers: { "x-canary": { exact: "insider" } } }];
  const [primary, canary] = ["podinfo-primary", "podinfo-canary"].map((host) => ({ destination: { host } }));
  const http = [
    { match: insider, route: [{ ...canary, weight: 100 }] },
    {
      route: [
        { ...primary, weight: 90 },
        { ...canary, weight: 10 },
      ],
    },
  ];
  store.create(RESOURCES.virtualService, {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { name: "podinfo", namespace: "test" },
    spec: { hosts: ["podinfo"], http },
  });
  // The listener opens within a turn or two of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return String(store.get(RESOURCES.service, "test", "podinfo")?.spec?.clusterIP);
}

/** Best of several rounds each, in turns: other work on the machine only ever adds time. */
async function compare(pod: string, service: string, mesh: Mesh): Promise<[Load, Load, number]> {
  const direct: Load[] = [];
  const meshed: Load[] = [];
  let cpu = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i += 1) {
    direct.push(await loadFromOutside(pod));
    const before = process.cpuUsage();
    const began = performance.now();
    const paced = await loadFromOutside(service, "paced");
    const { user, system } = process.cpuUsage(before);
    cpu = Math.min(cpu, (user + system) / 1000 / (performance.now() - began));
    const most = await loadFromOutside(service, "most");
    meshed.push({ ...paced, most: most.most, failed: paced.failed + most.failed });
  }
  mesh.metrics();
  return [best(direct), best(meshed), cpu];
}

function best(loads: readonly Load[]): Load {
  return {
    p50: Math.min(...loads.map(({ p50 }) => p50)),
    p99: Math.min(...loads.map(({ p99 }) => p99)),
    most: Math.max(...loads.map(({ most }) => most)),
    failed: loads.reduce((sum, { failed }) => sum + failed, 0),
  };
}

type Kind = "paced" | "most" | "both";

function loadFromOutside(address: string, kind: Kind = "both"): Promise<Load> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ["load", address, kind]);
    let load: Load | undefined;
    child.once("message", (message) => {
      load = message as Load;
    });
    child.once("exit", () =>
      load === undefined ? reject(new Error("the load ended without a result")) : resolve(load),
    );
  });
}

async function load(address: string, kind: Kind): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const samples: number[] = [];
  let failed = 0;
  const ask = () =>
    new Promise<void>((resolve) => {
      const began = performance.now();
      const done = (status: number) => {
        if (status === 200) samples.push(performance.now() - began);
        else failed += 1;
        resolve();
      };
      const outgoing = request({ host: address, port: PORT, path: "/", agent }, (response) => {
        response.resume();
        response.once("end", () => done(response.statusCode ?? 0));
      });
      outgoing.once("error", () => done(0));
      outgoing.end();
    });
  await asFastAsPossible(ask, 0.5);
  samples.length = 0;
  if (kind !== "most") await paced(ask);
  const sorted = samples.splice(0).sort((a, b) => a - b);
  const most = kind === "paced" ? 0 : await asFastAsPossible(ask, 2);
  agent.destroy();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), most, failed };
}

/** Sends the requests that are due, millisecond by millisecond. */
async function paced(ask: () => Promise<void>): Promise<void> {
  const open = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  while (sent < RPS * SECONDS) {
    const due = Math.min(RPS * SECONDS, Math.floor(((performance.now() - began) / 1000) * RPS));
    for (; sent < due; sent += 1) {
      const one = ask();
      open.add(one);
      void one.then(() => open.delete(one));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
}

/** @returns requests per second */
async function asFastAsPossible(ask: () => Promise<void>, seconds: number): Promise<number> {
  const began = performance.now();
  let count = 0;
  const user = async () => {
    while (performance.now() - began < seconds * 1000) {
      await ask();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: USERS }, user));
  return (count * 1000) / (performance.now() - began);
}

if (process.argv[2] === "load" && process.send !== undefined) {
  const result = await load(process.argv[3] ?? "", (process.argv[4] ?? "both") as Kind);
  process.send(result, () => process.exit(0));
}
