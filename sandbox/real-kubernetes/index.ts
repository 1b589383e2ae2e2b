/**
 * A real kube-apiserver with etcd as the sandbox's API server. The sandbox's controllers, kubelet and mesh work on it.
 * None of Kubernetes' code is here: both programs are found on this machine.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { get, type RequestOptions } from "node:https";
import { join } from "node:path";
import type { Clock } from "../../src/ports/clock.ts";
import type { AddressBlock } from "../addresses.ts";
import { type Certificate, selfSigned } from "../api-server/http/tls.ts";
import { type ApiServer, kubeconfig } from "../api-server/index.ts";
import type { Cluster } from "../cluster.ts";
import { editStatus } from "../controllers/objects.ts";
import { NODE } from "../controllers/types.ts";
import { findAll } from "../programs/find.ts";
import { ANSWER_TIMEOUT_MS, type ProgramGroup, programGroup } from "../programs/group.ts";
import { freePorts } from "../programs/ports.ts";
import type { Endpoint } from "./blocking-http.ts";
import { connectRealCluster, type RealCluster } from "./cluster.ts";
import { type NodeOffers, startKubeletApi } from "./kubelet-api.ts";
import { accountTokens, startServiceAccounts } from "./service-accounts.ts";

export interface RealKubernetesOptions {
  /** A folder that holds `etcd` and `kube-apiserver`; $PATH is searched, too. */
  readonly programs?: string;
  readonly log: (line: string) => void;
}

/** What the rest of the sandbox needs of its API server, its own or a real one. */
export type ControlPlane = Pick<
  ApiServer,
  "cluster" | "url" | "ca" | "token" | "tokenFor" | "kubeconfig" | "setLogs" | "setConnections" | "stop"
>;

export interface Place {
  readonly addresses: Pick<AddressBlock, "prefix">;
  readonly clock: Clock;
  /** A free port when 0 or absent. */
  readonly port?: number;
}

/** What kube-apiserver says of its daily work, and what etcd says when it is told to end. */
const CHATTER = /^[IW]\d{4} |"caller":"embed\//;

/** @throws Error that names the missing programs, or when one does not start */
export async function startRealKubernetes(options: RealKubernetesOptions, place: Place): Promise<ControlPlane> {
  const [etcd, apiServer] = findAll(
    ["etcd", "kube-apiserver"],
    options.programs,
    process.env["PATH"],
    "--kubernetes-programs",
  );
  const log = (line: string) => {
    if (!CHATTER.test(line)) options.log(line);
  };
  const group = programGroup("kubernetes", log);
  let real: RealCluster | undefined;
  try {
    const store = await startEtcd(group, etcd, place.clock);
    const server = await startServer(group, apiServer, store, place);
    real = connectRealCluster(server, place.clock);
    return await controlPlane(group, server, real, place.clock);
  } catch (error) {
    await real?.stop();
    await group.stop();
    throw error;
  }
}

async function controlPlane(
  group: ProgramGroup,
  server: Server,
  real: RealCluster,
  clock: Clock,
): Promise<ControlPlane> {
  const { url, ca, token, certificate, client } = server;
  const { cluster } = real;
  const offers: NodeOffers = { cluster };
  const kubelet = await startKubeletApi(offers, { certificate, client: client.cert, clock });
  const stops = [startServiceAccounts(cluster), announceKubelet(cluster, kubelet.port)];
  return {
    cluster,
    url,
    ca,
    token,
    tokenFor: accountTokens(real),
    kubeconfig: kubeconfig(url, ca, token),
    setLogs: (logs) => {
      offers.logs = logs;
    },
    setConnections: (connections) => {
      offers.connections = connections;
    },
    stop: async () => {
      for (const stop of stops) stop();
      await kubelet.stop();
      await real.stop();
      await group.stop();
    },
  };
}

/** The node says where its kubelet listens. */
function announceKubelet(cluster: Cluster, port: number): () => void {
  const daemonEndpoints = { kubeletEndpoint: { Port: port } };
  return cluster.watch(NODE, ({ type, object }) => {
    if (type === "DELETED" || object.status?.daemonEndpoints?.kubeletEndpoint?.Port === port) return;
    editStatus(cluster, NODE, object, (copy) => {
      copy.status = { ...copy.status, daemonEndpoints };
    });
  });
}

