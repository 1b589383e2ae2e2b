/** A webhook that lets a rollout go on when the test has seen enough of a step. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Gate {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param open whether the rollout in the namespace may go on */
export async function startGate(open: (namespace: string) => boolean): Promise<Gate> {
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    request.on("end", () => {
      const { namespace = "" }: { namespace?: string } = JSON.parse(text);
      response.writeHead(open(namespace) ? 200 : 403).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
