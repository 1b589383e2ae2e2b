/** Pods come, go and misbehave, and routes change, while users are served. */
import type { IncomingMessage } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { Readable } from "node:stream";
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type Handler, type MeshBed, SERVICE_PORT, startMeshBed, type TestPod } from "./testbed.ts";

const { virtualService, destinationRule } = RESOURCES;

let bed: MeshBed;
const agents: Agent[] = [];

beforeEach(async () => {
  bed = await startMeshBed();
  for (const name of ["podinfo", "podinfo-primary", "podinfo-canary"]) bed.service(name);
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.destroy();
  await bed.stop();
});

const requests = (labels: Record<string, string>) => bed.metric("istio_requests_total", labels);
const to = (host: string, weight: number) => ({ destination: { host }, weight });

function route(http: KubeFields[]): void {
  bed.put(virtualService, "podinfo", { hosts: ["podinfo"], http });
}

const split = (canary: number) => [{ route: [to("podinfo-primary", 100 - canary), to("podinfo-canary", canary)] }];

/** Connections of one test: addresses come again in the next one. */
function newAgent(): Agent {
  const agent = new Agent();
  agents.push(agent);
  return agent;
}

/** Users that ask again as soon as they are answered, on kept connections, until stopped. */
function startUsers(count: number, options: { method: "GET" | "POST"; body?: string } = { method: "GET" }) {
  const url = `http://${bed.clusterIP("podinfo")}:${SERVICE_PORT}/`;
  const dispatcher = newAgent();
  const outcomes = new Map<string, number>();
  let asked = 0;
  let stopped = false;
  const users = Array.from({ length: count }, async () => {
    while (!stopped) {
      asked += 1;
      const outcome = await request(url, { ...options, dispatcher }).then(
        async ({ statusCode, body }) =>
          `${statusCode} ${statusCode === 200 ? "" : await body.text()}${await body.dump()}`,
        (error: Error) => error.message,
      );
      const word = outcome.startsWith("200") ? "200" : outcome;
      outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
    }
  });
  const until = async (more: number) => {
    const goal = asked + more;
    while (asked < goal) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    outcomes,
    asked: () => asked,
    /** Waits until so many further requests have been made. */
    until,
    stop: async () => {
      stopped = true;
      await Promise.all(users);
    },
  };
}

describe("users notice nothing", () => {
  it("when weights change", async () => {
    const primary = await bed.pod("podinfo-primary");
    const canary = await bed.pod("podinfo");
    bed.endpoints("podinfo-primary", [primary]);
    bed.endpoints("podinfo-canary", [canary]);
    route(split(0));
    const users = startUsers(16);
    for (const weight of [10, 50, 100, 30, 0]) {
      route(split(weight));
      await users.until(100);
    }
    const before = canary.seen.length;
    await users.until(100);
    await users.stop();
    expect([...users.outcomes.keys()]).toEqual(["200"]);
    // At weight 0 no request is sent there: only requests under way at the change may have arrived.
    expect(canary.seen.length - before).toBeLessThanOrEqual(16);
    expect(canary.seen.length).toBeGreaterThan(50);
  });

  it.each(["GET", "POST"] as const)("when pods are replaced one by one (%s)", async (method) => {
    let pods: TestPod[] = [await bed.pod("podinfo"), await bed.pod("podinfo")];
    bed.endpoints("podinfo", pods);
    const users = startUsers(16, method === "POST" ? { method, body: "x".repeat(100) } : { method });
    for (let i = 0; i < 4; i += 1) {
      const fresh = await bed.pod("podinfo");
      const [old, kept] = pods as [TestPod, TestPod];
      pods = [kept, fresh];
      bed.endpoints("podinfo", pods);
      await users.until(60);
      const seen = old.seen.length;
      await old.stop();
      await users.until(60);
      expect(old.seen.length).toBe(seen);
    }
    await users.stop();
    expect([...users.outcomes.keys()]).toEqual(["200"]);
  });

  it("when a pod stops before its endpoints say so: another one is asked", async () => {
    const pods = [await bed.pod("podinfo"), await bed.pod("podinfo"), await bed.pod("podinfo")];
    bed.endpoints("podinfo", pods);
    const users = startUsers(8);
    await users.until(100);
    await pods[0]?.stop();
    await users.until(200);
    await users.stop();
    expect([...users.outcomes.keys()]).toEqual(["200"]);
  });

  it("when a pod closes each kept connection without a word", async () => {
    const pod = await bed.pod("podinfo");
    bed.endpoints("podinfo", [pod]);
    pod.server.on("request", (_request, response) => {
      const { socket } = response;
      response.once("finish", () => setImmediate(() => socket?.destroy()));
    });
    const users = startUsers(4);
    await users.until(300);
    await users.stop();
    expect([...users.outcomes.keys()]).toEqual(["200"]);
  });

  it("when a pod is taken out while it is working", async () => {
    let finish = () => {};
    const arrived = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let answer = () => {};
    const handler: Handler = (_request, response) => {
      answer = () => response.end("done");
      finish();
    };
    const slow = await bed.pod("podinfo", { handler });
    bed.endpoints("podinfo", [slow]);
    const asked = bed.ask("podinfo");
    await arrived;
    bed.endpoints("podinfo", []);
    const stopped = slow.stop();
    expect((await bed.ask("podinfo")).status).toBe(503);
    answer();
    expect((await asked).body).toBe("done");
    await stopped;
  });
});

