/** What strangers and tenants try at the console's port, over real HTTP. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { kubeconfigOf } from "../../test/chaos/burst.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../cli/cluster.ts";
import { hostOf } from "../cli/commands/console.ts";
import { readOptions } from "../cli/options.ts";
import { serveConsole } from "../cli/serve-console.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { type StubCluster, startStubCluster } from "../testing/stub-cluster.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { createAccess, type User } from "./access.ts";
import type { Mode } from "./types.ts";

let folder: string;
let cluster: StubCluster;
/** "METHOD path" of what the console asks of the API server. */
let asked: string[];
let stopped: AbortController;
let url: string;
let stop: () => Promise<void>;
let viewers: () => number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "console-attacks-"));
  asked = [];
  cluster = await startStubCluster({
    intercept(method, path) {
      asked.push(`${method} ${path}`);
      if (path.endsWith("/selfsubjectreviews"))
        return { code: 201, body: { status: { userInfo: { username: "me" } } } };
      return path.endsWith("accessreviews") ? { code: 201, body: { status: { allowed: true } } } : undefined;
    },
  });
  stopped = new AbortController();
});

afterEach(async () => {
  stopped.abort(new Error("the test is over"));
  await stop();
  await cluster.close();
  rmSync(folder, { recursive: true });
});

