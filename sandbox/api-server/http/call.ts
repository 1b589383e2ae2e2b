/** One HTTP request as the handlers see it, and the ways to answer it. */
import type { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { PodConnections, PodLogs } from "../../cluster.ts";
import type { User } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/rbac.ts";
import type { Store } from "../store.ts";

export type { User } from "../authorization/attributes.ts";

/** What all handlers share. */
export interface Server {
  readonly store: Store;
  readonly authorizer: Authorizer;
  logs(): PodLogs | undefined;
  connections(): PodConnections | undefined;
  /** A new bearer token for a service account. */
  issueToken(namespace: string, account: string, expiresMs: number): string;
  /** Whose token it is; undefined when it is not valid. */
  userOfToken(token: string): User | undefined;
}

/** A connection that has left HTTP. */
export interface TakenSocket {
  readonly socket: Duplex;
  /** What the client has sent since its request. */
  readonly head: Buffer;
}

/** The connection of a request that asks for another protocol. */
export interface Upgrade {
  /** From now on the connection is the caller's, and no HTTP answer is sent. */
  take(): TakenSocket;
}

export interface Call {
  readonly server: Server;
  readonly method: string;
  /** Decoded segments: ["apis", "apps", "v1", ...]. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly user: User;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Present when the client asks for another protocol. */
  readonly upgrade?: Upgrade;
  /** Reads the body once; everything at once. */
  body(): Promise<Buffer>;
  /** Sent with the answer as Warning headers; kubectl prints them. */
  readonly warnings: string[];
}

/** What a handler answers; `undefined` when it writes to the response itself, e.g. a watch. */
export type Answer = { readonly code: number; readonly body: unknown } | undefined;

export const ok = (body: unknown): Answer => ({ code: 200, body });

/** True for `?name`, `?name=true`, `?name=1`; false for "false" and "0" and when absent. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}
