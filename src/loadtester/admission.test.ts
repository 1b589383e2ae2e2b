/**
 * Who may call the load tester, over real HTTP: web pages, clients without a token, holders of the token, operators
 * that sign.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callWebhook } from "../gates/call.ts";
import { signatureOf } from "../net/signature.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { redacted } from "./redact.ts";
import { type Loadtester, type LoadtesterOptions, startLoadtester } from "./server.ts";

let tester: Loadtester;
let lines: string[];
let folder: string;

async function start(options: Partial<LoadtesterOptions> = {}): Promise<void> {
  lines = [];
  const note = (_fields: object, message: string) => void lines.push(message);
  const log = { ...SILENT_LOG, info: note, warn: note, error: note };
  tester = await startLoadtester({ host: "127.0.0.1", port: 0, log, clock: systemClock, ...options });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "admission-"));
});

afterEach(async () => {
  await tester.stop();
  rmSync(folder, { recursive: true });
});

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly namespace?: string;
}

/** Node's own client, because fetch sets some headers itself and forbids others. */
function post({ path = "/gate/open", headers = {}, metadata, namespace = "test" }: Sent = {}) {
  const body = JSON.stringify({ name: "podinfo", namespace, metadata });
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const sending = request(`${tester.url}${path}`, { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

const TOKEN = "0123456789abcdef";
const bash = (cmd: string) => ({ type: "bash", cmd, returnCmdOutput: "true" });

describe("a load tester", () => {
  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ["a page of another site", { origin: "https://evil.example", "content-type": "text/plain" }, 403],
    ["a page in a sandboxed frame", { origin: "null" }, 403],
    ["a page whose name was bound to this address", { host: "rebind.evil.example:8080" }, 403],
    ["a page, as browsers say", { "sec-fetch-site": "cross-site", "content-type": "application/json" }, 403],
    ["a form of a page", { "content-type": "multipart/form-data; boundary=x" }, 415],
    ["a page's plain text", { "content-type": "text/plain" }, 415],
    ["Flagger", { "content-type": "application/json" }, 202],
    ["Flagger, by the name of the Service", { host: "flagger-loadtester.test" }, 202],
    ["Flagger, by the whole name", { host: "flagger-loadtester.test.svc.cluster.local:80" }, 202],
    ["curl -d", { "content-type": "application/x-www-form-urlencoded" }, 202],
    ["a person in a browser's address line", { "sec-fetch-site": "none" }, 202],
  ])("without a token answers %s with its status", async (_, headers, status) => {
    await start();
    expect((await post({ headers })).status).toBe(status);
    expect((await post({ headers, path: "/", metadata: bash("id") })).status).toBe(status === 202 ? 200 : status);
  });

  it("with a token runs no command and opens no gate for a caller without it", async () => {
    await start({ token: TOKEN });
    const strangers = [
      {},
      { authorization: "Bearer wrong" },
      { authorization: "Bearer " },
      { authorization: `Basic ${btoa("user:wrong")}` },
      { authorization: `Basic ${btoa(":")}` },
      { authorization: TOKEN },
      { "x-aviary-signature": "t=1,v1=0" },
    ];
    for (const headers of strangers) {
      for (const path of ["/", "/gate/open", "/gate/check", "/rollback/open"]) {
        expect((await post({ path, headers, metadata: bash("echo SHELL") })).status).toBe(401);
      }
    }
    for (const path of ["/healthz", "/gate/approve"]) expect((await post({ path })).status).toBe(200);
    expect(lines.join()).not.toContain(TOKEN);
  });

  it("accepts the token in every form of the header", async () => {
    await start({ token: TOKEN });
    for (const authorization of [`Bearer ${TOKEN}`, `Basic ${btoa(`:${TOKEN}`)}`, `Basic ${btoa(`${TOKEN}:x`)}`]) {
      expect((await post({ headers: { authorization, host: "rebind.evil.example" } })).status).toBe(202);
    }
    const ports = { clock: systemClock, signal: new AbortController().signal };
    const payload = { name: "podinfo", namespace: "test", phase: "Progressing", checksum: "1" };
    const hook = { name: "gate", url: `${tester.url}/gate/check?x=1` };
    expect(await callWebhook(hook, payload, { ...ports, key: TOKEN })).toEqual({ kind: "passed" });
    expect(await callWebhook(hook, payload, { ...ports, key: "another" })).toMatchObject({ kind: "refused" });
    expect(await callWebhook(hook, payload, ports)).toMatchObject({ kind: "refused" });
    const named = { ...hook, url: hook.url.replace("http://", `http://:${TOKEN}@`) };
    expect(await callWebhook(named, payload, ports)).toEqual({ kind: "passed" });
  });

  it("accepts a signature for the signed request only, and for a limited time", async () => {
    await start({ token: TOKEN });
    const { host } = new URL(tester.url);
    const body = JSON.stringify({ name: "podinfo", namespace: "test" });
    const signed = { host, path: "/gate/check", body };
    const sign = (change: object, at = Date.now()) => {
      return { headers: { "x-aviary-signature": signatureOf(TOKEN, { ...signed, ...change }, at) } };
    };
    expect((await post({ path: "/gate/check", ...sign({}) })).status).toBe(403);
    expect((await post({ path: "/gate/open", ...sign({}) })).status).toBe(401);
    expect((await post({ path: "/gate/check", ...sign({ host: "other.test" }) })).status).toBe(401);
    expect((await post({ path: "/gate/check", namespace: "other", ...sign({}) })).status).toBe(401);
    expect((await post({ path: "/gate/check", ...sign({}, Date.now() - 301_000) })).status).toBe(401);
  });

  it("matches the whole name of a namespace when the flag says so", async () => {
    await start({ namespaceRegexp: "prod" });
    expect((await post({ namespace: "not-prod-at-all" })).status).toBe(202);
    await tester.stop();
    await start({ namespaceRegexp: "prod|staging", namespaceRegexpFull: true });
    expect((await post({ namespace: "not-prod-at-all" })).status).toBe(403);
    expect((await post({ namespace: "staging" })).status).toBe(202);
  });

  it("hides its environment from commands, except the needed and the named variables", async () => {
    const env = { PATH: process.env.PATH, HOME: "/h", SUPER_SECRET_ENV: "hunter2", NAMED: "1", LC_ALL: "C" };
    await start({ env, commandEnv: ["NAMED"] });
    const seen = await post({ path: "/", metadata: bash("env") });
    expect(seen.body).not.toContain("hunter2");
    for (const name of ["HOME=/h", "NAMED=1", "LC_ALL=C", "PATH="]) expect(seen.body).toContain(name);
    await tester.stop();
    await start({ env, commandEnv: ["*"] });
    expect((await post({ path: "/", metadata: bash("env") })).body).toContain("hunter2");
  });

  it("limits the awaited tasks at once, and refuses more with a message", async () => {
    await start({ maxAwaited: 2, graceMs: 0 });
    const running = [1, 2].map(() => {
      return post({ path: "/", metadata: bash(`echo > ${folder}/$$; exec sleep 60`) }).catch(() => undefined);
    });
    // The log line comes before the task counts: the files show that both commands run.
    await until("both run", () => readdirSync(folder).length === 2);
    const third = await post({ path: "/", metadata: bash("true") });
    expect(third).toEqual({ status: 429, body: "2 awaited tasks run already" });
    await tester.stop().then(() => Promise.all(running));
  });

  it("limits the tasks that wait to be started, and refuses more with a message", async () => {
    // The clock stands still: no task is started.
    await start({ clock: createManualClock(Date.now()) });
    const queued = (i: number) => post({ path: "/", metadata: { type: "cmd", cmd: `true ${i}` } });
    for (let i = 0; i < 200; i += 1) expect((await queued(i)).status).toBe(202);
    expect(await queued(200)).toEqual({ status: 429, body: "200 tasks wait or run already" });
  });

  it("ends a task whose caller has left", async () => {
    await start({ maxAwaited: 1 });
    const cmd = `echo > ${folder}/runs; exec sleep 60`;
    const body = JSON.stringify({ name: "p", namespace: "test", metadata: bash(cmd) });
    const caller = request(tester.url, { method: "POST" });
    caller.on("error", () => undefined);
    caller.end(body);
    await until("the task runs", () => readdirSync(folder).length === 1);
    caller.destroy();
    await until("the task ends", () => lines.some((line) => line.startsWith(`command failed ${cmd} signal: killed`)));
    expect((await post({ path: "/", metadata: bash("true") })).status).toBe(200);
  });

  it("writes no token of a command line into its log or its answer", async () => {
    await start();
    const cmd = "echo -H 'Authorization: Bearer TOPSECRET' http://u:TOPSECRET@h/ --token=TOPSECRET >/dev/null; false";
    const { body } = await post({ path: "/", metadata: bash(cmd) });
    expect(body).toContain("command echo -H 'Authorization: ***");
    expect(body + lines.join("\n")).not.toContain("TOPSECRET");
  });
});

describe("a command line", () => {
  it.each([
    ["curl -sH 'X-Api-Key: TOPSECRET' http://h/", "curl -sH 'X-Api-Key: ***' http://h/"],
    ["curl -u me:TOPSECRET http://h", "curl -u *** http://h"],
    ["helm test --password TOPSECRET x", "helm test --password *** x"],
    ["PGPASSWORD=TOPSECRET psql", "PGPASSWORD=*** psql"],
    ["hey 'http://h/?access_token=TOPSECRET&x=1'", "hey 'http://h/?access_token=***&x=1'"],
    ["hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/", "hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/"],
    [
      "curl -sd 'test' http://podinfo-canary:9898/token | grep token",
      "curl -sd 'test' http://podinfo-canary:9898/token | grep token",
    ],
  ])("%s is logged as %s", (command, shown) => expect(redacted(command)).toBe(shown));
});
