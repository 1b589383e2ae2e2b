import { request } from "node:http";
import { connect } from "node:http2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../addresses.ts";
import type { AppContext, RunningApp } from "../../apps.ts";
import { createPodinfo } from "./index.ts";

let block: AddressBlock;
let address: string;
let logs: string[];
const running: RunningApp[] = [];

beforeAll(async () => {
  block = await claimAddressBlock();
});

// A fresh address for each test: the client keeps connections to the old ones.
beforeEach(() => {
  address = block.pod();
  logs = [];
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.stop()));
});

afterAll(async () => {
  await block.release();
});

async function start(argv: string[] = [], more: Partial<AppContext> = {}, random = Math.random): Promise<RunningApp> {
  const context: AppContext = {
    namespace: "default",
    podName: "podinfo-abc",
    podUid: "1",
    labels: {},
    containerName: "podinfod",
    image: "ghcr.io/stefanprodan/podinfo:6.5.1",
    argv: ["./podinfo", ...argv],
    env: {},
    address,
    ports: [],
    files: new Map(),
    log: (line) => void logs.push(line),
    signal: new AbortController().signal,
    ...more,
  };
  const app = await createPodinfo(random)(context);
  running.push(app);
  return app;
}

const ask = (path: string, init: RequestInit = {}, port = 9898) => fetch(`http://${address}:${port}${path}`, init);
const json = async (path: string, init: RequestInit = {}) =>
  (await (await ask(path, init)).json()) as Record<string, unknown>;
const post = (body = "") => ({ method: "POST", body });

