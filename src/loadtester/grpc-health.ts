/** grpc_health_probe in its simplest form: is a gRPC server healthy? Without TLS, as in a mesh. */
import { Buffer } from "node:buffer";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { deadline } from "../async/deadline.ts";
import { errorText } from "../error-text.ts";
import { parseDuration } from "../go/duration.ts";
import { type Program, type ProgramContext, type ProgramResult, refused } from "./program.ts";

/** The probe's exit codes, since they are what users look up. */
const EXIT = { ok: 0, connection: 2, rpc: 3, unhealthy: 4 };
const SERVING = 1;
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const UNIMPLEMENTED = "12";
const DEFAULT_MS = 1000;

interface Probe {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly connectMs: number;
  readonly rpcMs: number;
}

export const grpcHealthProbe: Program = (args) => {
  const probe = readArguments(args);
  if (typeof probe === "string") return refused(`grpc_health_probe: ${probe}`);
  return { kind: "ready", run: (context) => runProbe(probe, context) };
};

const FLAGS = new Set(["addr", "service", "connect-timeout", "rpc-timeout"]);

function readArguments(args: readonly string[]): Probe | string {
  const given = new Map<string, string>();
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const [, name = "", value] = /^--?([a-z-]+)(?:=(.*))?$/.exec(arg) ?? [];
    if (!FLAGS.has(name)) return `option ${arg} is not supported here`;
    given.set(name, value ?? queue.shift() ?? "");
  }
  const [, host, port] = /^(.+):(\d+)$/.exec(given.get("addr") ?? "") ?? [];
  if (host === undefined) return "-addr=host:port is needed";
  const duration = (name: string) => parseDuration(given.get(name) ?? `${DEFAULT_MS}ms`);
  const connectMs = duration("connect-timeout");
  const rpcMs = duration("rpc-timeout");
  if (typeof connectMs !== "number" || typeof rpcMs !== "number") return "a time-out is not a duration such as 1s";
  return { host, port: Number(port), service: given.get("service") ?? "", connectMs, rpcMs };
}

async function runProbe(probe: Probe, context: ProgramContext): Promise<ProgramResult> {
  const place = `"${probe.host}:${probe.port}"`;
  const socket = await dial(probe, context);
  if (typeof socket === "string") return failed(EXIT.connection, `failed to connect service ${place}: ${socket}`);
  const session = connectHttp2(`http://${probe.host}:${probe.port}`, { createConnection: () => socket });
  const limit = deadline(context.clock, probe.rpcMs, context.signal);
  try {
    const { status, message, body } = await ask(session, probe.service, limit.signal);
    if (status === UNIMPLEMENTED) {
      return failed(EXIT.rpc, "this server does not implement the grpc health protocol (grpc.health.v1.Health)");
    }
    if (status !== "0") return failed(EXIT.rpc, `health rpc failed: code ${status}: ${message}`);
    const health = STATUSES[body[6] ?? 0] ?? "UNKNOWN";
    if (health !== STATUSES[SERVING]) return failed(EXIT.unhealthy, `service unhealthy (responded with "${health}")`);
    return { exitCode: EXIT.ok, stdout: Buffer.alloc(0), stderr: `status: ${health}\n` };
  } catch (error) {
    return failed(EXIT.rpc, `health rpc failed: ${errorText(error)}`);
  } finally {
    limit.clear();
    session.destroy();
  }
}

function failed(exitCode: number, words: string): ProgramResult {
  return { exitCode, stdout: Buffer.alloc(0), stderr: `error: ${words}\n` };
}

/** @returns the connection, or why there is none */
async function dial({ host, port, connectMs }: Probe, context: ProgramContext): Promise<Socket | string> {
  const limit = deadline(context.clock, connectMs, context.signal);
  const { lookup } = context;
  const socket = connect({ host, port, noDelay: true, ...(lookup !== undefined && { lookup }) });
  const outcome = await new Promise<Socket | string>((resolve) => {
    socket.once("connect", () => resolve(socket));
    socket.once("error", ({ message }) => resolve(message));
    limit.signal.addEventListener("abort", () => resolve(`no connection within ${connectMs} ms`), { once: true });
  });
  limit.clear();
  if (typeof outcome === "string") socket.destroy();
  return outcome;
}

interface Answer {
  readonly status: string;
  readonly message: string;
  readonly body: Buffer;
}

function ask(session: ClientHttp2Session, service: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    };
    session.once("error", reject);
    const stream = session.request(headers, { signal });
    const seen: Record<string, unknown> = {};
    const parts: Buffer[] = [];
    stream.on("response", (first) => Object.assign(seen, first));
    stream.on("trailers", (last) => Object.assign(seen, last));
    stream.on("data", (part: Buffer) => void parts.push(part));
    stream.once("error", () => reject(signal.aborted ? signal.reason : new Error("the connection broke")));
    stream.once("close", () => {
      const status = String(seen["grpc-status"] ?? `none, HTTP status ${seen[":status"]}`);
      resolve({ status, message: String(seen["grpc-message"] ?? ""), body: Buffer.concat(parts) });
    });
    stream.end(requestFor(service));
  });
}

/** A HealthCheckRequest in a frame of gRPC: `service` is field 1. */
function requestFor(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  return Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message]);
}