describe("retries and time limits", () => {
  const failing: Handler = (_request, response) => {
    response.statusCode = 503;
    response.end("broken");
  };

  it("try another pod for the conditions that the route names", async () => {
    const bad = await bed.pod("podinfo", { handler: failing });
    const good = await bed.pod("podinfo");
    bed.endpoints("podinfo", [bad, good]);
    const ask = () => bed.ask("podinfo", "/", { method: "POST", body: "same" });
    route([{ route: [to("podinfo", 100)], retries: { attempts: 3, retryOn: "gateway-error" } }]);
    for (let i = 0; i < 20; i += 1) expect((await ask()).body).toBe("podinfo");
    expect(bad.seen.length).toBeGreaterThan(0);
    expect(good.seen.every(({ body }) => body === "same")).toBe(true);
    // Users see no failure; the pod's own proxy counts every one, so that retries do not hide a bad canary.
    expect(requests({ response_code: "503", reporter: "source" })).toBe(0);
    expect(requests({ response_code: "503", reporter: "destination" })).toBe(bad.seen.length);
    bed.endpoints("podinfo", [bad]);
    const before = bad.seen.length;
    expect((await ask()).status).toBe(503);
    expect(bad.seen.length - before).toBe(4);
    route([{ route: [to("podinfo", 100)], retries: { attempts: 0 } }]);
    await ask();
    expect(bad.seen.length - before).toBe(5);
  });

  it("do not repeat what may have been worked on, unless asked to", async () => {
    const dying = await bed.pod("podinfo", { handler: (incoming) => incoming.socket.destroy() });
    bed.endpoints("podinfo", [dying]);
    const answer = await bed.ask("podinfo");
    expect([answer.status, dying.seen.length]).toEqual([503, 1]);
    expect(answer.body).toContain("connection termination");
    expect(requests({ response_flags: "UC", reporter: "destination", response_code: "503" })).toBe(1);
    route([{ route: [to("podinfo", 100)], retries: { attempts: 2, retryOn: "reset" } }]);
    await bed.ask("podinfo");
    expect(dying.seen.length).toBe(4);
  });

  it("answer 504 when the pod takes too long, for a try and for all of them", async () => {
    const silent = await bed.pod("podinfo", { handler: () => {} });
    bed.endpoints("podinfo", [silent]);
    // The limits are real time. On a busy machine each try still has to reach the pod within its limit.
    route([{ route: [to("podinfo", 100)], timeout: "1s" }]);
    const answer = await bed.ask("podinfo");
    expect([answer.status, answer.body]).toEqual([504, "upstream request timeout"]);
    expect(requests({ response_code: "504", response_flags: "UT", reporter: "destination" })).toBe(1);
    const retries = { attempts: 2, perTryTimeout: "500ms", retryOn: "5xx" };
    route([{ route: [to("podinfo", 100)], timeout: "60s", retries }]);
    expect((await bed.ask("podinfo")).status).toBe(504);
    expect(silent.seen.length).toBe(4);
  });
});

