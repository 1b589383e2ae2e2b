/** A mesh's metrics over HTTP, in Prometheus' text format. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param read makes the text of one scrape; when it fails, the scrape is answered with 502 and the reason */
export async function serveMetrics(read: () => string | Promise<string>, port = 0): Promise<MetricsServer> {
  const server = createServer((_request, response) => void answer(read, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(read: () => string | Promise<string>, response: ServerResponse): Promise<void> {
  try {
    const text = await read();
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
  } catch (error) {
    response.writeHead(502).end(`${error instanceof Error ? error.message : String(error)}\n`);
  }
}
