/**
 * Random and hostile HTTP to every port: the operator's, the load tester's, the console's and the API server's of the
 * sandbox. A port answers with a status, or closes the connection; afterwards a good request gets a good answer. No
 * answer holds a token, and none says 500. `FUZZ_HTTP=20000 npx vitest run test/fuzz/http.test.ts` is the long run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { startApiServer } from "../../sandbox/api-server/index.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../../src/cli/cluster.ts";
import { readOptions } from "../../src/cli/options.ts";
import { createAccess } from "../../src/console/access.ts";
import { createSeal } from "../../src/console/sealed.ts";
import { createSeries } from "../../src/console/series.ts";
import { startConsole } from "../../src/console/server.ts";
import { createSessions } from "../../src/console/sessions.ts";
import { crds } from "../../src/crd/index.ts";
import { createClusterCache } from "../../src/kube/cluster-cache.ts";
import { startLoadtester } from "../../src/loadtester/server.ts";
import { serveOperatorHttp } from "../../src/operator/process/http.ts";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import { STEERING } from "../../src/ports/steering.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { tally } from "./tally.ts";

const RUNS = Number(process.env["FUZZ_HTTP"] ?? "150");
const SEED = Number(process.env["FUZZ_SEED"] ?? "1");
const HANG_MS = 30_000;
const LOADTESTER_TOKEN = "L0ADT3ST3R-T0K3N-0F-32-CHARACT3RS";

interface Port {
  readonly port: number;
  readonly tls?: true;
  /** A request that must always be answered so. */
  readonly good: string;
  readonly answer: RegExp;
  readonly secrets: readonly string[];
  /** Goes along with some of the requests. */
  readonly bearer?: string;
}

