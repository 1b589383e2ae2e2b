/** The tasks that drive other servers: nGrinder and Concord, played by a real HTTP server. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getGlobalDispatcher } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { until } from "../testing/until.ts";
import type { PreparedTask, TaskPorts } from "./prepared-task.ts";
import { prepareTask } from "./tasks.ts";

interface Call {
  readonly call: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

let server: Server;
let url: string;
let calls: Call[];
let answers: Record<string, unknown[]>;
let clock: ManualClock;
let errors: string[];
let folder: string;
let ports: TaskPorts;

beforeEach(async () => {
  [calls, answers, errors, clock] = [[], {}, [], createManualClock()];
  folder = mkdtempSync(join(tmpdir(), "loadtester-"));
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const call = `${request.method} ${request.url}`;
      calls.push({ call, authorization: request.headers.authorization, body });
      response.end(JSON.stringify(answers[call]?.shift() ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const note = () => undefined;
  ports = {
    log: { debug: note, info: note, warn: note, error: (_fields, message) => void errors.push(message) },
    clock,
    dispatcher: getGlobalDispatcher(),
    monotonicMs: () => 0,
    limits: { workers: 1, requestsPerSecond: 1 },
    env: {},
    proxyUrl: () => Promise.reject(new Error("nothing here needs a proxy")),
  };
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function prepare(metadata: Record<string, string>): Promise<PreparedTask> {
  return prepareTask(ports, { name: "podinfo", namespace: "test", metadata });
}

const made = () => calls.map(({ call }) => call);

/** Moves the clock on until the work is done: every answer comes over a real connection. */
async function through<T>(work: Promise<T>, stepMs: number): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return done;
}

describe("the ngrinder task", () => {
  const good = { type: "ngrinder", clone: "17", username: "admin", passwd: Buffer.from("s3cret").toString("base64") };
  const status = (id: string) => ({ status: [{ status_id: id }] });

  async function run(metadata: Record<string, string> = {}, signal = new AbortController().signal): Promise<void> {
    const task = await prepare({ ...good, server: `${url}/`, ...metadata });
    if (task.kind !== "queued") throw new Error(JSON.stringify(task));
    expect(task.task).toMatchObject({ id: "podinfo.test ngrinder 17", canary: "podinfo.test" });
    await through(task.task.run(signal), 1000);
  }

  it("clones, starts and follows a test to its end, as often as asked (Q80)", async () => {
    answers = {
      "POST /perftest/api/17/clone_and_start": [{ id: 42 }],
      "GET /perftest/api/42/status": [status("START_TESTING"), status("TESTING"), status("FINISHED")],
    };
    await run({ pollInterval: "5s" });
    expect(made()).toEqual(["POST /perftest/api/17/clone_and_start", ...Array(3).fill("GET /perftest/api/42/status")]);
    expect(calls[0]?.authorization).toBe(`Basic ${Buffer.from("admin:s3cret").toString("base64")}`);
    expect(clock.asked).toEqual([5000, 5000, 5000]);
    expect(errors).toEqual([]);
  });

  it.each([
    [{ id: 42 }, status("STOP_BY_ERROR"), "ngrinder test 42 ended with STOP_BY_ERROR"],
    [{}, {}, "ngrinder did not say the id of the started test: {}"],
    [
      { success: false, message: "no such test" },
      {},
      "ngrinder POST /perftest/api/17/clone_and_start answered 200: no such test",
    ],
  ])("Q81: fails alone when the server says %j, then %j", async (started, followed, text) => {
    answers = {
      "POST /perftest/api/17/clone_and_start": [started],
      "GET /perftest/api/42/status": [followed],
    };
    await run();
    expect(errors).toEqual([`command failed ngrinder test 17 on ${url} ${text}`]);
  });

  it("reads a password whose base64 is broken into lines, as a block of YAML gives it", async () => {
    answers = {
      "POST /perftest/api/17/clone_and_start": [{ id: 42 }],
      "GET /perftest/api/42/status": [status("FINISHED")],
    };
    await run({ passwd: "czNj\r\ncmV0\n" });
    expect(calls[0]?.authorization).toBe(`Basic ${Buffer.from("admin:s3cret").toString("base64")}`);
  });

  it("stops the test when its time is over", async () => {
    const limit = new AbortController();
    answers = { "POST /perftest/api/17/clone_and_start": [{ id: 42 }] };
    const ended = run({}, limit.signal);
    await until("the test is followed", () => made().includes("GET /perftest/api/42/status"));
    limit.abort();
    await ended;
    expect(made().at(-1)).toBe("PUT /perftest/api/42?action=stop");
    expect(errors[0]).toContain("did not finish in time and was stopped");
  });

  it.each([
    [{ server: "" }, "server, clone, username and passwd are required metadata"],
    [{ server: "nowhere" }, 'invalid url: parse "nowhere"'],
    [{ clone: "x" }, 'metadata clone must be integer: parsing "x": invalid syntax'],
    [{ passwd: "§" }, "metadata password is invalid: illegal base64 data"],
    [{ pollInterval: "5x" }, 'metadata pollInterval is invalid: time: unknown unit "x" in duration "5x"'],
  ])("refuses %j", async (metadata, message) => {
    expect(await prepare({ ...good, server: url, ...metadata })).toEqual({ kind: "invalid", message });
  });
});

