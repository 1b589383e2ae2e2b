import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import perfHooks from "node:perf_hooks";
import { Agent } from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Log } from "../ports/log.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { type Loadtester, type LoadtesterOptions, startLoadtester } from "./server.ts";

let tester: Loadtester;
let lines: string[];
let target: Server;
let targetUrl: string;
let hits: { method: string; url: string; body: string }[];
let folder: string;

function logTo(sink: string[]): Log {
  const at = (level: string) => (_fields: object, message: string) => void sink.push(`${level} ${message}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

async function start(options: Partial<LoadtesterOptions> = {}): Promise<void> {
  tester = await startLoadtester({ host: "127.0.0.1", port: 0, log: logTo(lines), clock: systemClock, ...options });
}

beforeEach(async () => {
  lines = [];
  hits = [];
  folder = mkdtempSync(join(tmpdir(), "loadtester-"));
  target = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      hits.push({ method: request.method ?? "", url: request.url ?? "", body });
      if (request.url === "/teapot") response.statusCode = 418;
      response.end(request.url === "/token" ? '{\n  "token": "abc"\n}\n' : "hello\n");
    });
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  targetUrl = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await tester.stop();
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
  rmSync(folder, { recursive: true });
});

async function post(
  path: string,
  payload: unknown,
  method = "POST",
  more: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string }> {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const headers = { "content-type": "application/json", ...more };
  const response = await fetch(tester.url + path, { method, body, headers });
  return { status: response.status, body: await response.text() };
}

function task(metadata: Record<string, string>, path = "/") {
  return post(path, { name: "podinfo", namespace: "test", phase: "Progressing", checksum: "1", metadata });
}

function logged(line: string, times = 1): Promise<boolean> {
  return until(`the log says ${line}`, () => lines.filter((one) => one === line).length >= times);
}

const canary = { name: "podinfo", namespace: "test" };
/** As in a sandbox: host names are not the machine's. */
const SANDBOXED = { ...process.env, AVIARY_NAMESERVER: "127.0.0.1:1" };

describe("gates", () => {
  it("Q85: open and close by hand, the rollback gate apart from the other", async () => {
    await start();
    const verbs = ["check", "open", "check", "close", "check"];
    for (const kind of ["gate", "rollback"]) {
      const replies = [];
      for (const verb of verbs) replies.push(await post(`/${kind}/${verb}`, canary));
      expect(replies).toEqual([
        { status: 403, body: "Forbidden" },
        { status: 202, body: "" },
        { status: 200, body: "Approved" },
        { status: 202, body: "" },
        { status: 403, body: "Forbidden" },
      ]);
    }
    expect(await post("/gate/check", { name: "podinfo", namespace: "other" })).toMatchObject({ status: 403 });
    expect(lines.slice(1, 11)).toEqual([
      "info podinfo.test gate check: approved false",
      "info podinfo.test gate opened",
      "info podinfo.test gate check: approved true",
      "info podinfo.test gate closed",
      "info podinfo.test gate check: approved false",
      "info rollback.podinfo.test rollback check: approved false",
      "info rollback.podinfo.test rollback opened",
      "info rollback.podinfo.test rollback check: approved true",
      "info rollback.podinfo.test rollback closed",
      "info rollback.podinfo.test rollback check: approved false",
    ]);
  });

  it("of one canary do not open the rollback gate of another, however it is called", async () => {
    await start();
    for (const name of ["podinfo", "rollback.podinfo"]) await post("/gate/open", { name, namespace: "test" });
    expect((await post("/rollback/check", canary)).status).toBe(403);
    await post("/rollback/open", { name: "other", namespace: "test" });
    expect((await post("/gate/check", { name: "rollback.other", namespace: "test" })).status).toBe(403);
  });

  it("that are fixed answer without being asked anything", async () => {
    await start({ namespaceRegexp: "^none$" });
    expect(await post("/gate/approve", "not JSON")).toEqual({ status: 200, body: "OK" });
    expect(await post("/gate/halt", "", "PUT")).toEqual({ status: 403, body: "Forbidden" });
    expect(await (await fetch(`${tester.url}/healthz`)).text()).toBe("OK");
    expect(await (await fetch(`${tester.url}/metrics`)).text()).toContain("process_cpu_seconds_total");
  });
});

it("an idle load tester is not woken a hundred times a second to measure its event loop", async () => {
  const watch = vi.spyOn(perfHooks, "monitorEventLoopDelay");
  await start();
  expect(watch.mock.calls.map(([options]) => options?.resolution)).toEqual([1_000]);
  watch.mockRestore();
});

describe("requests", () => {
  it.each([
    ["/", "not JSON", { status: 400, body: "" }],
    ["/gate/open", "", { status: 400, body: "" }],
    ["/", { ...canary, metadata: { cmd: 1 } }, { status: 400, body: "" }],
    ["/", canary, { status: 400, body: "metadata not found in payload" }],
    ["/", { ...canary, metadata: {} }, { status: 400, body: "metadata not found in payload" }],
    ["/", { ...canary, metadata: { type: "cmd" } }, { status: 400, body: "cmd not found in metadata" }],
  ])("that make no sense are answered: %s %j", async (path, payload, reply) => {
    await start();
    expect(await post(path, payload)).toEqual(reply);
  });

  it.each(["rollout", "toString", ""])("Q79: of an unknown type are refused by name: %j", async (type) => {
    await start();
    const reply = { status: 400, body: `unknown task type ${type}` };
    expect(await post("/any/path", { ...canary, metadata: { type, cmd: "true" } })).toEqual(reply);
  });

  it("from other namespaces are refused when a pattern is given", async () => {
    await start({ namespaceRegexp: "es" });
    expect(await post("/gate/open", canary)).toMatchObject({ status: 202 });
    expect(await post("/gate/open", { ...canary, namespace: "prod" })).toEqual({ status: 403, body: "Forbidden" });
    expect(await post("/", { ...canary, namespace: "prod" })).toEqual({ status: 403, body: "Forbidden" });
  });

  it("cannot be served on a taken port, and the pattern must be one", async () => {
    await start();
    const options = { host: "127.0.0.1", log: logTo(lines), clock: systemClock };
    await expect(startLoadtester({ ...options, port: tester.port })).rejects.toThrow(
      `load tester: cannot listen on 127.0.0.1:${tester.port}: the port is taken, choose another with -port`,
    );
    await expect(startLoadtester({ ...options, port: 0, namespaceRegexp: "(" })).rejects.toThrow(
      /the namespace pattern/,
    );
  });
});

describe("awaited tasks", () => {
  it("answer with the output when it is asked for", async () => {
    await start();
    const cmd = 'echo out; echo "err" >&2';
    expect(await task({ type: "bash", cmd, returnCmdOutput: "true" })).toEqual({ status: 200, body: "out\nerr\n" });
    expect(await task({ type: "bash", cmd })).toEqual({ status: 200, body: "" });
    expect(lines).toContain(`info bash command ${cmd}`);
    expect(lines).toContain(`info command finished ${cmd}`);
  });

  it("answer 500 with everything that is known about a failure", async () => {
    await start();
    expect(await task({ type: "bash", cmd: "echo oops; exit 3" })).toEqual({
      status: 500,
      body: "command echo oops; exit 3 failed: oops\n: exit status 3",
    });
    expect(lines).toContain("error command failed echo oops; exit 3 exit status 3 oops\n");
    const missing = await task({ type: "bash", cmd: "no-such-tool --now" });
    expect(missing).toMatchObject({ status: 500, body: expect.stringContaining("no-such-tool is not installed") });
  });

  it("Q84: run helm and kubectl without a shell, split on whitespace only", async () => {
    const script = '#!/bin/sh\nfor a in "$@"; do echo "[$a]"; done\n';
    for (const name of ["helm", "kubectl"]) writeFileSync(join(folder, name), script, { mode: 0o755 });
    await start({ env: { PATH: `${folder}:${process.env.PATH}` } });
    for (const type of ["helm", "helmv3", "kubectl"]) {
      const reply = await task({ type, cmd: `test  "a b" $HOME;ls`, returnCmdOutput: "1" });
      expect(reply).toEqual({ status: 200, body: `[test]\n["a]\n[b"]\n[$HOME;ls]\n` });
    }
    expect(lines).toContain(`info running command helm test "a b" $HOME;ls`);
  });

  it("are killed with all their children when their time is over", async () => {
    const clock = createManualClock();
    await start({ timeoutMs: 300, clock });
    const file = join(folder, "pid");
    const reply = task({ type: "bash", cmd: `sleep 1000 & echo $! > ${file}; wait` });
    await until("the command runs", () => readable(file).endsWith("\n"));
    await clock.advance(300);
    expect(await reply).toMatchObject({ status: 500, body: expect.stringContaining("signal: killed") });
    const pid = Number(readFileSync(file, "utf8"));
    await until("the child has ended", () => !isAlive(pid));
  });
});

describe("the end of the service", () => {
  it("lets awaited tasks finish", async () => {
    await start();
    const file = join(folder, "go");
    const reply = task({
      type: "bash",
      cmd: `echo waiting > ${file}; while [ -e ${file} ]; do sleep 0.01; done; echo done`,
    });
    await until("the command runs", () => readable(file) !== "");
    const stopped = tester.stop();
    rmSync(file);
    expect(await reply).toEqual({ status: 200, body: "" });
    await stopped;
    await expect(fetch(`${tester.url}/healthz`)).rejects.toThrow();
  });

  it("kills them after the grace period", async () => {
    await start({ graceMs: 50 });
    const file = join(folder, "runs");
    const reply = task({ type: "bash", cmd: `echo > ${file}; sleep 1000` });
    await until("the command runs", () => readable(file) !== "");
    await tester.stop();
    expect(await reply).toMatchObject({ status: 500, body: expect.stringContaining("signal: killed") });
  });
});

describe("queued tasks", () => {
  it("are answered at once and run once per canary and command", async () => {
    await start();
    const cmd = `echo run >> ${folder}/runs; sleep 1000`;
    expect(await task({ cmd })).toEqual({ status: 202, body: "" });
    expect(await task({ cmd })).toEqual({ status: 202, body: "" });
    await logged(`info task starting ${cmd}`);
    await task({ cmd });
    await logged(`info command skipped ${cmd} is already running`);
    await post("/", { name: "podinfo", namespace: "other", metadata: { cmd } });
    await logged(`info task starting ${cmd}`, 2);
    await until("both have run", () => readFileSync(`${folder}/runs`, "utf8") === "run\nrun\n");
  });

  it("only log how they end", async () => {
    await start();
    await task({ type: "cmd", cmd: "echo loud; false" });
    await task({ cmd: "true" });
    await logged("info command finished true");
    await logged("error command failed echo loud; false exit status 1 loud\n");
    // Ended tasks may run again.
    await task({ cmd: "true" });
    await logged("info command finished true", 2);
  });

  it("end with the service, with their children", async () => {
    await start();
    const file = join(folder, "pid");
    await task({ cmd: `sleep 1000 & echo $! > ${file}; wait` });
    await until("the child runs", () => readable(file) !== "");
    await tester.stop();
    await until("the child has ended", () => !isAlive(Number(readable(file))));
  });

  it("refuse what cannot run, by name", async () => {
    await start();
    const reply = await task({ cmd: "no-such-tool -n 1" });
    expect(reply.status).toBe(400);
    expect(reply.body).toBe(
      "cannot run no-such-tool -n 1: no-such-tool is not installed; " +
        "hey, curl (one URL, simple flags), curl … | grep WORD and grpc_health_probe are built in",
    );
  });
});

describe("in a sandbox", () => {
  it("hey makes its load in this process", async () => {
    await start({ env: SANDBOXED });
    const cmd = `hey -n 20 -c 2 -q 100 ${targetUrl}/load`;
    expect(await task({ cmd, logCmdOutput: "true" })).toEqual({ status: 202, body: "" });
    await logged(`info command finished ${cmd}`);
    expect(hits.filter(({ url }) => url === "/load")).toHaveLength(20);
    const bad = await task({ cmd: "hey -w http://podinfo-canary.test/" });
    expect(bad.status).toBe(400);
    expect(bad.body).toMatch(/^cannot run hey -w .*: hey: flag provided but not defined: -w; hey, curl/);
  });

  it("a long hey ends with the service", async () => {
    await start({ env: SANDBOXED });
    await task({ cmd: `hey -z 1h -q 50 -c 2 ${targetUrl}/` });
    await until("load arrives", () => hits.length > 2);
    await tester.stop();
    expect(lines.at(-1)).toMatch(/^error command failed hey -z 1h .* signal: killed \nSummary:/s);
  });

  it("the smoke test of Flagger's documentation works", async () => {
    await start({ env: SANDBOXED });
    const cmd = `curl -sd 'test' ${targetUrl}/token | grep token`;
    expect(await task({ type: "bash", cmd, returnCmdOutput: "true" })).toEqual({
      status: 200,
      body: '  "token": "abc"\n',
    });
    expect(hits).toEqual([{ method: "POST", url: "/token", body: "test" }]);
    const failing = `curl -s ${targetUrl}/ | grep -q token`;
    expect(await task({ type: "bash", cmd: failing })).toEqual({
      status: 500,
      body: `command ${failing} failed: : exit status 1`,
    });
  });

  it("a shell still runs what needs no host names, and the rest is refused with the reason", async () => {
    await start({ env: SANDBOXED });
    const echo = await task({ type: "bash", cmd: "X=1; echo $((X + 1))", returnCmdOutput: "true" });
    expect(echo).toEqual({ status: 200, body: "2\n" });
    const list = await task({ cmd: "sleep 1 && hey http://podinfo.test/" });
    expect(list).toMatchObject({ status: 400 });
    expect(list.body).toContain("hey cannot resolve the sandbox's host names, and a list (&& or &) needs a real shell");
    const wrapped = await task({ type: "bash", cmd: `bash -c "wrk -t2 http://podinfo.test/"` });
    expect(wrapped).toMatchObject({ status: 500, body: expect.stringContaining("wrk cannot resolve the sandbox's") });
  });

  it("programs of the machine reach the sandbox's hosts through a proxy", async () => {
    const { hostname, port } = new URL(targetUrl);
    const lookup: LookupFunction = (_name, options, done) => {
      done(null, options.all === true ? [{ address: hostname, family: 4 }] : hostname, 4);
    };
    const dispatcher = new Agent({ connect: { lookup } });
    await start({ env: SANDBOXED, dispatcher });
    const script =
      `const { request } = require("node:http"); const proxy = new URL(process.env.http_proxy); ` +
      `const options = { host: proxy.hostname, port: proxy.port, method: "POST", path: process.argv[1] }; ` +
      `request(options, (answer) => answer.pipe(process.stdout)).end("from afar");`;
    const cmd = `${process.execPath} -e '${script}' http://podinfo-canary.test:${port}/token && echo done`;
    const reply = await task({ type: "bash", cmd, returnCmdOutput: "true" });
    expect(reply).toEqual({ status: 200, body: '{\n  "token": "abc"\n}\ndone\n' });
    expect(hits).toEqual([{ method: "POST", url: "/token", body: "from afar" }]);
    await tester.stop();
    await dispatcher.close();
  });
});

function readable(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    // A killed process whose parent has not waited for it yet is a zombie: state Z.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
