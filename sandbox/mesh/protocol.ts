/** What is spoken on a Service's port, as Istio reads it from appProtocol or the port's name. */
import type { KubeFields } from "../../src/ports/kubernetes.ts";

/** "http" is HTTP/1.1; everything else passes as bytes. */
export type Protocol = "http" | "tcp";

/** First words of port names that are surely not HTTP/1.1 in the clear. */
const OTHERS = new Set([
  "tcp",
  "tls",
  "https",
  "udp",
  "grpc",
  "http2",
  "h2c",
  "mongo",
  "mysql",
  "postgres",
  "redis",
  "amqp",
  "kafka",
  "nats",
]);

/** Ports without a telling name are taken for HTTP. */
export function protocolOf({ appProtocol, name }: KubeFields): Protocol {
  const word = String(appProtocol || name || "http").toLowerCase();
  const last = word.slice(word.lastIndexOf("/") + 1);
  if (last === "grpc-web") return "http";
  return OTHERS.has(last.split("-")[0] ?? "") ? "tcp" : "http";
}
