/** From an HTTP request to a connection with another protocol. */
import type { IncomingMessage } from "node:http";
import { ApiError, type PodConnections } from "../../cluster.ts";
import { badRequest } from "../errors.ts";
import type { Call, Server, Upgrade } from "../http/call.ts";
import { isWebSocket, offeredProtocols } from "./websocket.ts";

/** What a handler that leaves HTTP needs of a call. */
export type StreamCall = Pick<Call, "query" | "request" | "upgrade"> & { readonly server: Pick<Server, "connections"> };

/** @throws ApiError 400 when the client did not ask for another protocol */
export function requireUpgrade({ upgrade }: Pick<Call, "upgrade">): Upgrade {
  if (upgrade === undefined) throw badRequest("Upgrade request required");
  return upgrade;
}

/** @throws ApiError 503 when no node runs */
export function connectionsOf({ server }: { readonly server: Pick<Server, "connections"> }): PodConnections {
  const connections = server.connections();
  if (connections !== undefined) return connections;
  throw new ApiError(503, "ServiceUnavailable", "no kubelet is running: no pod can be reached");
}

/** The first of the client's protocols that is served. @throws ApiError 400, 403 */
export function protocolFor(request: IncomingMessage, served: readonly string[]): string {
  const { upgrade = "" } = request.headers;
  if (!isWebSocket(request) && upgrade.toLowerCase() !== "spdy/3.1") {
    throw badRequest(`unable to upgrade: "${upgrade}" is not served; ask for websocket or SPDY/3.1`);
  }
  const offered = isWebSocket(request) ? offeredProtocols(request) : streamProtocols(request);
  const chosen = offered.find((name) => served.includes(name));
  if (chosen !== undefined) return chosen;
  const both = `client supports [${offered.join(" ")}], server accepts [${served.join(" ")}]`;
  const message = `unable to upgrade: unable to negotiate protocol: ${both}`;
  throw new ApiError(403, "Forbidden", message, {});
}

function streamProtocols({ headersDistinct }: IncomingMessage): readonly string[] {
  const lines = headersDistinct["x-stream-protocol-version"] ?? [];
  return lines.flatMap((line) => line.split(",")).map((name) => name.trim());
}