/** Status of gRPC, and what the health protocol says: 1 is SERVING, 2 NOT_SERVING. */
function grpcHealth(port: number): Promise<{ status: string; health: number | undefined }> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}:${port}`);
    session.once("error", reject);
    const stream = session.request({ ":method": "POST", ":path": "/grpc.health.v1.Health/Check" });
    const parts: Buffer[] = [];
    let status = "";
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("data", (part: Buffer) => void parts.push(part));
    stream.once("close", () => {
      session.close();
      resolve({ status, health: Buffer.concat(parts)[6] });
    });
    stream.end(Buffer.of(0, 0, 0, 0, 0));
  });
}

describe("podinfo", () => {
  it("tells its health over gRPC", async () => {
    await start(["--grpc-port=9999"]);
    expect(await grpcHealth(9999)).toEqual({ status: "0", health: 1 });
  });

  it("says who it is", async () => {
    await start(["--ui-color=#ff0000"], { env: { PODINFO_UI_MESSAGE: "hi", PODINFO_UI_COLOR: "#00ff00" } });
    expect(await json("/")).toMatchObject({
      hostname: "podinfo-abc",
      version: "6.5.1",
      message: "hi",
      color: "#ff0000",
    });
    expect(await json("/version")).toMatchObject({ version: "6.5.1" });
    expect(await json("/api/info")).toMatchObject({ hostname: "podinfo-abc" });
    expect(await json("/env")).toContain("PODINFO_UI_MESSAGE=hi");
    expect(await json("/headers", { headers: { "x-user": "me" } })).toMatchObject({ "X-User": ["me"] });
    const page = await ask("/", { headers: { "user-agent": "Mozilla/5.0" } });
    expect(page.headers.get("content-type")).toContain("text/html");
  });

  it("answers as it is asked to", async () => {
    await start();
    expect((await ask("/status/503")).status).toBe(503);
    expect((await ask("/status/abc")).status).toBe(400);
    expect(await json("/delay/0.01")).toEqual({ delay: 0.01 });
    expect((await ask("/chunked/0")).headers.get("transfer-encoding")).toBe("chunked");
    const echoed = await ask("/echo", post("ping"));
    expect([echoed.status, await echoed.text()]).toEqual([202, "ping"]);
    expect((await ask("/nowhere")).status).toBe(404);
    expect((await ask("/readyz/disable")).status).toBe(405);
  });

  it("keeps files, a cache and tokens", async () => {
    const files = new Map([["/config/a.json", Buffer.from("{}")]]);
    await start(["--config-path=/config"], { files });
    expect(await json("/configs")).toEqual({ "a.json": "{}" });
    const { hash } = await json("/store", post("content"));
    expect(await (await ask(`/store/${hash}`)).text()).toBe("content");
    expect((await ask("/cache/k", post("v"))).status).toBe(202);
    expect(await (await ask("/cache/k")).text()).toBe("v");
    expect((await ask("/cache/k", { method: "DELETE" })).status).toBe(202);
    expect((await ask("/cache/k")).status).toBe(404);
    const { token } = await json("/token", post("anna"));
    const validate = (bearer: string) => json("/token/validate", { headers: { authorization: `Bearer ${bearer}` } });
    expect(await validate(String(token))).toMatchObject({ token_name: "anna" });
    expect(await validate(`${token}x`)).toMatchObject({ code: 401 });
    expect((await ask("/token/validate")).status).toBe(401);
  });

  it("can be unready and unhealthy, by flag and over HTTP", async () => {
    await start(["--unready", "--unhealthy"]);
    expect([(await ask("/readyz")).status, (await ask("/healthz")).status]).toEqual([503, 503]);
    expect((await ask("/readyz/enable", post())).status).toBe(202);
    expect((await ask("/readyz")).status).toBe(200);
  });

  it("fails one request in three with --random-error, but never a probe", async () => {
    let turn = 0;
    await start(["--random-error"], {}, () => [0.9, 0.1, 0.0, 0.5, 0.2, 0.4, 0.1, 0.99][turn++ % 8] ?? 0);
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await ask("/")).status, (await ask("/healthz")).status);
    expect(statuses).toEqual([200, 200, 500, 200, 200, 200, 400, 200, 409, 200]);
  });

  it("counts what it serves", async () => {
    await start(["--port-metrics=9797"]);
    for (const path of ["/", "/", "/status/500", "/status/500", "/healthz"]) await (await ask(path)).text();
    for (const port of [9898, 9797]) {
      const text = await (await ask("/metrics", {}, port)).text();
      expect(text).toContain('http_request_duration_seconds_count{method="GET",path="root",status="200"} 2');
      expect(text).toContain('http_request_duration_seconds_count{method="GET",path="status_code",status="500"} 2');
      expect(text).toMatch(
        /http_request_duration_seconds_bucket\{method="GET",path="root",status="200",le="\+Inf"\} 2/,
      );
      expect(text).toContain('http_requests_total{status="500"} 2');
    }
  });

  it("crashes on request, with exit code 255", async () => {
    const app = await start();
    await expect(ask("/panic")).rejects.toThrow();
    expect(await app.exited).toBe(255);
  });

  it("finishes what it is doing before it stops, and takes nothing new", async () => {
    const app = await start();
    const slow = new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
      const asked = request({
        host: address,
        port: 9898,
        path: "/delay/0.2",
        agent: false,
        headers: { connection: "keep-alive" },
      });
      asked.on("response", (response) => {
        response.resume();
        resolve({ status: response.statusCode, connection: response.headers.connection });
      });
      asked.on("error", reject);
      asked.end();
    });
    await new Promise<void>((resolve) => {
      const look = async () => ((await json("/"))["num_goroutine"] === "1" ? void look() : resolve());
      void look();
    });
    const stopped = app.stop();
    await expect(ask("/")).rejects.toThrow();
    expect(await slow).toEqual({ status: 200, connection: "close" });
    await stopped;
    expect(await app.exited).toBe(0);
  });

  it("refuses flags it does not know, ports it cannot have, and numbers that are none", async () => {
    await expect(start(["--no-such-flag"])).rejects.toThrow("unknown flag: --no-such-flag");
    await expect(start(["--port=abc"])).rejects.toThrow('invalid argument "abc" for "--port"');
    await start();
    await expect(start()).rejects.toThrow("EADDRINUSE");
  });
});
