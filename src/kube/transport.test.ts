import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import { createPlainClient } from "../net/plain-client.ts";
import { isAlreadyExists, isConflict, isForbidden, isNotFound, isUnreachable } from "../ports/kube.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { startToyApiServer, type ToyApiServer } from "../testing/toy-api-server.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { type ClusterAccess, type Credentials, fixedCredentials } from "./access.ts";
import { createKubeClient, serverVersion } from "./client.ts";
import { createTransport, type KubeTransport, type TransportOptions } from "./transport.ts";

const HOUR = 3_600_000;
const NOT_ABORTED = new AbortController().signal;
const PATH = "/api/v1/namespaces/test/configmaps";
const configMap = (name: string, data = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "test" },
  data,
});
const ref = (name: string) => ({ type: RESOURCES.configMap, namespace: "test", name });

const CLIENTS: [string, TransportOptions["connect"]][] = [
  ["undici", createDispatcher],
  ["Node's own client", createPlainClient],
];

let client: TransportOptions["connect"];
let server: ToyApiServer;
let cleanUp: (() => Promise<unknown> | unknown)[];

beforeEach(async () => {
  server = await startToyApiServer();
  cleanUp = [() => server.kill().catch(() => undefined)];
});

afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

function connect(access: Partial<ClusterAccess> = {}, options: Partial<TransportOptions> = {}): KubeTransport {
  const transport = createTransport({
    connect: client,
    access: {
      server: server.url,
      namespace: "test",
      tls: {},
      credentials: fixedCredentials(),
      source: "test",
      ...access,
    },
    clock: systemClock,
    random: () => 0,
    qps: 0,
    burst: 1,
    userAgent: "aviary/test",
    ...options,
  });
  cleanUp.push(() => transport.close());
  return transport;
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(CLIENTS)("the Kubernetes client's verbs, with %s", (_name, chosen) => {
  beforeEach(() => {
    client = chosen;
  });

  it("create, read, patch, replace and delete raw objects, and explain refusals", async () => {
    const client = createKubeClient(connect(), "flagger");
    const made = await client.create(RESOURCES.configMap, configMap("a", { k: "1" }), NOT_ABORTED);
    expect(isAlreadyExists(await failure(client.create(RESOURCES.configMap, configMap("a"), NOT_ABORTED)))).toBe(true);
    const patched = await client.mergePatch(ref("a"), { data: { k: "2", unknown: { x: 1 } } }, {}, NOT_ABORTED);
    expect(patched.data).toEqual({ k: "2", unknown: { x: 1 } });
    const { resourceVersion = "" } = made.metadata;
    const stale = await failure(client.mergePatch(ref("a"), { data: null }, { resourceVersion }, NOT_ABORTED));
    expect([isConflict(stale), isAlreadyExists(stale)]).toEqual([true, false]);
    expect(stale).toMatchObject({ code: 409, reason: "Conflict", message: expect.stringContaining("been modified") });
    const replaced = await client.replace(RESOURCES.configMap, { ...patched, data: { k: "3" } }, {}, NOT_ABORTED);
    expect(await client.get(ref("a"), NOT_ABORTED)).toEqual(replaced);
    expect(await client.delete(ref("a"), { propagation: "Background" }, NOT_ABORTED)).toBe(true);
    expect(await client.delete(ref("a"), {}, NOT_ABORTED)).toBe(false);
    expect(await client.get(ref("a"), NOT_ABORTED)).toBeUndefined();
    expect(isNotFound(await failure(client.mergePatch(ref("a"), {}, {}, NOT_ABORTED)))).toBe(true);
  });

  it("stop listing at the limit", async () => {
    for (let i = 0; i < 600; i += 1) server.put(PATH, configMap(`c${i}`));
    const client = createKubeClient(connect(), "flagger");
    expect(await client.list(RESOURCES.configMap, "test", { limit: 1 }, NOT_ABORTED)).toHaveLength(1);
    expect(await client.list(RESOURCES.configMap, "test", { limit: 550 }, NOT_ABORTED)).toHaveLength(550);
    expect(server.requests).toHaveLength(3);
  });

  it("send the media type, field manager and force of a server-side apply", async () => {
    server.put(PATH, configMap("a"));
    const client = createKubeClient(connect(), "flagger");
    await client.apply(RESOURCES.configMap, configMap("a"), { force: true }, NOT_ABORTED);
    expect(server.requests.at(-1)).toBe(`PATCH ${PATH}/a?fieldManager=flagger&force=true`);
    expect(server.contentTypes.at(-1)).toBe("application/apply-patch+yaml");
  });
});

describe.each(CLIENTS)("the transport, with %s", (_name, chosen) => {
  beforeEach(() => {
    client = chosen;
  });

  it("waits as long as an overloaded server asks, also for writes", async () => {
    const clock = createManualClock();
    const client = createKubeClient(connect({}, { clock }), "flagger");
    server.intercept = () => ({ code: 429, headers: { "retry-after": "7" }, body: { kind: "Status", code: 429 } });
    const writing = client.create(RESOURCES.configMap, configMap("a"), NOT_ABORTED);
    await until("it waits", () => clock.sleeping().includes(7000));
    server.intercept = undefined;
    await clock.advance(7000);
    expect((await writing).metadata.name).toBe("a");
    expect(server.requests).toHaveLength(2);
  });

  it.each([429, 503, 504])(
    "sends half as many requests at once after an answer with %d, and no fewer after 500",
    async (code) => {
      const transport = connect({}, { attempts: 1 });
      const client = createKubeClient(transport, "flagger");
      const answered = async (status: number) => {
        server.intercept = () => ({ code: status, body: { kind: "Status", code: status } });
        await client.create(RESOURCES.configMap, configMap("a"), NOT_ABORTED).catch(() => undefined);
        return transport.load.limit;
      };
      const full = transport.load.limit;
      expect([await answered(500), await answered(code)]).toEqual([full, full / 2]);
    },
  );

  it("repeats a read whose answer was cut off, but not a write, which may have had its effect", async () => {
    let connections = 0;
    const sockets = new Set<Socket>();
    const cutting = createTcpServer((socket) => {
      connections += 1;
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("data", () => socket.destroy());
    });
    await new Promise<void>((resolve) => cutting.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => new Promise((resolve) => cutting.close(resolve)));
    const url = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
    const client = createKubeClient(connect({ server: url }, { attempts: 3 }), "flagger");
    const error = await failure(client.get(ref("a"), NOT_ABORTED));
    expect(isUnreachable(error)).toBe(true);
    expect(String(error)).toMatch(/the connection was (closed|reset) before the answer was complete/);
    expect(connections).toBe(3);
    await failure(client.create(RESOURCES.configMap, configMap("a"), NOT_ABORTED));
    expect(connections).toBe(4);
  });

  it("sends a write again when no connection was made, and says what to check when it gives up", async () => {
    const clock = createManualClock();
    const client = createKubeClient(connect({}, { clock, attempts: 3 }), "flagger");
    await server.kill();
    const writing = client.create(RESOURCES.configMap, configMap("a"), NOT_ABORTED);
    await until("it waits", () => clock.sleeping().find((ms) => ms < 1000));
    await server.restart();
    await clock.advance(1000);
    expect((await writing).metadata.name).toBe("a");
    await server.kill();
    const dead = connect({}, { attempts: 1 });
    await expect(dead.send({ method: "GET", path: "/version" }, NOT_ABORTED)).rejects.toMatchObject({
      code: 0,
      reason: "Unreachable",
      message: expect.stringMatching(
        /^cannot reach the API server http:.* \(GET \/version\): connect ECONNREFUSED .* is the cluster running\?$/,
      ),
    });
  });

  it("gives up on a silent server later than the server itself would, and at once when it is aborted", async () => {
    const clock = createManualClock();
    const transport = connect({}, { clock });
    server.manners = "silent";
    const late = failure(transport.send({ method: "GET", path: "/version" }, NOT_ABORTED));
    await until("it waits", () => server.requests.length === 1);
    await clock.advance(65_000);
    expect(await late).toMatchObject({ reason: "Timeout", message: expect.stringContaining("no answer within 65 s") });
    const write = failure(transport.send({ method: "POST", path: PATH, body: configMap("a") }, NOT_ABORTED));
    await clock.advance(250); // the pause after an overload
    await until("it waits", () => server.requests.length === 2);
    await clock.advance(45_000);
    expect(await write).toMatchObject({ reason: "Timeout", message: expect.stringContaining("no answer within 45 s") });
    const stop = new AbortController();
    const stopped = failure(transport.send({ method: "GET", path: "/version" }, stop.signal));
    await clock.advance(500);
    await until("it waits", () => server.requests.length === 3);
    stop.abort(new Error("going down"));
    expect(await stopped).toEqual(new Error("going down"));
    expect(clock.sleeping()).toEqual([]);
  });

  it("reports an answer that does not come from an API server", async () => {
    const HTML = "<html>Welcome to nginx";
    server.intercept = () => ({ code: 200, body: HTML });
    const transport = connect();
    await expect(serverVersion(transport, NOT_ABORTED)).rejects.toThrow(
      'the answer to GET /version is not JSON: "<html>Welcome to nginx"',
    );
    server.intercept = (_, path) =>
      path === "/version" ? { code: 200, body: { hello: 1 } } : { code: 502, body: HTML };
    await expect(serverVersion(transport, NOT_ABORTED)).rejects.toThrow("is not a Kubernetes API server");
    await expect(transport.send({ method: "GET", path: "/api" }, NOT_ABORTED)).rejects.toThrow(
      "GET /api was answered with 502: <html>Welcome to nginx",
    );
  });

  it("reports a group that is not installed in the words of Go's client", async () => {
    server.intercept = () => ({ code: 404, body: "404 page not found\n" });
    const asked = connect().send({ method: "GET", path: "/apis/flagger.app/v1beta1/canaries" }, NOT_ABORTED);
    await expect(asked).rejects.toMatchObject({
      code: 404,
      reason: "NotFound",
      message: "the server could not find the requested resource",
    });
  });

  it("renews refused credentials once", async () => {
    let token = 1;
    const credentials: Credentials = {
      prove: async () => ({ headers: { authorization: `Bearer ${token}` } }),
      renew: () => {
        token += 1;
        return true;
      },
    };
    let accepted = "Bearer 2";
    server.intercept = (_, __, headers) =>
      headers.authorization === accepted
        ? { code: 200, body: { gitVersion: "v1.33.0" } }
        : { code: 401, body: { kind: "Status", code: 401, reason: "Unauthorized", message: "Unauthorized" } };
    const transport = connect({ credentials });
    expect(await transport.send({ method: "GET", path: "/version" }, NOT_ABORTED)).toEqual({ gitVersion: "v1.33.0" });
    accepted = "Bearer 99";
    const refused = await failure(transport.send({ method: "GET", path: "/version" }, NOT_ABORTED));
    expect(refused).toMatchObject({ code: 401, reason: "Unauthorized" });
    expect(server.requests).toHaveLength(4);
  });

  it("keeps the path prefix of the server's URL", async () => {
    const transport = connect({ server: `${server.url}/k8s/clusters/c-1/` });
    await failure(transport.send({ method: "GET", path: "/version" }, NOT_ABORTED));
    expect(server.requests).toEqual(["GET /k8s/clusters/c-1/version"]);
  });

  it("reports a refusal in the API server's words", async () => {
    const message = 'deployments.apps is forbidden: User "system:anonymous" cannot list resource "deployments"';
    server.intercept = () => ({ code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message } });
    const error = await failure(connect().send({ method: "GET", path: "/apis/apps/v1/deployments" }, NOT_ABORTED));
    expect(isForbidden(error)).toBe(true);
    expect(error).toMatchObject({ message });
  });
});