async function start(mode: Mode, host = "127.0.0.1"): Promise<string> {
  writeFileSync(join(folder, "kubeconfig"), kubeconfigOf(cluster.url));
  writeFileSync(join(folder, "index.html"), "<html><head></head></html>");
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const where = { mode, host, port: 0, basePath: "/", pages: folder };
  const served = await serveConsole(client, where, stopped.signal);
  ({ url, stop, viewers } = served);
  return served.link;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** node:http, because fetch changes paths and sends no Host header. */
function send(path: string, { method = "GET", headers = {}, body = "" }: Sent = {}) {
  return new Promise<{ readonly status: number; readonly text: string; readonly cookie: string }>((resolve, reject) => {
    const sent = request({ ...at(), path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      const cookie = String(response.headers["set-cookie"]).split(";")[0] ?? "";
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text, cookie }));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

const at = () => {
  const { hostname, port } = new URL(url);
  return { hostname, port };
};

/** Starts the console of a laptop. @returns the cookie of its person */
async function signIn(): Promise<string> {
  const { searchParams } = new URL(await start("local"));
  const { cookie } = await send(`/login?token=${searchParams.get("token")}`);
  return cookie;
}

describe("names in addresses", () => {
  it.each([
    "/api/v1/runs/test/..%2f..%2f..%2f..%2f..%2fapi%2fv1%2fnamespaces%2fkube-system%2fsecrets%2fkey",
    "/api/v1/runs/test/run%3Fwatch%3Dtrue",
    "/api/v1/runs/test/run%2Fstatus",
    "/api/v1/runs/..%2f..%2f..%2fapi%2fv1/x",
    "/api/v1/canaries/test/..%2f..%2fsecrets",
    "/api/v1/runs/test/a%00b",
    "/api/v1/runs?namespace=..%2fkube-system",
    `/api/v1/rights?namespace=${"x".repeat(20_000)}`,
  ])("lead to no other object of the API server: %s", async (path) => {
    await start("none");
    asked.length = 0;
    const { status } = await send(path);
    // The caches of all Canaries and releases may be filled meanwhile.
    const others = asked.filter((line) => !/^GET \/apis\/[\w.]+\/\w+\/(canaries|canaryruns)\?/.test(line));
    expect([status, others]).toEqual([400, []]);
  });

  it("of a freeze cannot end all freezes of its namespace", async () => {
    const cookie = await signIn();
    asked.length = 0;
    const headers = { cookie, "content-type": "application/json" };
    const { status } = await send("/api/v1/freezes/test/%3F/thaw", { method: "POST", headers, body: "{}" });
    expect([status, asked.filter((line) => line.startsWith("DELETE"))]).toEqual([400, []]);
  });

  it.each([
    "/../../../../etc/passwd.js",
    "/%2e%2e/%2e%2e/etc/hosts.js",
    "/assets/..%2f..%2f..%2fpackage.json",
    "//etc/hosts.js",
    "/embed/../../kubeconfig.js",
  ])("lead to no file outside of the pages: %s", async (path) => {
    await start("none");
    const { status, text } = await send(path);
    expect([status, text]).toEqual([404, "no such file\n"]);
  });
});

describe("a page of a stranger in the browser of a person", () => {
  it("whose name was bound to this machine reads nothing, also when the console asks for no sign-in", async () => {
    await start("none");
    const { status, text } = await send("/api/v1/canaries", { headers: { host: "evil.example:8080" } });
    expect([status, text]).toEqual([403, '{"error":"the host name evil.example is not served"}']);
    expect((await send("/api/v1/canaries")).status).toBe(200);
  });

  it.each<readonly [string, Readonly<Record<string, string>>]>([
    ["another site", { origin: "http://evil.example" }],
    ["no origin, as of a file or a sandboxed frame", { origin: "null" }],
    ["the same host at another port", { origin: "http://127.0.0.1:1" }],
    ["another site, as browsers say", { "sec-fetch-site": "cross-site" }],
    ["a neighbouring host, as browsers say", { "sec-fetch-site": "same-site" }],
  ])("of %s does nothing in the person's name", async (_, headers) => {
    await start("token");
    const asJson = { "content-type": "application/json", ...headers };
    for (const path of ["/api/v1/login", "/api/v1/logout", "/api/v1/freezes/test"]) {
      expect((await send(path, { method: "POST", headers: asJson, body: '{"token":"x"}' })).status).toBe(403);
    }
  });
});

it("a person whose name looks like another's name and group gets no answer about the other's rights", async () => {
  await start("none");
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const { refusal } = createAccess("proxy", client, systemClock);
  const may = (user: User) => refusal(user, "get", "canaries", "test", "x", stopped.signal);
  asked.length = 0;
  await may({ name: "a b", groups: ["c"] });
  await may({ name: "a", groups: ["b c"] });
  await may({ name: "a", groups: ["b", "c"] });
  await may({ name: "a", groups: ["b,c"] });
  expect(asked.filter((line) => line.endsWith("/subjectaccessreviews"))).toHaveLength(4);
});

describe("large and many requests", () => {
  it("of strangers are not read to their end, at any address", async () => {
    await start("token");
    const body = `{"token":"${"x".repeat(200_000)}"}`;
    for (const path of ["/api/v1/login", "/api/v1/logout", "/anything"]) {
      const headers = { "content-type": "application/json", "content-length": String(body.length) };
      const { status } = await send(path, { method: "POST", headers, body });
      expect([path, status]).toEqual([path, 413]);
    }
  });

  it("a person follows fifty streams, and takes no place from another one", async () => {
    const cookie = await signIn();
    const open: ClientRequest[] = [];
    const follow = () => {
      const stream = request({ ...at(), path: "/api/v1/stream", headers: { cookie }, agent: false }, (response) => {
        response.resume();
      });
      stream.on("error", () => undefined).end();
      open.push(stream);
    };
    for (let i = 0; i < 50; i += 1) follow();
    await until("all are followed", () => viewers() === 50);
    const refused = await send("/api/v1/stream", { headers: { cookie } });
    expect([refused.status, refused.text]).toEqual([429, '{"error":"too many pages follow the stream: close some"}']);
    open.pop()?.destroy();
    await until("one place is free", () => viewers() === 49);
    follow();
    await until("it is taken", () => viewers() === 50);
    for (const stream of open) stream.destroy();
  });

  it("for the findings of the whole cluster cost one look, when they come together", async () => {
    await start("none");
    const looks = () => asked.filter((line) => line.startsWith("GET") && !line.includes("watch=true")).length;
    asked.length = 0;
    await send("/api/v1/checks");
    const once = looks();
    expect(once).toBeGreaterThan(2);
    asked.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => send("/api/v1/checks")));
    // An answer is kept for five seconds, which may end on a busy machine.
    expect(looks()).toBeLessThanOrEqual(2 * once);
  });
});

it("text of a tenant is no markup in a badge", async () => {
  const spec = { targetRef: { kind: "Deployment", name: "x" }, service: { port: 80 } };
  const status = { phase: '"/><script>alert(1)</script>' };
  cluster.put(RESOURCES.canary, { metadata: { namespace: "test", name: "x" }, spec, status });
  await start("none");
  const { text } = await send("/badge/test/x.svg");
  expect(text).toContain("&#60;script&#62;");
  expect(text).not.toContain("<script");
});

describe("what a tenant writes", () => {
  const MiB = 2 ** 20;
  const TURNED = "\u202e\u2066\u0000\u001b[2J";
  const spec = { targetRef: { kind: "Deployment", name: "x" }, service: { port: 80 } };

  it.each<readonly [string, object]>([
    ["a pause until a time that is none", { phase: "Progressing", aviary: { paused: { by: {}, until: "never" } } }],
    ["a pause that is a text", { phase: "Progressing", aviary: { paused: "x", step: "y", run: 7 } }],
    ["a cause without a check", { phase: "Failed", aviary: { cause: { kind: "primary-checks" } } }],
    ["a cause of no kind", { phase: "Succeeded", aviary: { cause: { kind: {}, failure: null } } }],
    ["numbers that are texts", { phase: ["x"], canaryWeight: "x", iterations: {}, conditions: [null] }],
  ])("%s takes nothing from the lists and pages of all others", async (_, status) => {
    cluster.put(RESOURCES.canary, { metadata: { namespace: "evil", name: "x" }, spec, status });
    cluster.put(RESOURCES.canary, {
      metadata: { namespace: "test", name: "y" },
      spec,
      status: { phase: "Initialized" },
    });
    await start("none");
    const list = await send("/api/v1/canaries");
    const rows: readonly { readonly name: string }[] = JSON.parse(list.text).rows;
    expect([list.status, rows.map(({ name }) => name).sort()]).toEqual([200, ["x", "y"]]);
    expect((await send("/api/v1/canaries/evil/x")).status).toBe(200);
    expect((await send("/api/v1/canaries/test/y")).status).toBe(200);
  });

  it("is cut and has no character that turns a page, in each field of each answer, at any length", async () => {
    const text = `${TURNED}${"x".repeat(10 * MiB)}`;
    const webhooks = Array.from({ length: 50 }, () => ({ name: text.slice(0, MiB / 8), type: "confirm-promotion" }));
    const aviary = { cause: { kind: "deadline", of: "canary", detail: text, step: 1, steps: 2, weight: 3 } };
    const metadata = { namespace: "test", name: "x" };
    const waiting = { phase: "WaitingPromotion", aviary: { paused: { by: text, at: 1, reason: text } } };
    cluster.put(RESOURCES.canary, { metadata, spec: { ...spec, analysis: { webhooks } }, status: waiting });
    cluster.put(RESOURCES.canary, { metadata: { ...metadata, name: "y" }, spec, status: { phase: "Failed", aviary } });
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${TURNED}${i}`, TURNED]));
    cluster.put(STEERING.run, {
      metadata: { ...metadata, labels: { "aviary.flagger.app/canary": "x" } },
      spec: { canary: "x", images: many, previousImages: many, changedConfigs: Object.keys(many), revision: text },
      status: { verdict: text, sentence: text, people: [{ by: text }, null], checks: [null, { check: text }] },
    });
    await start("none");
    for (const path of [
      "canaries",
      "canaries/test/x",
      "canaries/test/y",
      "runs",
      "runs/test/x",
      "insights",
      "freezes",
    ]) {
      const { status, text: answer } = await send(`/api/v1/${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect([path, answer.length < 500_000]).toEqual([path, true]);
      expect([path, /\\u0000|\\u001b|\u202e|\u2066/.test(answer)]).toEqual([path, false]);
    }
  });
});

describe("the address of a console", () => {
  const pod = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  beforeEach(() => {
    stop = async () => undefined;
  });

  it.each<readonly [string | undefined, Mode, Readonly<Record<string, string>>, string]>([
    [undefined, "local", {}, "127.0.0.1"],
    [undefined, "local", pod, "127.0.0.1"],
    ["::1", "local", {}, "::1"],
    [undefined, "token", {}, "127.0.0.1"],
    [undefined, "none", {}, "127.0.0.1"],
    [undefined, "token", pod, "0.0.0.0"],
    [undefined, "token", { ...pod, AVIARY_LISTEN_ADDRESS: "10.1.2.3" }, "10.1.2.3"],
    ["0.0.0.0", "token", {}, "0.0.0.0"],
  ])("--host %s, --auth %s, environment %j: it is %4$s", (named, mode, env, host) => {
    expect(hostOf(named, mode, env)).toBe(host);
  });

  it("with a person's own rights is on this machine, and the command line cannot change it", () => {
    expect(() => hostOf("0.0.0.0", "local", {})).toThrow("--auth local acts with your own rights");
  });
});
