/** The listening sockets of Services: what kube-proxy and the sidecars do, at the cluster IP itself. */
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import type { EventRecorder } from "../controllers/events.ts";
import { servedAt } from "../low-ports.ts";
import type { Door, Surroundings } from "./exchange/door.ts";
import { serveExchange } from "./exchange/exchange.ts";
import { serveUpgrade } from "./exchange/upgrade.ts";
import type { Protocol } from "./protocol.ts";
import type { Registry, ServiceFacts, ServicePort } from "./registry.ts";
import { plainRoute } from "./routes/route.ts";
import { destinationTo, type Routing } from "./routing.ts";
import { serveConnection } from "./tcp.ts";

export interface Listeners {
  /** Opens and closes what the Service asks for now. */
  sync(service: string): void;
  /** Resolves when everything that was asked for is open, or has failed. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

interface Listener {
  readonly id: string;
  readonly server: HttpServer | TcpServer;
  readonly ready: Promise<void>;
  close(cut: boolean): Promise<void>;
}

export interface ListenerContext {
  readonly registry: () => Registry;
  readonly routing: Routing;
  readonly around: Surroundings;
  readonly events: EventRecorder;
  /** Of ports below 1024, see low-ports.ts. */
  readonly portShift: number;
}

/** Callers keep their connections for as long as they like: closing one under a new request would fail it. */
const KEEP_ALIVE_MS = 3_600_000;
const LARGEST_HEAD = 64 * 1024;

export function createListeners(context: ListenerContext): Listeners {
  const open = new Map<string, Map<string, Listener>>();
  const sync = (key: string) => {
    const service = context.registry().service(key);
    const listeners = open.get(key) ?? new Map<string, Listener>();
    const wanted = new Map<string, ServicePort>();
    const address = service?.clusterIP;
    for (const port of (address !== undefined && service?.ports) || []) {
      wanted.set(`${address}:${port.number} ${port.protocol}`, port);
    }
    for (const [id, listener] of listeners) {
      if (wanted.has(id)) continue;
      listeners.delete(id);
      void listener.close(false);
    }
    for (const [id, port] of wanted) {
      if (service === undefined || address === undefined || listeners.has(id)) continue;
      listeners.set(id, openListener(context, id, service, address, port.number, port.protocol));
    }
    if (listeners.size === 0) open.delete(key);
    else open.set(key, listeners);
  };
  const all = () => [...open.values()].flatMap((listeners) => [...listeners.values()]);
  return {
    sync,
    settled: async () => void (await Promise.all(all().map(({ ready }) => ready))),
    stop: async () => void (await Promise.all(all().map((listener) => listener.close(true)))),
  };
}

function openListener(
  context: ListenerContext,
  id: string,
  service: ServiceFacts,
  address: string,
  port: number,
  protocol: Protocol,
): Listener {
  const door = serviceDoor(context, service, port);
  const cutAll: (() => void)[] = [];
  const server =
    protocol === "http" ? httpListener(context.around, door, cutAll) : tcpListener(context, service, port, cutAll);
  const at = servedAt(port, context.portShift);
  const ready = new Promise<void>((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      context.events.warning(service.object, "FailedToListen", unbindable(address, at, error));
      resolve();
    });
    server.listen({ host: address, port: at, backlog: 1024 }, resolve);
  });
  const close = async (cut: boolean) => {
    await ready;
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (cut) for (const each of cutAll) each();
    await closed;
  };
  return { id, server, ready, close };
}

function unbindable(address: string, port: number, { code, message }: NodeJS.ErrnoException): string {
  const where = `the mesh cannot listen on ${address}:${port}`;
  if (code === "EACCES") {
    return `${where}: ports below 1024 need root on this machine; use a higher service port, or lower net.ipv4.ip_unprivileged_port_start`;
  }
  if (code === "EADDRINUSE")
    return `${where}: another program has this port on all addresses; use another service port`;
  return `${where}: ${message}`;
}

/** An HTTP server whose requests come in by a door. @param cutAll receives what closes its connections */
export function httpListener(around: Surroundings, door: Door, cutAll: (() => void)[]): HttpServer {
  const server = createHttpServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, maxHeaderSize: LARGEST_HEAD, noDelay: true },
    (request, response) => serveExchange(around, door, request, response),
  );
  server.on("upgrade", (request, socket, head) => serveUpgrade(around, door, request, socket, head));
  cutAll.push(() => server.closeAllConnections());
  return server;
}

function tcpListener(
  { registry, routing, around }: ListenerContext,
  { key }: ServiceFacts,
  port: number,
  cutAll: (() => void)[],
): TcpServer {
  const cuts = new Set<() => void>();
  cutAll.push(() => {
    for (const cut of cuts) cut();
  });
  return createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const service = registry().service(key);
    if (service === undefined) return void socket.destroy();
    const source = registry().podAt(socket.remoteAddress ?? "")?.workload;
    const meshed = registry().injected(service.namespace);
    const split = meshed
      ? routing.meshSplit(service, port, source)
      : { destinations: [destinationTo(key, port)], upTo: [1] };
    const cut = () => socket.destroy();
    cuts.add(cut);
    socket.once("close", () => cuts.delete(cut));
    serveConnection(around, { socket, split, port, meshed });
  });
}

function serviceDoor({ registry, routing }: ListenerContext, { key, namespace }: ServiceFacts, port: number): Door {
  const plain = plainRoute(destinationTo(key, port));
  const meshed = () => registry().injected(namespace) || registry().service(key)?.routed === true;
  return {
    port,
    gateway: false,
    meshed,
    source: (address) => registry().podAt(address)?.workload,
    routeFor: (view) => {
      if (!meshed()) return plain;
      const service = registry().service(key);
      return service === undefined ? plain : routing.meshRoute(service, port, view);
    },
    sticky: () => registry().service(key)?.sticky === true,
  };
}