describe.each(CLIENTS)("connections, with %s", (_name, chosen) => {
  beforeEach(() => {
    client = chosen;
  });

  it("are kept between the steps of a rollout", async () => {
    let opened = 0;
    // As the API server, this one does not say how long it keeps a connection.
    const http = createHttpServer({ keepAliveTimeout: 0 }, (_, response) => response.end("{}"));
    http.on("connection", () => {
      opened += 1;
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    cleanUp.push(
      () => http.close(),
      () => http.closeAllConnections(),
    );
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanUp.push(() => vi.useRealTimers());
    const transport = connect({ server: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
    for (let step = 0; step < 6; step += 1) {
      await transport.send({ method: "GET", path: "/version" }, NOT_ABORTED);
      vi.advanceTimersByTime(10_000);
    }
    // A pool may open one more, while the answer of the first is still being read.
    expect(opened).toBeLessThanOrEqual(2);
  });
});

describe.each(CLIENTS)("TLS, with %s", (_name, chosen) => {
  beforeEach(() => {
    client = chosen;
  });

  async function startHttps(ca: Awaited<ReturnType<typeof generate>>, seen: string[]): Promise<string> {
    const options = { key: ca.private, cert: ca.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: false };
    const https: Server = createHttpsServer(options, (request, response) => {
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      seen.push(`${request.headers.authorization ?? "-"} ${peer.subject?.CN ?? "-"}`);
      response.end(JSON.stringify({ gitVersion: "v1.33.0" }));
    });
    await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => {
      https.closeAllConnections();
      https.close();
    });
    return `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  }
  const extensions = [{ name: "subjectAltName" as const, altNames: [{ type: 7 as const, ip: "127.0.0.1" }] }];

  it("trusts the given authority only, and sends client certificates, including those of a plugin", async () => {
    const ca = await generate([{ name: "commonName", value: "kube" }], { keyType: "ec", extensions });
    const alice = await generate([{ name: "commonName", value: "alice" }], { keyType: "ec" });
    const bob = await generate([{ name: "commonName", value: "bob" }], { keyType: "ec" });
    const seen: string[] = [];
    const url = await startHttps(ca, seen);
    const version = { method: "GET", path: "/version" } as const;
    const strange = connect({ server: url }, { attempts: 1 });
    await expect(strange.send(version, NOT_ABORTED)).rejects.toThrow(
      "not signed by the kubeconfig's certificate-authority",
    );
    const token = fixedCredentials({ authorization: "Bearer t" });
    const tls = { ca: ca.cert, cert: alice.cert, key: alice.private };
    await connect({ server: url, credentials: token, tls }).send(version, NOT_ABORTED);
    const issued: Credentials = {
      prove: async () => ({ headers: {}, tls: { cert: bob.cert, key: bob.private } }),
      renew: () => false,
    };
    await connect({ server: url, credentials: issued, tls: { ca: ca.cert } }).send(version, NOT_ABORTED);
    await connect({ server: url, tls: { rejectUnauthorized: false } }).send(version, NOT_ABORTED);
    expect(seen).toEqual(["Bearer t alice", "- bob", "- -"]);
  });

  it("reads the authority once for all connections", async () => {
    const ca = await generate([{ name: "commonName", value: "kube" }], { keyType: "ec", extensions });
    const seen: string[] = [];
    const url = await startHttps(ca, seen);
    const transport = connect({ server: url, tls: { ca: ca.cert } });
    // What node calls for a connection that brings no context of its own.
    const read = vi.spyOn(tls, "createSecureContext");
    cleanUp.push(() => read.mockRestore());
    await Promise.all(
      Array.from({ length: 5 }, () => transport.send({ method: "GET", path: "/version" }, NOT_ABORTED)),
    );
    expect(seen).toHaveLength(5);
    expect(read).not.toHaveBeenCalled();
  });

  it("knows the server's clock when the machine's clock is set between two answers", async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    const transport = connect({}, { clock, elapsed: () => performance.now() });
    server.intercept = () => ({ code: 200, body: {} });
    await transport.send({ method: "GET", path: "/version" }, NOT_ABORTED);
    ahead = 7_200_000;
    expect(Math.abs(transport.serverClock.now() - Date.now())).toBeLessThan(HOUR);
  });
});
