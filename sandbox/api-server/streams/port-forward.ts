/**
 * `kubectl port-forward`: for each connection of the user the client opens two SPDY streams with one request id, one
 * for the bytes and one for what goes wrong. SPDY runs over the connection itself, or over a WebSocket (kubectl from
 * 1.31 on).
 */
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import type { PodConnections } from "../../cluster.ts";
import { badRequest } from "../errors.ts";
import type { Answer, Call } from "../http/call.ts";
import { existing } from "../http/reading.ts";
import type { Route } from "../http/route.ts";
import { type SpdyStream, serveSpdy } from "./spdy/connection.ts";
import { acceptSpdy } from "./spdy-upgrade.ts";
import { connectionsOf, protocolFor, requireUpgrade, type StreamCall } from "./upgrade.ts";
import { acceptWebSocket, byteStream, isWebSocket } from "./websocket.ts";

const PROTOCOL = "portforward.k8s.io";
const TUNNEL = `SPDY/3.1+${PROTOCOL}`;

/** @throws ApiError 400 when the pod does not run, 404 when it does not exist */
export function forwardPorts(call: Call, route: Route): Promise<Answer> {
  return forwardTo(call, existing(call, route));
}

/** @throws ApiError as `forwardPorts` */
export async function forwardTo(call: StreamCall, pod: KubeObject): Promise<Answer> {
  const upgrade = requireUpgrade(call);
  const connections = connectionsOf(call);
  if (pod.status?.phase !== "Running") {
    throw badRequest(`unable to forward port because pod is not running. Current status=${pod.status?.phase}`);
  }
  const webSocket = isWebSocket(call.request);
  const protocol = protocolFor(call.request, [webSocket ? TUNNEL : PROTOCOL]);
  const taken = upgrade.take();
  const transport = webSocket
    ? byteStream(await acceptWebSocket(call.request, taken, protocol))
    : acceptSpdy(taken, protocol);
  const { namespace = "", name } = pod.metadata;
  serveSpdy(transport, pairs(connections, namespace, name));
  return undefined;
}

/** Brings the two streams of a request together. */
function pairs(connections: PodConnections, namespace: string, pod: string): (stream: SpdyStream) => void {
  const waiting = new Map<string, SpdyStream>();
  return (stream) => {
    const id = stream.headers.get("requestid") ?? "";
    const other = waiting.get(id);
    if (other === undefined) {
      waiting.set(id, stream);
      stream.body.once("close", () => waiting.delete(id));
      return;
    }
    waiting.delete(id);
    const [data, error] = isError(stream) ? [other, stream] : [stream, other];
    const port = Number(data.headers.get("port"));
    void forward(connections.connect(namespace, pod, port), data.body, error.body, port);
  };
}

const isError = ({ headers }: SpdyStream): boolean => headers.get("streamtype") === "error";

async function forward(connecting: ReturnType<PodConnections["connect"]>, data: Duplex, error: Duplex, port: number) {
  error.resume();
  try {
    const socket = await connecting;
    error.end();
    // Either side may leave in the middle: both connections end then, and the user's program sees it.
    await Promise.all([pipeline(data, socket), pipeline(socket, data)]).catch(() => {
      socket.destroy();
      data.destroy();
    });
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    error.end(`error forwarding port ${port} to the pod: ${why}`);
    data.end();
    data.resume();
  }
}
