/**
 * A small HTTP server: routes by method and path, one measured answer per request, and an end that drops no request.
 * This is the sandbox's hottest code (every request of every demo ends here): look-ups are maps, bodies are prepared.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The `{parameter}` at the end of the route's path, decoded; "" when the route has none. */
  readonly parameter: string;
}

export interface Route {
  readonly method: string;
  /** "/status/{code}" matches one more segment, "/delay/{seconds}" likewise. */
  readonly path: string;
  readonly serve: (exchange: Exchange) => void | Promise<void>;
  /** Asked by probes and scrapers: never subject to injected faults. */
  readonly probe?: boolean;
}

export interface HttpServerOptions {
  readonly address: string;
  readonly port: number;
  readonly routes: readonly Route[];
  /** May answer instead of the route, or take its time. @returns false when it has answered */
  readonly before?: (exchange: Exchange) => boolean | Promise<boolean>;
  /** Called once per finished answer. @param seconds since the request arrived */
  readonly observe: (method: string, route: string, status: number, seconds: number) => void;
}

export interface HttpServer {
  /** No new connections; answers under way are finished with `Connection: close`. */
  drain(): Promise<void>;
  /** Cuts everything. */
  destroy(): void;
  connections(): number;
}

/** Longer than any proxy keeps an idle connection, so that the server never closes one under a request. */
const KEEP_ALIVE_MS = 75_000;

interface Entry extends Route {
  /** The route as a metrics label: "status_code", or "root". */
  readonly label: string;
}

interface Table {
  readonly exact: ReadonlyMap<string, Entry>;
  readonly prefixed: ReadonlyMap<string, Entry>;
  /** Paths that are known for every method: "/readyz/enable", and "/status/" for those with a parameter. */
  readonly paths: ReadonlySet<string>;
}

/** @throws Error (EADDRINUSE, EACCES) when the port cannot be had */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const table = tableOf(options.routes);
  const underWay = new Set<ServerResponse>();
  let draining = false;
  let open = 0;
  const server = createServer((request, response) => {
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    if (draining) closeAfter(response);
    answer(table, options, request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  server.on("connection", (socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
  });
  await listen(server, options);
  return {
    connections: () => open,
    drain: () => {
      draining = true;
      for (const response of underWay) closeAfter(response);
      return new Promise((resolve) => server.close(() => resolve()));
    },
    destroy: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The connection takes no further request after this answer. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
  else response.once("finish", () => response.socket?.end());
}

function listen(server: Server, { port, address }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const hint = error.code === "EACCES" ? " (ports below 1024 need root: use a higher containerPort)" : "";
      reject(new Error(`listen tcp ${address}:${port}: ${error.code ?? error.message}${hint}`));
    });
    server.listen({ port, host: address, backlog: 1024 }, resolve);
  });
}

function tableOf(routes: readonly Route[]): Table {
  const exact = new Map<string, Entry>();
  const prefixed = new Map<string, Entry>();
  const paths = new Set<string>();
  for (const route of routes) {
    const brace = route.path.indexOf("{");
    const entry = { ...route, label: labelOf(route.path) };
    const path = brace < 0 ? route.path : route.path.slice(0, brace);
    (brace < 0 ? exact : prefixed).set(`${route.method} ${path}`, entry);
    paths.add(path);
  }
  return { exact, prefixed, paths };
}

/** "/status/{code}" -> "status_code", "/" -> "root". */
function labelOf(path: string): string {
  const words = path.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  return words.replace(/^_+|_+$/g, "") || "root";
}

function answer(table: Table, options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const { method = "GET", url = "/" } = request;
  const started = performance.now();
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  const known = table.exact.get(`${method === "HEAD" ? "GET" : method} ${path}`);
  const cut = path.lastIndexOf("/", path.length - 2) + 1;
  const entry = known ?? table.prefixed.get(`${method === "HEAD" ? "GET" : method} ${path.slice(0, cut)}`);
  response.once("finish", () => {
    const label = entry?.label ?? "not_found";
    options.observe(method, label, response.statusCode, (performance.now() - started) / 1000);
  });
  if (entry === undefined) {
    const wrongMethod = table.paths.has(path) || (cut > 1 && table.paths.has(path.slice(0, cut)));
    sendText(response, wrongMethod ? 405 : 404, wrongMethod ? "" : "404 page not found\n");
    return;
  }
  const exchange = { request, response, parameter: known === undefined ? decoded(path.slice(cut)) : "" };
  if (options.before === undefined || entry.probe === true) perform(entry, exchange);
  else {
    const passed = options.before(exchange);
    if (passed === true) perform(entry, exchange);
    else if (passed !== false) void passed.then((go) => (go ? perform(entry, exchange) : undefined));
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function perform(entry: Entry, exchange: Exchange): void {
  const fail = (error: unknown) => {
    const { response } = exchange;
    const message = error instanceof Error ? error.message : String(error);
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, { code: 500, message });
  };
  try {
    const pending = entry.serve(exchange);
    if (pending instanceof Promise) pending.catch(fail);
  } catch (error) {
    fail(error);
  }
}

const JSON_TYPE = "application/json; charset=utf-8";

/** A JSON answer, indented as podinfo does. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendBuffer(response, status, JSON_TYPE, Buffer.from(JSON.stringify(body, null, 2)));
}

export function sendText(response: ServerResponse, status: number, body: string): void {
  sendBuffer(response, status, "text/plain; charset=utf-8", Buffer.from(body));
}

export function sendBuffer(response: ServerResponse, status: number, type: string, body: Uint8Array): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": body.byteLength,
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

/** Requests that post more than this are refused. */
const LARGEST_BODY = 4 * 1024 * 1024;

/** The request's body. @throws Error when it is larger than 4 MiB or breaks off */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error(`the body is larger than ${LARGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
