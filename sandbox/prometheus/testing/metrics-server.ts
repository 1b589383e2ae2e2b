/** A real HTTP server that exposes a given text, for tests. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MetricsServer {
  readonly url: string;
  readonly port: number;
  /** What the next requests are answered; a number is an HTTP status, "silence" no answer at all. */
  answer: string | number | "silence";
  /** Requests so far. */
  asked(): number;
  /** How long they wait for it. */
  delayMs: number;
  stop(): Promise<void>;
}

export async function serveMetrics(answer: string | number, address = "127.0.0.1"): Promise<MetricsServer> {
  const respond = (response: ServerResponse) => {
    if (made.answer === "silence") return;
    if (typeof made.answer === "number") response.writeHead(made.answer).end("no");
    else response.writeHead(200, { "content-type": "text/plain" }).end(made.answer);
  };
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    setTimeout(() => respond(response), made.delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  const made: MetricsServer = {
    url: `http://${address}:${port}/metrics`,
    port,
    answer,
    asked: () => asked,
    delayMs: 0,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return made;
}
