/**
 * The kubelet's own HTTP API, for `kubectl logs`, `exec`, `attach` and `port-forward`: a real API server passes these
 * requests on to the node. Only a client with the API server's certificate is answered.
 *
 *   kubectl --> kube-apiserver --> /containerLogs/NAMESPACE/POD/CONTAINER, /exec/..., /attach/...,
 *                                  /portForward/NAMESPACE/POD
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Answer, Upgrade } from "../api-server/http/call.ts";
import { trackSockets, upgradingServer } from "../api-server/http/listener.ts";
import { sendLog } from "../api-server/http/logs.ts";
import type { Certificate } from "../api-server/http/tls.ts";
import { attachTo, execIn } from "../api-server/streams/exec.ts";
import { forwardTo } from "../api-server/streams/port-forward.ts";
import { ApiError, type Cluster, type PodConnections, type PodLogs } from "../cluster.ts";
import { requestedUrl } from "../requested-url.ts";

/** What the node offers; filled when the kubelet is there. */
export interface NodeOffers {
  readonly cluster: Cluster;
  logs?: PodLogs;
  connections?: PodConnections;
}

export interface KubeletApi {
  readonly port: number;
  stop(): Promise<void>;
}

export interface KubeletApiOptions {
  readonly certificate: Certificate;
  /** PEM: the certificate that the API server shows. */
  readonly client: string;
  readonly clock: Clock;
}

/** @param offers is read for each request */
export async function startKubeletApi(offers: NodeOffers, options: KubeletApiOptions): Promise<KubeletApi> {
  const { certificate, client, clock } = options;
  const settings = { ...certificate, ca: client, requestCert: true, rejectUnauthorized: true };
  const serve = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => {
    answer(offers, clock, request, response, upgrade).catch((error: unknown) => refuse(response, error));
  };
  const server = upgradingServer(settings, serve);
  const closeSockets = trackSockets(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closeSockets();
      }),
  };
}

/** The kubelet's words for what the API server calls stdin, stdout and stderr. */
const STREAMS = { input: "stdin", output: "stdout", error: "stderr" } as const;

async function answer(
  { cluster, logs, connections }: NodeOffers,
  clock: Clock,
  request: IncomingMessage,
  response: ServerResponse,
  upgrade: Upgrade | undefined,
): Promise<Answer> {
  const { pathname, searchParams: query } = requestedUrl(request.url);
  const [verb = "", namespace = "", name = "", container] = pathname.split("/").slice(1).map(decodeURIComponent);
  for (const [own, word] of Object.entries(STREAMS)) if (query.has(own)) query.set(word, query.get(own) ?? "");
  if (container !== undefined) query.set("container", container);
  const pod = podOf(cluster, namespace, name);
  const call = { query, request, response, server: { connections: () => connections }, ...(upgrade && { upgrade }) };
  if (verb === "containerLogs") return sendLog(call, pod, logs, clock.now());
  if (verb === "exec") return execIn(call, pod);
  if (verb === "attach") return attachTo(call, pod);
  if (verb === "portForward") return forwardTo(call, pod);
  throw new ApiError(404, "NotFound", `the sandbox's kubelet does not serve /${verb}`);
}

function podOf(cluster: Cluster, namespace: string, name: string): KubeObject {
  const pod = cluster.get(RESOURCES.pod, namespace, name);
  if (pod === undefined) throw new ApiError(404, "NotFound", `pod ${namespace}/${name} does not exist on this node`);
  return pod;
}

/** The API server shows the text to the user. */
function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(error instanceof ApiError ? error.code : 500, { "content-type": "text/plain" });
  response.end(error instanceof Error ? error.message : String(error));
}
