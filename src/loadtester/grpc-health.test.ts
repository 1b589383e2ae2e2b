import { createServer, type Http2Server, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { getGlobalDispatcher } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { grpcHealthProbe } from "./grpc-health.ts";

/** A server whose answer is chosen by the service that is asked for. */
let server: Http2Server;
let port: number;
const sessions = new Set<Http2Session>();

beforeAll(async () => {
  server = createServer();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => void parts.push(part));
    stream.once("end", () => {
      const service = Buffer.concat(parts).subarray(7).toString();
      if (service === "silent") return;
      const head = { ":status": 200, "content-type": "application/grpc" };
      const code = { none: "12", unknown: "5" }[service];
      if (code !== undefined) {
        const more = { "grpc-status": code, "grpc-message": `no ${service}` };
        stream.respond({ ...head, ...more }, { endStream: true });
        return;
      }
      stream.respond(head, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.of(0, 0, 0, 0, 2, 0x08, service === "ill" ? 2 : 1));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function probe(...args: readonly string[]): Promise<readonly [number | null, string]> {
  const understood = grpcHealthProbe(args);
  if (understood.kind === "refused") return [null, understood.reason];
  const { exitCode, stderr } = await understood.run({
    dispatcher: getGlobalDispatcher(),
    clock: systemClock,
    monotonicMs: () => performance.now(),
    limits: { workers: 1, requestsPerSecond: 1 },
    signal: new AbortController().signal,
    stdin: Buffer.alloc(0),
    // Every name is this machine's, as names of Services are in a sandbox.
    lookup: (_name, options, answer) =>
      options.all === true ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4),
  });
  return [exitCode, stderr.trim()];
}

const addr = () => `-addr=podinfo.test:${port}`;

describe("grpc_health_probe", () => {
  it("says that a server is healthy", async () => {
    expect(await probe("-connect-timeout=20s", "-rpc-timeout", "20s", addr())).toEqual([0, "status: SERVING"]);
  });

  it.each([
    ["ill", 4, 'error: service unhealthy (responded with "NOT_SERVING")'],
    ["none", 3, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"],
    ["unknown", 3, "error: health rpc failed: code 5: no unknown"],
  ])("says what is wrong with a service that is %s", async (service, exitCode, words) => {
    expect(await probe("-rpc-timeout=20s", addr(), `-service=${service}`)).toEqual([exitCode, words]);
  });

  it("gives up on a server that does not answer", async () => {
    const [exitCode, words] = await probe("-rpc-timeout=50ms", addr(), "-service=silent");
    expect(exitCode).toBe(3);
    expect(words).toMatch(/^error: health rpc failed: /);
  });

  it("says that there is no server", async () => {
    expect(await probe("-addr=127.0.0.1:1")).toEqual([
      2,
      'error: failed to connect service "127.0.0.1:1": connect ECONNREFUSED 127.0.0.1:1',
    ]);
  });

  it.each([
    [["-tls", "-addr=a:1"], "grpc_health_probe: option -tls is not supported here"],
    [["-addr=podinfo"], "grpc_health_probe: -addr=host:port is needed"],
    [["-addr=a:1", "-rpc-timeout=soon"], "grpc_health_probe: a time-out is not a duration such as 1s"],
  ])("refuses %j", async (args, words) => {
    expect(await probe(...args)).toEqual([null, words]);
  });
});
