/** The cluster's nameserver: Services and pods by name, over real DNS on a loopback address. */
import { createSocket } from "node:dgram";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { NAME_ERROR, NO_ERROR, readQuestion, TYPE_A, writeAnswer } from "./message.ts";

export interface Nameserver {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

export interface NameserverOptions {
  readonly address: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
}

const DOMAIN = ".cluster.local";

/** Answers `svc.ns`, `svc.ns.svc`, `svc.ns.svc.cluster.local` and `1-2-3-4.ns.pod`. */
export async function startNameserver(cluster: Cluster, { address, port = 0 }: NameserverOptions): Promise<Nameserver> {
  const socket = createSocket("udp4");
  socket.on("message", (packet, sender) => {
    const question = readQuestion(packet);
    // What is no question is not answered: whoever sent it would not understand an error either.
    if (question === undefined) return;
    const found = addressesOf(cluster, question.name);
    const code = found === undefined ? NAME_ERROR : NO_ERROR;
    const addresses = question.type === TYPE_A ? (found ?? []) : [];
    socket.send(writeAnswer(question, code, addresses), sender.port, sender.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      // An answer that could not be delivered is asked for again.
      socket.on("error", () => undefined);
      resolve();
    });
  });
  return {
    address,
    port: socket.address().port,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** @returns undefined when there is no such name */
export function addressesOf(cluster: Cluster, name: string): readonly string[] | undefined {
  const [first = "", namespace = "", kind = "svc", ...more] = withoutDomain(name).split(".");
  if (more.length > 0 || namespace === "") return undefined;
  if (kind === "pod") return podAddress(cluster, first, namespace);
  if (kind !== "svc") return undefined;
  const service = cluster.get(RESOURCES.service, namespace, first);
  return service === undefined ? undefined : serviceAddresses(cluster, service);
}

function withoutDomain(name: string): string {
  return name.endsWith(DOMAIN) ? name.slice(0, -DOMAIN.length) : name;
}

function podAddress(cluster: Cluster, dashed: string, namespace: string): readonly string[] | undefined {
  const address = dashed.replaceAll("-", ".");
  const known = cluster.list(RESOURCES.pod, namespace).some(({ status }) => status?.podIP === address);
  return known ? [address] : undefined;
}

function serviceAddresses(cluster: Cluster, { metadata, spec }: KubeObject): readonly string[] {
  const clusterIp: string = spec?.clusterIP ?? "";
  if (clusterIp !== "" && clusterIp !== "None") return [clusterIp];
  // A headless Service stands for its ready pods.
  const endpoints = cluster.get(RESOURCES.endpoints, metadata.namespace ?? "", metadata.name);
  const subsets: readonly { readonly addresses?: readonly { readonly ip: string }[] }[] = endpoints?.["subsets"] ?? [];
  return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip));
}