describe("the concord task", () => {
  const good = { org: "o", project: "p", repo: "r", entrypoint: "main", endpoint: "http://x", "arguments.a": "1" };

  async function run(metadata: Record<string, string> = {}) {
    const apiKeyPath = join(folder, "key");
    writeFileSync(apiKeyPath, "  the-key\n");
    const task = await prepare({ type: "concord", server: `${url}/ignored`, apiKeyPath, ...good, ...metadata });
    if (task.kind !== "awaited") throw new Error(JSON.stringify(task));
    return through(task.run(new AbortController().signal), 1000);
  }

  it("starts a process and waits for its end, with a trimmed key (Q83)", async () => {
    answers = {
      "POST /api/v1/process": [{ instanceId: "i-1" }],
      "GET /api/v1/process/i-1": [{ status: "RUNNING" }, { status: "FINISHED" }],
    };
    expect(await run()).toEqual({ output: "" });
    expect(made()).toEqual(["POST /api/v1/process", "GET /api/v1/process/i-1", "GET /api/v1/process/i-1"]);
    expect(calls.map(({ authorization }) => authorization)).toEqual(Array(3).fill("the-key"));
    const fields = [...(calls[0]?.body ?? "").matchAll(/name="([^"]+)"\r\n\r\n([^\r]*)/g)].map(([, k, v]) => [k, v]);
    expect(Object.fromEntries(fields)).toEqual({
      ...{ org: "o", project: "p", repo: "r", entryPoint: "main" },
      ...{ "arguments.endpoint": "http://x", "arguments.a": "1" },
    });
  });

  it("has one deadline for the whole wait, however often it asks (Q82)", async () => {
    answers = { "POST /api/v1/process": [{ instanceId: "i-1" }] };
    const reply = await run({ pollInterval: "4", pollTimeout: "10" });
    expect(reply).toEqual({ output: "", failure: "concord process timed out, after 10 seconds" });
  });

  it("fails with the process", async () => {
    answers = {
      "POST /api/v1/process": [{ instanceId: "i-1" }],
      "GET /api/v1/process/i-1": [{ status: "FAILED" }],
    };
    expect(await run()).toEqual({ output: "", failure: "concord instanceID: i-1 failed" });
    expect(errors).toEqual(["command failed concord concord instanceID: i-1 failed"]);
  });

  it.each([
    [{ apiKeyPath: "/nonexistent/key" }, "`apiKeyPath` file doesn't exist /nonexistent/key"],
    [{ pollInterval: "5s" }, "unable to convert `pollInterval` to int"],
    [
      { "arguments.endpoint": "x" },
      "You cannot override Endpoint through arguments. You must override Endpoint directly",
    ],
  ])("refuses %j", async (metadata, failure) => {
    expect(await run(metadata)).toEqual({ output: "", failure });
    expect(calls).toEqual([]);
  });

  it("names the metadata that is missing", async () => {
    const task = await prepare({ type: "concord", server: url });
    if (task.kind !== "awaited") throw new Error(JSON.stringify(task));
    expect(await task.run(new AbortController().signal)).toEqual({
      output: "",
      failure: "`org` is required with type concord",
    });
  });
});
