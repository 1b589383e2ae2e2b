/** A watch over HTTP: one JSON document per line. */
import type { ClientRequest } from "node:http";
import { request } from "node:https";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import type { Endpoint } from "./blocking-http.ts";

export interface StreamEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject;
}

export interface StreamListener {
  event(event: StreamEvent): void;
  /** The stream is over, for any reason. */
  ended(): void;
}

/** @param path path and query @returns ends the stream without a call of `ended` */
export function openStream(endpoint: Endpoint, path: string, listener: StreamListener): () => void {
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    listener.ended();
  };
  const headers = { authorization: `Bearer ${endpoint.token}`, accept: "application/json" };
  const sent: ClientRequest = request(
    `${endpoint.url}${path}`,
    { ca: endpoint.ca, headers, agent: false },
    (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        end();
        return;
      }
      let rest = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "" && !over) listener.event(JSON.parse(line));
      });
      response.on("error", end);
      response.on("close", end);
    },
  );
  sent.on("error", end);
  sent.end();
  return () => {
    over = true;
    sent.destroy();
  };
}
