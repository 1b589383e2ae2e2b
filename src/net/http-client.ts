/** What a caller needs of HTTP to one server. undici's dispatchers fit it, and so does `createPlainClient`. */
import type { IncomingHttpHeaders } from "node:http";

/** Time for a connection to be made. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** The code of a plain client's error when no connection was made in time. */
export const CONNECT_TIMEOUT = "CONNECT_TIMEOUT";

export interface HttpRequest {
  /** e.g. "https://10.0.0.1:6443" */
  readonly origin: string;
  readonly path: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers: Record<string, string | string[]>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** Leaving its iteration early closes the connection. */
  readonly body: AsyncIterable<Uint8Array> & {
    text(): Promise<string>;
    /** Reads it to its end and forgets it, so that the connection serves the next request. */
    dump(): Promise<void>;
  };
}

export interface HttpClient {
  /** Follows no redirect. @throws the system's error, with its code, when no answer begins */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Lets requests under way end. */
  close(): Promise<void>;
  /** Ends them. */
  destroy(): Promise<void>;
}