describe("a DestinationRule", () => {
  const rule = (trafficPolicy: KubeFields, extra: KubeFields = {}) =>
    bed.put(destinationRule, "podinfo", { host: "podinfo", trafficPolicy, ...extra });

  it("keeps users on their pod by cookie, and gives them one", async () => {
    const named =
      (name: string): Handler =>
      (_request, response) =>
        void response.end(name);
    const pods = [];
    for (const name of ["a", "b", "c", "d"]) pods.push(await bed.pod("podinfo", { handler: named(name) }));
    bed.endpoints("podinfo", pods);
    rule({ loadBalancer: { consistentHash: { httpCookie: { name: "user", path: "/", ttl: "60s" } } } });
    const first = await bed.ask("podinfo");
    const given = String(first.headers["set-cookie"]?.[0]);
    expect(given).toMatch(/^user="[0-9a-f]{16}"; Max-Age=60; Path=\/; HttpOnly$/);
    const cookie = given.split(";")[0] ?? "";
    for (let i = 0; i < 10; i += 1) {
      expect((await bed.ask("podinfo", "/", { headers: { cookie } })).body).toBe(first.body);
    }
    // The end of another pod moves no other user.
    bed.endpoints(
      "podinfo",
      pods.filter((_pod, i) => "abcd"[i] === first.body || i < 2),
    );
    expect((await bed.ask("podinfo", "/", { headers: { cookie } })).body).toBe(first.body);
    rule({ loadBalancer: { consistentHash: { httpHeaderName: "X-User" } } });
    const users = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const ask = () => bed.ask("podinfo", "/", { headers: { "x-user": `u${i}` } });
        expect((await ask()).body).toBe((await ask()).body);
        return (await ask()).body;
      }),
    );
    expect(new Set(users).size).toBeGreaterThan(1);
  });

  it("names subsets by label", async () => {
    const one = await bed.pod("podinfo", {
      labels: { version: "v1" },
      handler: (_q, response) => void response.end("v1"),
    });
    const two = await bed.pod("podinfo", {
      labels: { version: "v2" },
      handler: (_q, response) => void response.end("v2"),
    });
    bed.endpoints("podinfo", [one, two]);
    rule({}, { subsets: [{ name: "new", labels: { version: "v2" } }] });
    route([{ route: [{ destination: { host: "podinfo", subset: "new" } }] }]);
    for (let i = 0; i < 5; i += 1) expect((await bed.ask("podinfo")).body).toBe("v2");
    route([{ route: [{ destination: { host: "podinfo", subset: "none" } }] }]);
    expect((await bed.ask("podinfo")).status).toBe(503);
    expect(requests({ response_flags: "NC" })).toBe(1);
  });

  it("ejects a pod that fails again and again", async () => {
    const bad = await bed.pod("podinfo", {
      handler: (_request, response) => {
        response.statusCode = 500;
        response.end();
      },
    });
    const good = await bed.pod("podinfo");
    bed.endpoints("podinfo", [bad, good]);
    rule({ outlierDetection: { consecutive5xxErrors: 3, baseEjectionTime: "1h", maxEjectionPercent: 50 } });
    for (let i = 0; bad.seen.length < 3; i += 1)
      expect((await bed.ask("podinfo")).status, `request ${i}`).toBeLessThan(501);
    for (let i = 0; i < 20; i += 1) expect((await bed.ask("podinfo")).status).toBe(200);
    expect(bad.seen.length).toBe(3);
  });

  it("limits connections: some wait, the rest is refused", async () => {
    const waiting: (() => void)[] = [];
    const pod = await bed.pod("podinfo", { handler: (_q, response) => void waiting.push(() => response.end("ok")) });
    bed.endpoints("podinfo", [pod]);
    rule({ connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } } });
    const first = bed.ask("podinfo");
    await expect.poll(() => waiting.length).toBe(1);
    const others = [bed.ask("podinfo"), bed.ask("podinfo")];
    const refused = await Promise.race(others);
    expect([refused.status, refused.body.endsWith("overflow")]).toEqual([503, true]);
    waiting.shift()?.();
    expect((await first).status).toBe(200);
    await expect.poll(() => waiting.length).toBe(1);
    waiting.shift()?.();
    expect((await Promise.all(others)).map(({ status }) => status).sort()).toEqual([200, 503]);
  });
});

