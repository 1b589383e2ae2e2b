/** The real kube-apiserver with etcd and without controllers: Deployments are made ready by a stand-in. */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../sandbox/programs/ports.ts";
import { type ClusterAccess, fixedCredentials } from "../../src/kube/access.ts";
import { createKubeClient, serverVersion } from "../../src/kube/client.ts";
import { createClusterCache } from "../../src/kube/cluster-cache.ts";
import { createTransport, type KubeTransport } from "../../src/kube/transport.ts";
import { createDispatcher } from "../../src/net/dispatcher.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import { systemClock } from "../../src/time/system-clock.ts";

export interface Programs {
  readonly apiServer: string;
  readonly etcd: string;
}

export interface RealServer {
  /** Through a proxy that counts connections. */
  readonly access: ClusterAccess;
  /** For the test itself. */
  readonly transport: KubeTransport;
  readonly kube: ReturnType<typeof createKubeClient>;
  readonly mostConnections: () => number;
  stop(): Promise<void>;
}

const TOKEN = "token-of-the-test";

/**
 * Counts the connections that are open at the same time. A program that was built without the scripts of its project
 * says no version: the proxy says one.
 */
async function startCounter(target: number): Promise<{ server: Server; port: number; most: () => number }> {
  let open = 0;
  let most = 0;
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const server = createServer({ keepAliveTimeout: 120_000 }, (near, answer) => {
    if (near.url === "/version") {
      answer.end('{"gitVersion":"v1.34.0"}');
      return;
    }
    const { method, url: path, headers } = near;
    const authorization = `Bearer ${TOKEN}`;
    const far = request({
      host: "127.0.0.1",
      port: target,
      agent,
      method,
      path,
      headers: { ...headers, authorization },
    });
    far.on("response", (said) => {
      answer.writeHead(said.statusCode ?? 500, said.headers);
      answer.flushHeaders(); // a watch without events has begun, too
      said.pipe(answer);
    });
    far.on("error", () => answer.destroy());
    answer.on("close", () => far.destroy());
    near.pipe(far);
  });
  server.on("connection", (socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on("close", () => {
      open -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port, most: () => most };
}

function accessTo(server: string): ClusterAccess {
  const credentials = { ...fixedCredentials(), prove: async () => ({ headers: { authorization: `Bearer ${TOKEN}` } }) };
  return {
    server,
    namespace: "",
    tls: { rejectUnauthorized: false },
    credentials,
    source: "test",
  };
}

export async function startKubeApiServer({ apiServer, etcd }: Programs): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), "kube-apiserver-"));
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]) =>
    children.push(spawn(program, args, { stdio: "ignore", cwd: folder }));
  const [client = 0, peer = 0, secure = 0] = await freePorts(3);
  const url = (port: number) => `http://127.0.0.1:${port}`;
  start(etcd, [
    ...["--data-dir", join(folder, "etcd"), "--unsafe-no-fsync", "--listen-client-urls", url(client)],
    ...["--advertise-client-urls", url(client), "--listen-peer-urls", url(peer)],
    ...["--initial-advertise-peer-urls", url(peer), "--initial-cluster", `default=${url(peer)}`],
  ]);
  const keys = generateKeyPairSync("rsa", {
    ...{ modulusLength: 2048, publicKeyEncoding: { type: "spki", format: "pem" } },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeFileSync(join(folder, "sa.key"), keys.privateKey);
  writeFileSync(join(folder, "sa.pub"), keys.publicKey);
  writeFileSync(join(folder, "tokens"), `${TOKEN},test,test,"system:masters"\n`);
  start(apiServer, [
    ...[`--etcd-servers=${url(client)}`, `--secure-port=${secure}`, "--bind-address=127.0.0.1", `--cert-dir=${folder}`],
    ...["--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC", `--token-auth-file=${folder}/tokens`],
    ...["--service-account-issuer=https://test", `--service-account-key-file=${folder}/sa.pub`],
    ...[`--service-account-signing-key-file=${folder}/sa.key`, "--disable-admission-plugins=ServiceAccount"],
  ]);
  const counter = await startCounter(secure);
  const transport = createTransport({
    connect: createDispatcher,
    ...{
      access: accessTo(`https://127.0.0.1:${secure}`),
      clock: systemClock,
      random: Math.random,
      qps: 0,
      burst: 1,
      userAgent: "test",
    },
  });
  const forever = new AbortController();
  setMaxListeners(0, forever.signal);
  await ready(transport, forever.signal);
  const kube = createKubeClient(transport, "test");
  const stopReadying = makeReady(transport, kube, forever.signal);
  return {
    ...{ access: accessTo(url(counter.port)), transport, kube, mostConnections: counter.most },
    async stop() {
      stopReadying();
      forever.abort(new Error("the test is over"));
      await transport.close();
      counter.server.closeAllConnections();
      counter.server.close();
      const ended = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(transport: KubeTransport, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await serverVersion(transport, signal);
      await transport.send({ method: "GET", path: "/api/v1/namespaces/kube-system" }, signal);
      return;
    } catch {
      await systemClock.sleep(500, signal);
    }
  }
}

/** Stands for the controllers: the pods of each Deployment are ready at once. */
function makeReady(transport: KubeTransport, kube: ReturnType<typeof createKubeClient>, signal: AbortSignal) {
  const cache = createClusterCache({ transport, clock: systemClock, random: Math.random, log: SILENT_LOG }, signal);
  return cache.track(RESOURCES.deployment).onChange(({ object, type }) => {
    const { generation, name, namespace = "" } = object.metadata as KubeObject["metadata"] & { generation: number };
    if (type === "deleted" || object["status"]?.observedGeneration === generation) return;
    const replicas = object["spec"]?.replicas ?? 1;
    const counts = { replicas, readyReplicas: replicas, updatedReplicas: replicas, availableReplicas: replicas };
    const status = { ...counts, observedGeneration: generation };
    kube
      .mergePatch({ type: RESOURCES.deployment, namespace, name }, { status }, { subresource: "status" }, signal)
      .catch(() => undefined); // gone meanwhile, or the test is over
  });
}