/** Who the store answers: it holds all that the sandbox runs, so it takes orders of its own API server only. */
interface Store {
  readonly url: string;
  /** Files: the store, and its only client, trust this certificate and no other. */
  readonly cert: string;
  readonly key: string;
}

async function startEtcd(group: ProgramGroup, program: string, clock: Clock): Promise<Store> {
  const [client = 0, peer = 0] = await freePorts(2);
  const url = `https://127.0.0.1:${client}`;
  const peers = `https://127.0.0.1:${peer}`;
  const certificate = selfSigned(["127.0.0.1"], clock.now());
  const cert = privateFile(group, "etcd.crt", certificate.cert);
  const key = privateFile(group, "etcd.key", certificate.key);
  const child = await group.start(program, [
    "--name=sandbox",
    `--data-dir=${join(group.dir, "etcd")}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=sandbox=${peers}`,
    ...["", "peer-"].flatMap((to) => [
      `--${to}cert-file=${cert}`,
      `--${to}key-file=${key}`,
      `--${to}trusted-ca-file=${cert}`,
      `--${to}client-cert-auth=true`,
    ]),
    // Its API in JSON, which a page of a browser could use.
    "--enable-grpc-gateway=false",
    // The data end with the sandbox.
    "--unsafe-no-fsync",
    "--log-level=error",
  ]);
  const proof = { ca: certificate.cert, cert: certificate.cert, key: certificate.key };
  await group.ready(child, () => answers(`${url}/health`, proof));
  return { url, cert, key };
}

/** @returns its path */
function privateFile(group: ProgramGroup, name: string, text: string): string {
  writeFileSync(join(group.dir, name), text, { mode: 0o600 });
  return join(group.dir, name);
}

interface Server extends Endpoint {
  /** Of the API server and of the kubelet. */
  readonly certificate: Certificate;
  /** What the API server shows to the kubelet. */
  readonly client: Certificate;
}

/** Services get addresses of the sandbox's block, see addresses.ts. */
async function startServer(group: ProgramGroup, program: string, store: Store, place: Place): Promise<Server> {
  const { addresses, clock } = place;
  const [free = 0] = await freePorts(1);
  const port = place.port === undefined || place.port === 0 ? free : place.port;
  const hosts = ["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
  const certificate = selfSigned(hosts, clock.now());
  const client = selfSigned(["kube-apiserver"], clock.now());
  const account = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const token = randomBytes(24).toString("base64url");
  const file = (name: string, text: string) => privateFile(group, name, text);
  const pem = (key: KeyObject, type: "spki" | "pkcs8") => key.export({ type, format: "pem" }).toString();
  const flags = {
    "etcd-servers": store.url,
    "etcd-cafile": store.cert,
    "etcd-certfile": store.cert,
    "etcd-keyfile": store.key,
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": port,
    "tls-cert-file": file("tls.crt", certificate.cert),
    "tls-private-key-file": file("tls.key", certificate.key),
    "kubelet-certificate-authority": join(group.dir, "tls.crt"),
    "kubelet-client-certificate": file("kubelet.crt", client.cert),
    "kubelet-client-key": file("kubelet.key", client.key),
    "kubelet-preferred-address-types": "InternalIP",
    "token-auth-file": file("tokens.csv", `${token},sandbox-admin,sandbox-admin,system:masters\n`),
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": file("account.pub", pem(account.publicKey, "spki")),
    "service-account-signing-key-file": file("account.key", pem(account.privateKey, "pkcs8")),
    "service-cluster-ip-range": `${addresses.prefix}.128.0/17`,
    "authorization-mode": "RBAC",
    // Kubernetes takes no loopback address for an endpoint, not even its own.
    "endpoint-reconciler-type": "none",
    // The sandbox's kubelet mounts the tokens.
    "disable-admission-plugins": "ServiceAccount",
    "enable-priority-and-fairness": false,
    profiling: false,
  };
  const child = await group.start(
    program,
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  );
  const url = `https://127.0.0.1:${port}`;
  const server = { url, ca: certificate.cert, token, certificate, client };
  await group.ready(
    child,
    () => answers(`${url}/readyz`, { ca: server.ca, headers: { authorization: `Bearer ${token}` } }),
    READY_MS,
  );
  return server;
}

/** A busy machine takes its time. */
const READY_MS = 90_000;

function answers(address: string, proof: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(address, { agent: false, timeout: ANSWER_TIMEOUT_MS, ...proof }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on("timeout", () => asked.destroy()).on("error", () => resolve(false));
  });
}
