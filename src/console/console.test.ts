/** The console's server over real HTTP, on the sandbox's API server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import { canaryRun, freeze } from "../../test/e2e/console/objects.ts";
import { CLUSTER_OPTIONS, connectCluster, watchPorts } from "../cli/cluster.ts";
import { readOptions } from "../cli/options.ts";
import { crds } from "../crd/index.ts";
import { createClusterCache } from "../kube/cluster-cache.ts";
import { type KubeFields, RESOURCES } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { systemClock } from "../time/system-clock.ts";
import { createAccess } from "./access.ts";
import { faultsOf } from "./described.ts";
import { OPERATIONS } from "./openapi.ts";
import { KEPT } from "./records.ts";
import { ROUTES } from "./routes.ts";
import { createSeal } from "./sealed.ts";
import { createSeries } from "./series.ts";
import { type RunningConsole, startConsole } from "./server.ts";
import { createSessions } from "./sessions.ts";
import type { Mode } from "./types.ts";

let folder: string;
let server: ApiServer;
/** Every read of all Canaries or CanaryRuns that the API server answered, watches included. */
let lists: string[];
const undo: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "console-"));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  lists = [];
  server = await startApiServer({ addresses, onRequest: ({ method, url }) => noteList(method, url) });
  undo.push(() => server.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  for (const name of ["test", "other"]) {
    server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), '<html><head></head><script src="./assets/a.js"></script></html>');
  writeFileSync(join(folder, "assets/a.js"), "1");
  writeFileSync(join(folder, "kubeconfig"), server.kubeconfig);
});
afterEach(async () => {
  for (const step of undo.reverse().splice(0)) await step();
  rmSync(folder, { recursive: true });
});

function noteList(method: string, url: string): void {
  if (method === "GET" && /\/(canaries|canaryruns)(\?|$)/.test(url)) lists.push(url);
}

function canary(name: string, namespace = "test", status: KubeFields = {}): void {
  const spec = {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
    service: { port: 80 },
    analysis: { interval: "10s", threshold: 5, maxWeight: 50, stepWeight: 10 },
  };
  const object = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name, namespace }, spec };
  const made = server.cluster.create(RESOURCES.canary, object);
  server.cluster.updateStatus(RESOURCES.canary, {
    ...made,
    status: { phase: "Progressing", canaryWeight: 20, failedChecks: 1, ...status },
  });
}

async function start(
  mode: Mode,
  basePath = "/",
  clock = systemClock,
): Promise<{ running: RunningConsole; token: string | undefined }> {
  const stopped = new AbortController();
  undo.push(() => stopped.abort());
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const cache = createClusterCache(watchPorts(client), stopped.signal, KEPT);
  const canaries = cache.track(RESOURCES.canary);
  const runs = cache.track(STEERING.run);
  await canaries.synced;
  const access = createAccess(mode, client, systemClock);
  const running = await startConsole({
    ...{ client, access, canaries, runs, series: createSeries(undefined, systemClock, client.kube.get) },
    sessions: createSessions({ seal: createSeal("test".repeat(8)), clock: systemClock, isSecure: false }),
    ...{ signal: stopped.signal, clock },
    ...{ host: "127.0.0.1", port: 0, pages: folder, basePath },
  });
  undo.push(() => running.stop());
  return { running, token: access.oneTimeToken };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** node:http, because fetch may not send a Host header. */
function ask(url: string, headers: Readonly<Record<string, string>> = {}, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asked.once("error", reject);
    asked.end(body);
  });
}

async function signedIn(basePath = "/") {
  const { running, token } = await start("local", basePath);
  const login = await ask(`${running.url}login?token=${token}`);
  const cookie = String(login.headers["set-cookie"]).split(";")[0] ?? "";
  return { url: running.url, cookie, token };
}

