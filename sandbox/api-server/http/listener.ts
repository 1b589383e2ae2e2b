/** The https server: connections, tokens, bodies, and errors as Status objects. */
import { Buffer } from "node:buffer";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { type IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server as HttpsServer, type ServerOptions } from "node:https";
import type { Socket } from "node:net";
import { ApiError } from "../../cluster.ts";
import { requestedUrl } from "../../requested-url.ts";
import { impersonated } from "../authorization/impersonation.ts";
import { statusOf } from "../errors.ts";
import type { Answer, Call, Server, TakenSocket, Upgrade, User } from "./call.ts";
import { dispatch, PUBLIC } from "./dispatch.ts";
import type { Certificate } from "./tls.ts";

const MAX_BODY_BYTES = 3 * 1024 * 1024;
const ADMIN: User = { username: "sandbox-admin", groups: ["system:masters", "system:authenticated"] };
const ANYONE: User = { username: "system:anonymous", groups: ["system:unauthenticated"] };

/** Bearer tokens and whose they are. Kept as digests, so that looking one up tells nothing about the others. */
export interface Tokens {
  userOf(token: string): User | undefined;
  issue(namespace: string, account: string, expiresMs: number): string;
}

/** What a ServiceAccount is for authorizers. */
export function accountUser(namespace: string, account: string): User {
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  return { username: `system:serviceaccount:${namespace}:${account}`, groups };
}

/** @param admin the sandbox owner's token @param now milliseconds since the epoch */
export function createTokens(admin: string, now: () => number): Tokens {
  const digest = (token: string) => createHash("sha256").update(token).digest("hex");
  const known = new Map<string, { readonly user: User; readonly expiresMs: number }>([
    [digest(admin), { user: ADMIN, expiresMs: Number.POSITIVE_INFINITY }],
  ]);
  return {
    userOf: (token) => {
      const entry = known.get(digest(token));
      return entry !== undefined && entry.expiresMs > now() ? entry.user : undefined;
    },
    issue: (namespace, account, expiresMs) => {
      for (const [key, entry] of known) if (entry.expiresMs <= now()) known.delete(key);
      const token = randomBytes(24).toString("base64url");
      known.set(digest(token), { user: accountUser(namespace, account), expiresMs });
      return token;
    },
  };
}

/** Longer than clients keep idle connections: the client closes first, so no request meets a closing connection. */
const KEEP_ALIVE_MS = 180_000;

/** A server that is not listening yet. */
export function createListener(server: Server, tokens: Tokens, { cert, key }: Certificate): HttpsServer {
  const settings = { cert, key, ALPNProtocols: ["http/1.1"], keepAliveTimeout: KEEP_ALIVE_MS };
  const serve: Serve = (request, response, upgrade) => {
    // Errors of the answering itself end here, too: a broken connection must not end the process.
    answer(server, tokens, request, response, upgrade).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  };
  return upgradingServer(settings, serve);
}

/** @param upgrade is given for a request that asks for another protocol */
type Serve = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => void;

/** An https server that is not listening yet. Requests for another protocol are served, too. */
export function upgradingServer(settings: ServerOptions, serve: Serve): HttpsServer {
  return createServer(settings, (request, response) => serve(request, response)).on(
    "upgrade",
    (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const response = new ServerResponse(request);
      serve(request, response, upgradeOf(response, { socket, head }));
    },
  );
}

/**
 * `closeAllConnections` does not know sockets whose TLS handshake is under way; left open, they would keep us waiting.
 */
export function trackSockets(server: HttpsServer): () => void {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** The request is answered over HTTP, and the connection closed, unless the handler takes the connection. */
function upgradeOf(response: ServerResponse, taken: TakenSocket & { readonly socket: Socket }): Upgrade {
  const { socket } = taken;
  socket.on("error", () => socket.destroy());
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  return {
    take: () => {
      response.detachSocket(socket);
      return taken;
    },
  };
}

async function answer(
  server: Server,
  tokens: Tokens,
  request: IncomingMessage,
  response: ServerResponse,
  upgrade: Upgrade | undefined,
): Promise<void> {
  response.on("error", () => response.destroy());
  response.setHeader("audit-id", randomUUID());
  const warnings: string[] = [];
  try {
    const call = callOf(server, tokens, request, response, warnings, upgrade);
    send(response, await dispatch(call), warnings);
  } catch (error) {
    if (response.headersSent) throw error;
    const refusal = error instanceof ApiError ? error : internalError(error);
    if (refusal.code === 429 || refusal.code === 504) response.setHeader("retry-after", "1");
    send(response, { code: refusal.code, body: statusOf(refusal) }, warnings);
  }
}

function internalError(error: unknown): ApiError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ApiError(500, "InternalError", `Internal error occurred: ${text}`);
}

function callOf(
  server: Server,
  tokens: Tokens,
  request: IncomingMessage,
  response: ServerResponse,
  warnings: string[],
  upgrade: Upgrade | undefined,
): Call {
  const url = requestedUrl(request.url);
  const path = url.pathname.split("/").slice(1).map(decodeSegment);
  while (path.length > 1 && path.at(-1) === "") path.pop();
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const proven = token === undefined ? undefined : tokens.userOf(token);
  const user = proven ?? (PUBLIC.has(path[0] ?? "") ? ANYONE : undefined);
  if (user === undefined) throw new ApiError(401, "Unauthorized", "Unauthorized");
  return {
    server,
    method: request.method === "HEAD" ? "GET" : (request.method ?? "GET"),
    path,
    query: url.searchParams,
    accept: request.headers.accept ?? "",
    user: impersonated(server.authorizer, user, request.headers),
    request,
    response,
    body: () => bodyOf(request),
    warnings,
    ...(upgrade !== undefined && { upgrade }),
  };
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiError(400, "BadRequest", `the path segment ${JSON.stringify(segment)} is not valid`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      const message = `Request entity too large: limit is ${MAX_BODY_BYTES}`;
      throw new ApiError(413, "RequestEntityTooLarge", message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, result: Answer, warnings: readonly string[]): void {
  if (result === undefined) return;
  if (warnings.length > 0) {
    response.setHeader(
      "warning",
      warnings.map((words) => `299 - ${JSON.stringify(words)}`),
    );
  }
  const body = Buffer.isBuffer(result.body) ? result.body : Buffer.from(`${JSON.stringify(result.body)}\n`);
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json");
  response.setHeader("cache-control", "no-cache, private");
  response.setHeader("content-length", body.length);
  response.writeHead(result.code);
  response.end(body);
}
