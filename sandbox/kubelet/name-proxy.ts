/** An HTTP proxy for the commands of one `kubectl exec`: it knows the names of the cluster, and asks as the pod. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import type { AppContext } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import { addressesOf } from "../dns/index.ts";
import { servedAt } from "../low-ports.ts";

export interface NameProxy {
  readonly url: string;
  stop(): Promise<void>;
}

type Caller = Pick<AppContext, "address" | "namespace">;

/** @param portShift of Services' ports below 1024 */
export async function startNameProxy(cluster: Cluster, caller: Caller, portShift: number): Promise<NameProxy> {
  const find = (name: string, port: number) => placeOf(cluster, caller.namespace, { host: name, port }, portShift);
  const server = createServer((incoming, response) => pass(find, caller, incoming, response));
  server.on("connect", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const onward = connect({ ...find(hostname, Number(port || 443)), localAddress: caller.address });
    onward.once("connect", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.once("error", () => socket.destroy());
    socket.once("error", () => onward.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, caller.address, resolve);
  });
  return {
    url: `http://${caller.address}:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** As a pod's resolver does: the namespace of the pod comes first. Other names are left to this machine. */
function placeOf(cluster: Cluster, namespace: string, { host, port }: Place, shift: number): Place {
  const found = addressesOf(cluster, `${host}.${namespace}`) ?? addressesOf(cluster, host.replace(/\.$/, ""));
  const [address] = found ?? [];
  return address === undefined ? { host, port } : { host: address, port: servedAt(port, shift) };
}

function pass(
  find: (name: string, port: number) => Place,
  { address }: Caller,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const fail = (why: string) => {
    if (response.headersSent) return void response.destroy();
    response.writeHead(502, { "content-type": "text/plain" });
    response.end(`${why}\n`);
  };
  const text = incoming.url ?? "";
  if (!URL.canParse(text)) return fail(`this is a proxy: ${text} names no host`);
  const url = new URL(text);
  const { "proxy-connection": _, ...headers } = incoming.headers;
  const onward = request({
    ...find(url.hostname, Number(url.port || 80)),
    method: incoming.method ?? "GET",
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host },
    localAddress: address,
    agent: false,
  });
  onward.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.once("error", (error) => fail(`${url.host} does not answer: ${error.message}`));
  incoming.pipe(onward);
}