const undo: (() => Promise<unknown> | unknown)[] = [];
const ports = new Map<string, Port>();
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${more}connection: close\r\n\r\n`;

beforeAll(async () => {
  const operator = await serveOperatorHttp({ port: 0, host: "127.0.0.1", registry: new Registry(), ready: () => true });
  undo.push(() => operator.stop(0));
  ports.set("the operator", { port: operator.port, good: get("/healthz"), answer: /^HTTP\/1.1 200/, secrets: [] });

  const loadtester = await startLoadtester({
    ...{ host: "127.0.0.1", port: 0, log: SILENT_LOG, clock: systemClock, token: LOADTESTER_TOKEN },
  });
  undo.push(() => loadtester.stop());
  ports.set("the load tester", {
    ...{ port: loadtester.port, good: get("/healthz"), answer: /^HTTP\/1.1 200/, secrets: [LOADTESTER_TOKEN] },
  });

  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  const server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  const authorization = `authorization: Bearer ${server.token}\r\n`;
  ports.set("the API server of the sandbox", {
    ...{ port: Number(new URL(server.url).port), tls: true, good: get("/version", authorization) },
    ...{ answer: /^HTTP\/1.1 200/, secrets: [server.token], bearer: server.token },
  });

  const folder = mkdtempSync(join(tmpdir(), "fuzz-http-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<html></html>");
  writeFileSync(join(folder, "kubeconfig"), server.kubeconfig);
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const stopped = new AbortController();
  undo.push(() => stopped.abort());
  const world = { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
  const cache = createClusterCache(world, stopped.signal);
  const access = createAccess("local", client, systemClock);
  const running = await startConsole({
    ...{ client, access, canaries: cache.track(RESOURCES.canary), runs: cache.track(STEERING.run) },
    series: createSeries(undefined, systemClock, client.kube.get),
    sessions: createSessions({ seal: createSeal("test".repeat(8)), clock: systemClock, isSecure: false }),
    ...{ signal: stopped.signal, clock: systemClock, host: "127.0.0.1", port: 0, pages: folder, basePath: "/" },
  });
  undo.push(() => running.stop());
  const secrets = [server.token, access.oneTimeToken ?? ""].filter((one) => one !== "");
  const host = `host: ${new URL(running.url).host}\r\n`;
  ports.set("the console", {
    ...{ port: Number(new URL(running.url).port), good: `GET /api/v1/me HTTP/1.1\r\n${host}connection: close\r\n\r\n` },
    ...{ answer: /^HTTP\/1.1 40[13]/, secrets },
  });
});

afterAll(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

/**
 * The first part of the answer; empty when the connection was closed without one.
 * @throws Error for a port that hangs
 */
function send({ port, tls }: Port, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = tls
      ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
      : connect(port, "127.0.0.1");
    const hang = setTimeout(
      () => end(new Error(`no answer to ${JSON.stringify(bytes.toString("latin1").slice(0, 500))}`)),
      HANG_MS,
    );
    let text = "";
    const end = (error?: Error) => {
      clearTimeout(hang);
      socket.destroy();
      if (error === undefined) resolve(text);
      else reject(error);
    };
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      // Watches and streams have no end.
      if (text.includes("\r\n\r\n")) end();
    });
    socket.on("end", () => end());
    socket.on("error", () => end());
    socket.end(bytes);
  });
}

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom("", "..", "%2e%2e", "%00", "__proto__", "x".repeat(9_000), "💥"),
);
const segment = fc.oneof(
  text.map(encodeURI),
  text,
  fc.constantFrom(
    "api",
    "apis",
    "v1",
    "namespaces",
    "test",
    "canaries",
    "flagger.app",
    "v1beta1",
    "status",
    "pods",
    "secrets",
  ),
  fc.constantFrom(
    "gate",
    "open",
    "rollback",
    "metrics",
    "login",
    "events",
    "assets",
    "log",
    "scale",
    "apps",
    "deployments",
  ),
);
const query = fc.dictionary(
  fc.constantFrom(
    "watch",
    "limit",
    "continue",
    "resourceVersion",
    "fieldSelector",
    "labelSelector",
    "token",
    "timeoutSeconds",
    "dryRun",
  ),
  fc.oneof(text, fc.constantFrom("true", "-1", "1e9", "a=b,c!=d", "metadata.name=x")),
);
const path = fc
  .tuple(fc.array(segment, { maxLength: 7 }), query)
  .map(([parts, fields]) => `/${parts.join("/")}?${new URLSearchParams(fields)}`);
const header = fc.tuple(
  fc.constantFrom(
    "host",
    "origin",
    "content-type",
    "accept",
    "authorization",
    "cookie",
    "x-real-ip",
    "expect",
    "range",
    "impersonate-user",
  ),
  fc.oneof(
    text,
    fc.constantFrom(
      "application/json",
      "application/merge-patch+json",
      "application/json-patch+json",
      "application/apply-patch+yaml",
    ),
    fc.constantFrom("application/json;as=Table;v=v1;g=meta.k8s.io", "text/plain", "Bearer x", "100-continue", "*/*"),
  ),
);
const body = fc.oneof(
  fc.constant(""),
  text,
  fc.json({ maxDepth: 4 }),
  fc.integer({ min: 1, max: 3_000 }).map((depth) => "[".repeat(depth)),
  fc
    .record({ apiVersion: text, kind: text, metadata: fc.jsonValue({ maxDepth: 2 }), spec: fc.jsonValue() })
    .map((o) => JSON.stringify(o)),
);
const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X");

/** A request that is whole, with a body of the length that it says. */
const whole = fc
  .tuple(method, path, fc.array(header, { maxLength: 5 }), body, fc.boolean())
  .map(([verb, where, headers, content, proven]) => (bearer: string | undefined) => {
    const lines = [...headers.map(([name, value]) => `${name}: ${value}`)];
    if (proven && bearer !== undefined) lines.push(`authorization: Bearer ${bearer}`);
    const bytes = Buffer.from(content);
    const head = [
      `${verb} ${where} HTTP/1.1`,
      ...lines,
      `content-length: ${bytes.length}`,
      "connection: close",
      "",
      "",
    ];
    return Buffer.concat([Buffer.from(head.join("\r\n")), bytes]);
  });
/** What is no request. */
const broken = fc
  .oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(method, text, text)
      .map(([verb, where, rest]) => Buffer.from(`${verb} ${where} HTTP/1.1\r\n${rest}\r\n\r\n`)),
    fc
      .constantFrom(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000000\r\n\r\n{",
        `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(5_000)}\r\n`,
      )
      .map((one) => Buffer.from(one)),
  )
  .map((bytes) => () => bytes);

const PORTS = ["the operator", "the load tester", "the console", "the API server of the sandbox"] as const;
const counts = new Map<string, ReturnType<typeof tally>>(PORTS.map((name) => [name, tally(`HTTP to ${name}`)]));

it.each(PORTS)("%s answers or closes, and serves the next one", { timeout: 120_000 + RUNS * 200 }, async (name) => {
  const port = ports.get(name);
  if (port === undefined) throw new Error(name);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 3, arbitrary: whole }, broken), { minLength: 10, maxLength: 10 }),
      async (requests) => {
        const answers = await Promise.all(requests.map((make) => send(port, make(port.bearer))));
        counts.get(name)?.add(requests.length);
        for (const [i, answer] of answers.entries()) {
          const said = `${requests[i]?.(port.bearer).toString("latin1").slice(0, 600)} -> ${answer.slice(0, 400)}`;
          expect(
            port.secrets.some((secret) => answer.includes(secret)),
            said,
          ).toBe(false);
          expect(/^(?:$|HTTP\/1\.[01] [1-5]\d\d)/.test(answer), said).toBe(true);
          expect(/^HTTP\/1\.[01] 500/.test(answer), said).toBe(false);
        }
        expect(await send(port, Buffer.from(port.good))).toMatch(port.answer);
      },
    ),
    { numRuns: Math.ceil(RUNS / 10), seed: SEED, endOnFailure: true },
  );
});