describe("other ways to talk", () => {
  it("large bodies stream through, both ways", async () => {
    const pod = await bed.pod("podinfo");
    pod.server.removeAllListeners("request");
    pod.server.on("request", (incoming: IncomingMessage, response) => void incoming.pipe(response));
    bed.endpoints("podinfo", [pod]);
    const chunk = Buffer.alloc(64 * 1024, "x");
    const body = Readable.from(Array.from({ length: 64 }, () => chunk));
    const url = `http://${bed.clusterIP("podinfo")}:${SERVICE_PORT}/`;
    const answer = await request(url, { method: "POST", body, dispatcher: newAgent() });
    expect((await answer.body.arrayBuffer()).byteLength).toBe(64 * chunk.length);
    await expect.poll(() => bed.metric("istio_request_bytes_sum", { reporter: "source" })).toBe(64 * chunk.length);
    expect(bed.metric("istio_response_bytes_sum", { reporter: "destination" })).toBe(64 * chunk.length);
  });

  it("a user who leaves takes the request along", async () => {
    let gone = () => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const pod = await bed.pod("podinfo", { handler: (incoming) => void incoming.socket.once("close", gone) });
    bed.endpoints("podinfo", [pod]);
    const abort = new AbortController();
    const url = `http://${bed.clusterIP("podinfo")}:${SERVICE_PORT}/`;
    const asked = request(url, { signal: abort.signal, dispatcher: newAgent() });
    await expect.poll(() => pod.seen.length).toBe(1);
    abort.abort();
    await expect(asked).rejects.toThrow();
    await left;
    await expect.poll(() => requests({ response_flags: "DC", response_code: "0", reporter: "source" })).toBe(1);
  });

  it("connections that leave HTTP are handed through", async () => {
    const pod = await bed.pod("podinfo");
    pod.server.on("upgrade", (incoming, socket) => {
      const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\n\r\n`;
      socket.write(head);
      socket.on("data", (data: Buffer) => socket.write(`echo ${data}`));
      socket.on("end", () => socket.end());
    });
    bed.endpoints("podinfo", [pod]);
    const socket = connect(SERVICE_PORT, bed.clusterIP("podinfo"));
    let text = "";
    socket.on("data", (data: Buffer) => {
      text += data;
    });
    socket.write("GET /ws HTTP/1.1\r\nHost: podinfo.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await expect.poll(() => text).toContain("101 Switching Protocols");
    socket.write("hello");
    await expect.poll(() => text).toContain("echo hello");
    socket.destroy();
    await expect.poll(() => requests({ response_code: "101", reporter: "destination" })).toBe(1);
  });

  it("TCP ports carry bytes, by the weights of tcp routes", async () => {
    const startTcp = async (name: string) => {
      const pod = await bed.pod(name);
      await pod.stop();
      const server = createTcpServer((socket) => {
        socket.end(`${name}\n`);
      });
      await new Promise<void>((resolve) => server.listen(SERVICE_PORT, pod.address, resolve));
      return { pod, server };
    };
    const ports = [{ name: "http", appProtocol: "tcp", port: SERVICE_PORT }];
    for (const name of ["db", "db-primary", "db-canary"]) bed.service(name, { ports });
    const one = await startTcp("one");
    const two = await startTcp("two");
    bed.endpoints("db", [one.pod]);
    bed.endpoints("db-primary", [one.pod]);
    bed.endpoints("db-canary", [two.pod]);
    const read = () =>
      new Promise<string>((resolve, reject) => {
        let text = "";
        const socket = connect(SERVICE_PORT, bed.clusterIP("db"));
        socket.on("data", (data: Buffer) => {
          text += data;
        });
        socket.on("error", reject);
        socket.on("close", () => resolve(text));
      });
    expect(await read()).toBe("one\n");
    const tcp = [{ match: [{ port: SERVICE_PORT }], route: [to("db-primary", 0), to("db-canary", 100)] }];
    bed.put(virtualService, "db", { hosts: ["db"], tcp });
    expect(await read()).toBe("two\n");
    for (const { server } of [one, two]) server.close();
  });
});
