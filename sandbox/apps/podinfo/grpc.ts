/** podinfo's gRPC port: the health protocol (grpc.health.v1.Health), which probes ask for. */
import { Buffer } from "node:buffer";
import { createServer, type Http2Session, type ServerHttp2Stream } from "node:http2";

export interface GrpcServer {
  /** Ends at once. */
  stop(): Promise<void>;
}

export interface GrpcOptions {
  readonly address: string;
  readonly port: number;
  /** The service whose health is told beside that of the whole program. */
  readonly service: string;
  /** Whether the program is healthy. */
  readonly healthy: () => boolean;
}

const PATH = "/grpc.health.v1.Health/Check";
const SERVING = 1;
const NOT_SERVING = 2;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** @throws Error when the port is taken */
export async function startGrpcServer(options: GrpcOptions): Promise<GrpcServer> {
  const server = createServer();
  const sessions = new Set<Http2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => void parts.push(part));
    stream.once("end", () => answer(stream, headers[":path"] ?? "", Buffer.concat(parts), options));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.address, resolve);
  });
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

function answer(stream: ServerHttp2Stream, path: string, body: Buffer, { service, healthy }: GrpcOptions): void {
  const asked = serviceOf(body);
  const known = asked === "" || asked === service;
  if (path !== PATH) return refuse(stream, UNIMPLEMENTED, `unknown method ${path}`);
  if (!known) return refuse(stream, NOT_FOUND, "unknown service");
  const message = Buffer.of(0, 0, 0, 0, 2, 0x08, healthy() ? SERVING : NOT_SERVING);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(message);
}

function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  const headers = { ":status": 200, "content-type": "application/grpc", "grpc-status": String(status) };
  stream.respond({ ...headers, "grpc-message": message }, { endStream: true });
}

/** A HealthCheckRequest: one frame of gRPC around `service`, which is field 1. */
function serviceOf(body: Buffer): string {
  const message = body.subarray(5);
  return message[0] === 0x0a ? message.subarray(2, 2 + (message[1] ?? 0)).toString("utf8") : "";
}
