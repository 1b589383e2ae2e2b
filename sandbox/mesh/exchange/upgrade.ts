/** Requests that leave HTTP (WebSocket): once the pod agrees, bytes go to and fro. They are never repeated. */
import { request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { pick } from "../pools.ts";
import { choose, RequestView } from "../routes/route.ts";
import type { Door, Surroundings } from "./door.ts";
import { editTwice, requestHeaders } from "./headers.ts";
import { NO_CLUSTER, NO_HEALTHY, NO_ROUTE, type Reply, unreachable } from "./replies.ts";

export function serveUpgrade(around: Surroundings, door: Door, request: IncomingMessage, socket: Duplex, head: Buffer) {
  // A caller that goes away needs no answer.
  socket.on("error", () => socket.destroy());
  const startedAt = performance.now();
  const view = new RequestView(
    request,
    request.headers.host ?? "",
    door.port,
    door.source(request.socket.remoteAddress ?? ""),
  );
  const route = door.routeFor(view);
  if (route === undefined || route.action.kind !== "forward") return refuse(socket, NO_ROUTE);
  const destination = choose(route.action.split, around.random);
  const meshed = door.meshed();
  const pool =
    destination && around.pools.find(destination.service, destination.port, destination.subset, door.port, meshed);
  if (destination === undefined || pool === undefined) return refuse(socket, NO_CLUSTER);
  const member = pick(pool, around.random, undefined, []);
  if (member === undefined) return refuse(socket, NO_HEALTHY);
  const headers = requestHeaders(request, meshed, door.gateway);
  editTwice(headers, route.request, destination.request);
  headers.push("Host", route.authority ?? view.authority, "Connection", "Upgrade");
  headers.push("Upgrade", request.headers.upgrade ?? "");
  const { address, port, pod } = member.target;
  if (pod !== undefined) pod.requests += 1;
  const record = (code: number, flags: string) => {
    if (!meshed) return;
    around.telemetry.observe({
      source: view.source,
      destination: pod?.workload,
      service: pool.service,
      code,
      flags,
      seenBySource: true,
      seenByDestination: pod?.sidecar === true && flags !== "UF",
      durationMs: performance.now() - startedAt,
      requestBytes: 0,
      responseBytes: 0,
    });
  };
  const outgoing = httpRequest({
    agent: false,
    host: address,
    port,
    method: view.method,
    path: route.rewrite?.(view) ?? request.url ?? "/",
    headers: headers as unknown as Record<string, string>,
  });
  let answered = false;
  socket.once("close", () => outgoing.destroy());
  outgoing.on("error", (error) => {
    if (answered) return void socket.destroy();
    if (socket.destroyed) return record(0, "DC");
    record(503, "UF");
    refuse(socket, unreachable("connect", error.message, false));
  });
  outgoing.on("upgrade", (answer, other, otherHead) => {
    answered = true;
    socket.write(headText(answer));
    if (otherHead.length > 0) socket.write(otherHead);
    if (head.length > 0) other.write(head);
    other.on("error", () => socket.destroy());
    other.once("close", () => {
      record(answer.statusCode ?? 101, "-");
      socket.destroy();
    });
    socket.once("close", () => other.destroy());
    socket.pipe(other).pipe(socket);
  });
  outgoing.on("response", (answer) => {
    answered = true;
    answer.on("error", () => socket.destroy());
    // The pod refused the upgrade: its ordinary answer goes back, and the connection ends with it.
    record(answer.statusCode ?? 502, "-");
    socket.write(headText(answer, "close"));
    answer.pipe(socket);
  });
  outgoing.end();
}

function headText({ statusCode = 502, statusMessage, rawHeaders }: IncomingMessage, connection?: string): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage ?? STATUS_CODES[statusCode] ?? ""}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const framing = /^(connection|transfer-encoding|keep-alive)$/i.test(name);
    if (connection === undefined || !framing) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  if (connection !== undefined) lines.push(`Connection: ${connection}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function refuse(socket: Duplex, { code, text }: Reply): void {
  const head = `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ""}\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}
