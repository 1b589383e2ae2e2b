/** Small real HTTP servers that the operator calls: a metric server, and a receiver of webhooks and alerts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PATIENCE_MS } from "../../patience.ts";

export interface Received {
  readonly path: string;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test inspects arbitrary JSON
  readonly body: any;
}

export interface Reply {
  readonly status: number;
  readonly body?: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** The answer; "silence" keeps the caller waiting. 200 OK at first. */
  answer: (call: Received) => Reply | "silence";
  /** Resolves when the calls satisfy `holds`. @throws Error after 20 s */
  until(what: string, holds: (received: readonly Received[]) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const call = { path: request.url ?? "/", method: request.method ?? "", body: await bodyOf(request) };
    received.push(call);
    for (const look of waiting) look();
    const reply = receiver.answer(call);
    if (reply !== "silence") response.writeHead(reply.status).end(reply.body ?? "");
  });
  const url = await listening(server, port);
  const receiver: Receiver = {
    url,
    received,
    answer: () => ({ status: 200, body: "OK" }),
    until: (what, holds) =>
      new Promise((resolve, reject) => {
        const fail = () => reject(new Error(`this did not happen: ${what}: ${JSON.stringify(received, undefined, 1)}`));
        const timer = setTimeout(fail, PATIENCE_MS);
        const look = () => {
          if (!holds(received)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop: () => closed(server),
  };
  return receiver;
}

export interface MetricServer {
  readonly url: string;
  /** Values by a text in the query; undefined: no series. */
  value: (query: string) => number | undefined;
  readonly queries: readonly string[];
  stop(): Promise<void>;
}

/** The part of Prometheus that one query needs. */
export async function startMetricServer(port = 0): Promise<MetricServer> {
  const queries: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const query = new URL(request.url ?? "/", "http://prometheus").searchParams.get("query") ?? "";
    queries.push(query);
    const value = query === "vector(1)" ? 1 : metrics.value(query);
    const result = value === undefined ? [] : [{ metric: {}, value: [Math.floor(Date.now() / 1000), String(value)] }];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  });
  const metrics: MetricServer = {
    url: await listening(server, port),
    value: () => 100,
    queries,
    stop: () => closed(server),
  };
  return metrics;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? undefined : JSON.parse(text);
}

/** @returns the server's URL, without a slash at its end */
export function listening(server: Server, port = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
