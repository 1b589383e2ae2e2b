/** A real HTTP server that exposes a given text, for tests. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MetricsServer {
  readonly url: string;
  readonly port: number;
  /** What the next requests are answered; a number is an HTTP status, "silence" no answer at all. */
  answer: string | number | "silence";
  /** The ETag of the answer: who knows it is answered 304. */
  tag: string | undefined;
  /** The answer is sent in pieces of so many bytes. */
  pieces: number;
  /** Requests so far. */
  asked(): number;
  /** How long they wait for it. */
  delayMs: number;
  stop(): Promise<void>;
}

export async function serveMetrics(answer: string | number, address = "127.0.0.1"): Promise<MetricsServer> {
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    if (made.answer === "silence") return;
    if (typeof made.answer === "number") return response.writeHead(made.answer).end("no");
    const { tag } = made;
    if (tag !== undefined && request.headers["if-none-match"] === tag) return response.writeHead(304).end();
    response.writeHead(200, { "content-type": "text/plain", ...(tag !== undefined && { etag: tag }) });
    const bytes = Buffer.from(made.answer);
    for (let at = 0; at < bytes.length; at += made.pieces) response.write(bytes.subarray(at, at + made.pieces));
    return response.end();
  };
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    setTimeout(() => respond(request, response), made.delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  const made: MetricsServer = {
    url: `http://${address}:${port}/metrics`,
    port,
    answer,
    tag: undefined,
    pieces: 65_536,
    asked: () => asked,
    delayMs: 0,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return made;
}