describe("a console on a laptop", () => {
  it("gives the cookie to the first caller of the link, and to no later one", async () => {
    const { url, cookie, token } = await signedIn();
    expect(cookie).toMatch(new RegExp(`^aviary-console-${new URL(url).port}=.{20,}$`));
    expect((await ask(`${url}login?token=${token}`)).status).toBe(401);
    expect((await ask(`${url}login?token=x`)).status).toBe(401);
  });

  it("signs no person out of another console on the same machine: browsers keep cookies by host, and not by port", async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    const cookie = `${one.cookie}; ${other.cookie}`;
    for (const { url } of [one, other]) expect((await ask(`${url}api/v1/me`, { cookie })).status).toBe(200);
    expect(one.cookie.split("=")[0]).not.toBe(other.cookie.split("=")[0]);
  });

  it("answers no API request without the cookie", async () => {
    const { url } = await signedIn();
    for (const { path, method } of ROUTES) {
      const address = `${url.slice(0, -1)}${path.replace(":namespace", "test").replace(":name", "podinfo")}`;
      const reply = await ask(address, { "content-type": "application/json" }, method === "POST" ? "{}" : undefined);
      expect([path, reply.status]).toEqual([path, 401]);
    }
    expect((await ask(`${url}api/v1/stream`)).status).toBe(401);
  });

  it("refuses host names that are not its own, so that no foreign page can make a name point here", async () => {
    const { url, cookie } = await signedIn();
    const reply = await ask(`${url}api/v1/me`, { cookie, host: "evil.example:80" });
    expect([reply.status, reply.text]).toEqual([403, expect.stringContaining("evil.example")]);
  });

  it("refuses actions that another site sends", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const to = `${url}api/v1/canaries/test/podinfo/actions`;
    const json = { cookie, "content-type": "application/json" };
    expect((await ask(to, { ...json, origin: "https://evil.example" }, '{"verb":"abort"}')).status).toBe(403);
    expect((await ask(to, { ...json, "sec-fetch-site": "cross-site" }, '{"verb":"abort"}')).status).toBe(403);
    expect((await ask(to, { cookie, "content-type": "text/plain" }, '{"verb":"abort"}')).status).toBe(415);
    expect(server.cluster.list(STEERING.action)).toEqual([]);
  });

  it("sends the headers that keep a browser honest, also with errors", async () => {
    const { url } = await signedIn();
    for (const path of ["", "api/v1/me", "assets/none.js"]) {
      const { headers } = await ask(url + path);
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
  });

  it("lists canaries with their sentence", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const { rows } = JSON.parse((await ask(`${url}api/v1/canaries`, { cookie })).text);
    expect(rows).toMatchObject([
      {
        name: "podinfo",
        namespace: "test",
        weight: 20,
        step: 2,
        steps: 5,
        running: true,
        what: "step 2 of 5 (20 %), 1 of 5 failed checks",
      },
    ]);
  });

  it("lists canaries by namespace and name, each on a line of its own, in an answer that is JSON", async () => {
    for (const [name, namespace] of [
      ["web", "test"],
      ["api", "test"],
      ["web", "other"],
    ] as const)
      canary(name, namespace);
    const { url, cookie } = await signedIn();
    const { text, headers } = await ask(`${url}api/v1/canaries`, { cookie });
    expect(headers["content-type"]).toBe("application/json");
    expect(text.split("\n")).toEqual([
      '{"rows":[',
      expect.stringMatching(/^\{"namespace":"other","name":"web",.*\},$/),
      expect.stringMatching(/^\{"namespace":"test","name":"api",.*\},$/),
      expect.stringMatching(/^\{"namespace":"test","name":"web",.*\}$/),
      expect.stringMatching(/^\],"hidden":0,"at":"[^"]+"\}$/),
    ]);
    expect(JSON.parse(text).rows).toHaveLength(3);
  });

  it("shows one canary with its plan and with what each verb would do", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const view = JSON.parse((await ask(`${url}api/v1/canaries/test/podinfo`, { cookie })).text);
    expect(view.plan.map(({ weight }: KubeFields) => weight)).toEqual([10, 20, 30, 40, 50]);
    expect(view.verbs.find(({ verb }: KubeFields) => verb === "promote")).toMatchObject({
      effect: expect.stringContaining("20 % -> 30 %"),
    });
    expect(view.verbs.find(({ verb }: KubeFields) => verb === "retry").refusal).toContain("only a release that failed");
    expect((await ask(`${url}api/v1/canaries/test/nothing`, { cookie })).status).toBe(404);
  });

  it("creates a CanaryAction that names the person and what the person saw", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const asked = ask(
      `${url}api/v1/canaries/test/podinfo/actions`,
      { cookie, "content-type": "application/json" },
      '{"verb":"pause","reason":"watching","step":2}',
    );
    const action = await new Promise<KubeFields>((resolve) => {
      const stop = server.cluster.watch(STEERING.action, ({ object }) => {
        queueMicrotask(() => stop());
        resolve(object);
      });
    });
    expect(action.spec).toMatchObject({ canary: "podinfo", verb: "pause", reason: "watching" });
    expect(action.spec.by).toBeTruthy();
    server.cluster.updateStatus(STEERING.action, {
      ...action,
      status: { phase: "Applied", message: "stays at 20 %", at: "2026-01-01T00:00:00Z" },
    } as never);
    const reply = await asked;
    expect([reply.status, JSON.parse(reply.text)]).toEqual([
      202,
      expect.objectContaining({ phase: "Applied", message: "stays at 20 %" }),
    ]);
  });

  it("refuses a click that came too late: the canary is at another step", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const reply = await ask(
      `${url}api/v1/canaries/test/podinfo/actions`,
      { cookie, "content-type": "application/json" },
      '{"verb":"promote","step":1}',
    );
    expect([reply.status, reply.text]).toEqual([409, expect.stringContaining("at step 2 already; you saw step 1")]);
    expect(server.cluster.list(STEERING.action)).toEqual([]);
  });

  it.each([
    ["an unknown verb", '{"verb":"explode"}', 400],
    ["a step that is no number", '{"verb":"promote","step":"1"}', 400],
    ["a time that is no text", '{"verb":"pause","for":60}', 400],
    ["a word that is misspelt", '{"verb":"pause","fro":"1h"}', 400],
    ["a word that every object inherits", '{"verb":"pause","constructor":{}}', 400],
    ["a list", "[]", 400],
    ["nothing", "null", 400],
    ["broken JSON", "{", 415],
    ["a body of 100 KB", `{"verb":"pause","reason":"${"x".repeat(100_000)}"}`, 413],
  ])("answers %s with a clear error", async (_name, body, status) => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const reply = await ask(
      `${url}api/v1/canaries/test/podinfo/actions`,
      { cookie, "content-type": "application/json" },
      body,
    );
    expect([reply.status, JSON.parse(reply.text).error]).toEqual([status, expect.any(String)]);
    expect(server.cluster.list(STEERING.action)).toEqual([]);
  });

  it.each([
    ['"podinfo"', "the body is no object"],
    ["[]", "the body is no object"],
    ['{"canaries":"podinfo"}', "the body.canaries is no list"],
    ['{"canaries":[1]}', "the body.canaries[0] is no string"],
    ['{"canary":["podinfo"]}', "the body.canary is not described"],
    ['{"until":1893456000000}', "the body.until is no string"],
    ['{"until":"tomorrow"}', "until must be a time in the future"],
    ['{"runs":"stop"}', "the body.runs is none of finish, hold"],
  ])("makes no freeze of what it does not understand: %s", async (body, error) => {
    const { url, cookie } = await signedIn();
    const headers = { cookie, "content-type": "application/json" };
    const reply = await ask(`${url}api/v1/freezes/test`, headers, body);
    expect([reply.status, JSON.parse(reply.text).error]).toEqual([400, error]);
    expect(server.cluster.list(STEERING.freeze)).toEqual([]);
  });

  it("cuts foreign text, so that an endless status makes no endless page", async () => {
    canary("podinfo", "test", {
      phase: "Failed",
      conditions: [
        {
          type: "Promoted",
          status: "False",
          message: "x".repeat(1_000_000),
          reason: "Failed",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
    });
    const { url, cookie } = await signedIn();
    expect((await ask(`${url}api/v1/canaries`, { cookie })).text.length).toBeLessThan(3000);
  });

  it("tells a change by the stream, and resumes from the last id", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const row = await new Promise<string>((resolve, reject) => {
      const asked = request(`${url}api/v1/stream`, { headers: { cookie } }, (response) => {
        response.setEncoding("utf8").on("data", (chunk: string) => {
          if (chunk.includes("event: hello")) canary("second");
          if (!chunk.includes("second")) return;
          asked.destroy();
          resolve(chunk);
        });
      });
      asked.on("error", (error) => (asked.destroyed ? undefined : reject(error)));
      asked.end();
    });
    expect(row).toMatch(/event: row[\s\S]*"name":"second"/);
    expect(row).toMatch(/id: [0-9a-f]+-\d+/);
  });

  it("says by an event that it is still there: a page hears no comments, and would read the whole list", async () => {
    const hasty = { ...systemClock, sleep: (_: number, signal: AbortSignal) => systemClock.sleep(20, signal) };
    const { running } = await start("none", "/", hasty);
    const text = await new Promise<string>((resolve, reject) => {
      let heard = "";
      const asked = request(`${running.url}api/v1/stream`, (response) => {
        response.setEncoding("utf8").on("data", (chunk: string) => {
          heard += chunk;
          if (heard.split("event: hello").length < 4) return;
          asked.destroy();
          resolve(heard);
        });
      });
      asked.on("error", (error) => (asked.destroyed ? undefined : reject(error)));
      asked.end();
    });
    expect(text).not.toMatch(/^:/m);
  });

  it("asks the API server for no list of canaries or records when a page is read: one watch serves all pages", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    await ask(`${url}api/v1/runs`, { cookie });
    const before = lists.length;
    for (let round = 0; round < 5; round += 1)
      for (const page of ["canaries", "canaries/test/podinfo", "runs", "runs?canary=podinfo", "insights"])
        expect((await ask(`${url}api/v1/${page}`, { cookie })).status).toBe(200);
    expect(lists.slice(before)).toEqual([]);
  });

  it("answers as its description says, each field of it, and describes itself", async () => {
    canary("podinfo");
    server.cluster.create(
      STEERING.run,
      canaryRun("podinfo", { ago: () => new Date().toISOString(), verdict: "rolled-back" }),
    );
    server.cluster.create(STEERING.freeze, freeze("test", { until: "2099-01-01T00:00:00Z" }));
    const { url, cookie } = await signedIn();
    const description = JSON.parse((await ask(`${url}api/v1/openapi.json`)).text);
    expect(description.openapi).toBe("3.1.0");
    for (const [key, { answer, status = 200 }] of Object.entries(OPERATIONS)) {
      const [method, path = ""] = key.split(" ");
      if (method !== "GET" || answer === undefined) continue;
      const name = path.includes("/runs/") ? "podinfo-rolled-back" : "podinfo";
      const address = path.slice(1).replace("{namespace}", "test").replace("{name}", name);
      const reply = await ask(url + address, { cookie });
      expect([key, reply.status]).toEqual([key, status]);
      expect([key, faultsOf(JSON.parse(reply.text), answer)]).toEqual([key, []]);
    }
  });

  it("serves its pages below the path of a proxy", async () => {
    const { url, cookie } = await signedIn("/tools/aviary/");
    const { text } = await ask(url, { cookie });
    expect(text).toContain('<meta name="base-path" content="/tools/aviary/">');
    expect(text).toContain('"/tools/aviary/assets/a.js"');
    // What each page reads first is asked for before the script is there.
    expect(text).toContain('<link rel="preload" as="fetch" crossorigin href="/tools/aviary/api/v1/canaries">');
    expect((await ask(`${url}assets/a.js`)).text).toBe("1");
    expect((await ask(`${url}canaries/test/podinfo`)).text).toContain("base-path");
    expect((await ask(`${url}../../etc/passwd`)).status).not.toBe(200);
  });

  it("draws a badge", async () => {
    canary("podinfo");
    const { url, cookie } = await signedIn();
    const { headers, text } = await ask(`${url}badge/test/podinfo.svg`, { cookie });
    expect(headers["content-type"]).toContain("image/svg+xml");
    expect(text).toContain("canary 20 % (2/5)");
  });
});

describe("a console in a cluster without authentication", () => {
  it("shows, and steers nothing: also not by the API", async () => {
    canary("podinfo");
    const { running } = await start("none");
    expect((await ask(`${running.url}api/v1/canaries`)).status).toBe(200);
    const reply = await ask(
      `${running.url}api/v1/canaries/test/podinfo/actions`,
      { "content-type": "application/json" },
      '{"verb":"abort"}',
    );
    expect([reply.status, reply.text]).toEqual([403, expect.stringContaining("steering is off")]);
    expect(server.cluster.list(STEERING.action)).toEqual([]);
  });
});

describe("a console in a cluster with tokens", () => {
  it("answers no request without a token, or with a wrong one", async () => {
    const { running } = await start("token");
    expect((await ask(`${running.url}api/v1/me`)).status).toBe(401);
    expect((await ask(`${running.url}api/v1/me`, { authorization: "Bearer nonsense" })).status).toBe(401);
  });
});

it("every route that names an object also names the right that it needs", () => {
  for (const { path, right } of ROUTES) if (path.includes(":name")) expect(right, path).toBeDefined();
});
