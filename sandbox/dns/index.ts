/**
 * The cluster's nameserver: real DNS over UDP, for the names of Services. Answers come from the cluster as it is now.
 */
import { createSocket } from "node:dgram";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { addressesMessage, CODES, errorMessage, parseRequest, refusal, TYPE_A, TYPE_ANY } from "./message.ts";

export interface NameserverOptions {
  /** Loopback address to listen on. */
  readonly address: string;
  /** Any free port when 0 or absent. */
  readonly port?: number;
}

export interface Nameserver {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Clients may cache an answer for a moment only: a query costs microseconds. */
const SECONDS_TO_LIVE = 1;

/** @throws Error when it cannot listen there */
export async function startNameserver(cluster: Cluster, options: NameserverOptions): Promise<Nameserver> {
  const { address, port = 0 } = options;
  const socket = createSocket("udp4");
  socket.on("message", (datagram, sender) => {
    const answer = answerTo(cluster, datagram);
    if (answer === undefined) return;
    // The asker may be gone by now; it will ask again if it is not.
    socket.send(answer, sender.port, sender.address, () => {});
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "the port is taken; choose another one" : error.message;
      reject(new Error(`the nameserver cannot listen on ${address}:${port}: ${why}`));
    });
    socket.bind(port, address, resolve);
  });
  socket.removeAllListeners("error");
  // An ICMP message about an asker that is gone comes back as an error of the socket.
  socket.on("error", () => {});
  return {
    address,
    port: socket.address().port,
    stop: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

function answerTo(cluster: Cluster, datagram: Buffer): Buffer | undefined {
  const request = parseRequest(datagram);
  if (request.kind === "garbage") return undefined;
  if (request.kind === "refused") return refusal(request.id, request.code);
  const { question } = request;
  const addresses = addressesOf(cluster, question.name);
  if (addresses === undefined) return errorMessage(question, CODES.noSuchName);
  // The name exists; other types (AAAA above all) have no data, which is not the same as no such name.
  const wanted = question.type === TYPE_A || question.type === TYPE_ANY;
  return addressesMessage(question, wanted ? addresses : [], SECONDS_TO_LIVE);
}

const CLUSTER_DOMAIN = ".svc.cluster.local";

/**
 * IPv4 addresses of `<service>.<namespace>[.svc[.cluster.local]]`, of one pod of a headless Service
 * (`<pod's hostname>.<service>.<namespace>…`), or of any pod (`1-2-3-4.<namespace>.pod[.cluster.local]`); undefined: no
 * such name.
 */
export function addressesOf(cluster: Cluster, name: string): readonly string[] | undefined {
  const pod = /^(\d+-\d+-\d+-\d+)\.([^.]+)\.pod(?:\.cluster\.local)?$/.exec(name);
  if (pod !== null) return podAddress(cluster, pod[2] ?? "", (pod[1] ?? "").replaceAll("-", "."));
  const labels = shortened(name).split(".");
  if (labels.some((label) => label === "")) return undefined;
  if (labels.length === 2) return serviceAddresses(cluster, labels[1] ?? "", labels[0] ?? "");
  if (labels.length !== 3) return undefined;
  const [host = "", service = "", namespace = ""] = labels;
  const endpoints = headlessEndpoints(cluster, namespace, service);
  const found = endpoints?.filter((endpoint) => hostnameOf(cluster, endpoint) === host).map(({ ip }) => ip);
  return found === undefined || found.length === 0 ? undefined : found;
}

function podAddress(cluster: Cluster, namespace: string, address: string): readonly string[] | undefined {
  return cluster.list(RESOURCES.pod, namespace).some(({ status }) => status?.podIP === address) ? [address] : undefined;
}

function shortened(name: string): string {
  for (const suffix of [CLUSTER_DOMAIN, ".svc"]) {
    if (name.endsWith(suffix)) return name.slice(0, -suffix.length);
  }
  return name;
}

function serviceAddresses(cluster: Cluster, namespace: string, name: string): readonly string[] | undefined {
  const service = cluster.get(RESOURCES.service, namespace, name);
  const clusterIP: unknown = service?.spec?.clusterIP;
  if (typeof clusterIP === "string" && isAddress(clusterIP)) return [clusterIP];
  // A headless Service without ready pods has no addresses and, as in CoreDNS, no name.
  const endpoints = headlessEndpoints(cluster, namespace, name)?.map(({ ip }) => ip);
  return endpoints === undefined || endpoints.length === 0 ? undefined : [...new Set(endpoints)];
}

interface Endpoint {
  readonly ip: string;
  readonly hostname?: string;
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
}

/** undefined: there is no such Service, or it is not headless. */
function headlessEndpoints(cluster: Cluster, namespace: string, name: string): readonly Endpoint[] | undefined {
  const service = cluster.get(RESOURCES.service, namespace, name);
  if (service === undefined || (service.spec?.clusterIP ?? "None") !== "None") return undefined;
  const subsets: KubeFields[] = cluster.get(RESOURCES.endpoints, namespace, name)?.["subsets"] ?? [];
  return subsets.flatMap((subset): Endpoint[] => subset.addresses ?? []).filter(({ ip }) => isAddress(ip));
}

/** A StatefulSet's pods are known by their names. */
function hostnameOf(cluster: Cluster, { hostname, targetRef }: Endpoint): string | undefined {
  if (hostname !== undefined) return hostname;
  if (targetRef?.kind !== "Pod") return undefined;
  const pod = cluster.get(RESOURCES.pod, targetRef.namespace ?? "", targetRef.name ?? "");
  return pod?.spec?.hostname ?? targetRef.name;
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text);
}
