import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createIngressService, gatewayApp } from "./ingress-service.ts";
import { type AskOptions, type MeshBed, SERVICE_PORT, send, startMeshBed, type TestPod } from "./testbed.ts";

const { endpoints, virtualService, gateway, service: serviceType, event, namespace } = RESOURCES;

let bed: MeshBed;
let primary: TestPod;
let canary: TestPod;

const to = (host: string, weight?: number) => ({ destination: { host }, ...(weight === undefined ? {} : { weight }) });
const split = (a: number, b: number) => [to("podinfo-primary", a), to("podinfo-canary", b)];
const requests = (labels: Record<string, string>) => bed.metric("istio_requests_total", labels);

function route(http: KubeFields[], extra: KubeFields = {}): void {
  bed.put(virtualService, "podinfo", { hosts: ["podinfo"], gateways: ["mesh"], http, ...extra });
}

async function bodies(count: number, ask: () => Promise<{ body: string }>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { body } of await Promise.all(Array.from({ length: count }, ask))) found[body] = (found[body] ?? 0) + 1;
  return found;
}

const bodyOf = async (path: string, options?: AskOptions) => (await bed.ask("podinfo", path, options)).body;

beforeEach(async () => {
  bed = await startMeshBed();
  for (const name of ["podinfo", "podinfo-primary", "podinfo-canary"]) bed.service(name);
  primary = await bed.pod("podinfo-primary", { labels: { version: "1.0.0" } });
  canary = await bed.pod("podinfo");
  bed.endpoints("podinfo", [primary]);
  bed.endpoints("podinfo-primary", [primary]);
  bed.endpoints("podinfo-canary", [canary]);
});

afterEach(() => bed.stop());

describe("a Service", () => {
  it("answers at its cluster IP, and telemetry has the reports of both sides", async () => {
    expect((await bed.ask("podinfo")).body).toBe("podinfo-primary");
    const labels = {
      source_workload: "unknown",
      destination_workload: "podinfo-primary",
      destination_workload_namespace: "test",
      destination_service: "podinfo.test.svc.cluster.local",
      destination_service_name: "podinfo",
      destination_service_namespace: "test",
      destination_app: "podinfo-primary",
      destination_version: "1.0.0",
      destination_canonical_service: "podinfo-primary",
      request_protocol: "http",
      response_code: "200",
      response_flags: "-",
    };
    expect(requests({ ...labels, reporter: "destination" })).toBe(1);
    expect(requests({ ...labels, reporter: "source" })).toBe(1);
    const bucket = { ...labels, reporter: "destination", le: "3600000" };
    expect(bed.metric("istio_request_duration_milliseconds_bucket", bucket)).toBe(1);
    expect(bed.metric("istio_response_bytes_sum", { ...labels, reporter: "source" })).toBe("podinfo-primary".length);
    expect(bed.mesh.requestsByPod().get(`test/${primary.name}`)).toBe(1);
    expect(bed.mesh.totals()).toMatchObject([
      { workload: "podinfo-primary", namespace: "test", code: 200, requests: 1 },
    ]);
  });

  it("without endpoints says so, as Envoy does", async () => {
    bed.endpoints("podinfo", []);
    const answer = await bed.ask("podinfo");
    expect([answer.status, answer.body]).toEqual([503, "no healthy upstream"]);
    expect(requests({ response_code: "503", response_flags: "UH", reporter: "destination" })).toBe(0);
    expect(requests({ response_code: "503", response_flags: "UH", destination_workload: "unknown" })).toBe(1);
  });

  it("whose pod refuses connections answers 503", async () => {
    await primary.stop();
    const answer = await bed.ask("podinfo");
    expect(answer.status).toBe(503);
    expect(answer.body).toContain("remote connection failure");
    expect(requests({ response_code: "503", response_flags: "UF,URX" })).toBe(1);
  });

  it("in a namespace without sidecars is a plain Service: no routes, no telemetry", async () => {
    bed.service("web", { namespace: "plain" });
    const pod = await bed.pod("web", { namespace: "plain" });
    bed.endpoints("web", [pod], "plain");
    const spec = { hosts: ["web"], http: [{ directResponse: { status: 418 } }] };
    bed.put(virtualService, "web", spec, "plain");
    const ask = () => send(bed.clusterIP("web", "plain"), SERVICE_PORT, "/", {});
    expect((await ask()).body).toBe("web");
    expect(bed.mesh.totals()).toEqual([]);
    expect(pod.seen[0]?.headers).not.toHaveProperty("x-request-id");
    expect(bed.mesh.requestsByPod().get(`plain/${pod.name}`)).toBe(1);
    const said = bed.store.list(event).find((each) => each["reason"] === "NoSidecars");
    expect(said?.["message"]).toContain("kubectl label namespace plain istio-injection=enabled");
    const live = structuredClone(bed.store.get(namespace, "", "plain"));
    if (live === undefined) throw new Error("no namespace");
    bed.store.update(namespace, { ...live, metadata: { ...live.metadata, labels: { "istio-injection": "enabled" } } });
    expect((await ask()).status).toBe(418);
  });

  it("whose port is taken says so in an event", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "0.0.0.0", resolve));
    const { port } = other.address() as { port: number };
    const told = new Promise<string>((resolve) => {
      bed.store.watch(event, ({ object }) => {
        if (object["reason"] === "FailedToListen") resolve(`${object["type"]} ${object["message"]}`);
      });
    });
    bed.service("taken", { ports: [{ name: "http", port }] });
    expect(await told).toBe(
      `Warning the mesh cannot listen on ${bed.clusterIP("taken")}:${port}: ` +
        "another program has this port on all addresses; use another service port",
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it("without cluster IP can be routed to, and endpoints may be written by hand", async () => {
    const outside = await bed.pod("outside");
    bed.service("headless", { spec: { clusterIP: "None" } });
    bed.store.create(endpoints, {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "headless", namespace: "test" },
      subsets: [{ addresses: [{ ip: outside.address }], ports: [{ name: "http", port: SERVICE_PORT }] }],
    });
    route([{ route: [to("headless")] }]);
    expect((await bed.ask("podinfo")).body).toBe("outside");
  });

  it("is gone when it is deleted", async () => {
    const address = bed.clusterIP("podinfo");
    bed.store.remove(serviceType, "test", "podinfo");
    await expect(send(address, SERVICE_PORT, "/", {})).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("a VirtualService", () => {
  it("splits by weight, is in force with its event, and gives a lone destination everything", async () => {
    route([{ route: split(0, 100) }]);
    expect(await bodies(20, () => bed.ask("podinfo"))).toEqual({ podinfo: 20 });
    route([{ route: split(50, 50) }]);
    expect(Object.keys(await bodies(60, () => bed.ask("podinfo"))).sort()).toEqual(["podinfo", "podinfo-primary"]);
    route([{ route: [to("podinfo-primary", 0)] }]);
    expect(await bodies(20, () => bed.ask("podinfo"))).toEqual({ "podinfo-primary": 20 });
    bed.store.remove(virtualService, "test", "podinfo");
    expect(await bodyOf("/")).toBe("podinfo-primary");
  });

  it.each(["podinfo", "podinfo.test", "podinfo.test.svc", "podinfo.test.svc.cluster.local"])(
    "applies to the host %s",
    async (host) => {
      bed.put(virtualService, "podinfo", { hosts: [host], http: [{ route: [to("podinfo-canary.test")] }] });
      expect(await bodyOf("/", { headers: { host: "podinfo.test:9898" } })).toBe("podinfo");
    },
  );

  it("that is the oldest one has the host for itself; no rule means 404", async () => {
    route([{ match: [{ uri: { exact: "/a" } }], route: [to("podinfo-canary")] }]);
    bed.put(virtualService, "zzz", { hosts: ["podinfo"], http: [{ route: [to("podinfo-primary")] }] });
    expect(await bodyOf("/a")).toBe("podinfo");
    expect((await bed.ask("podinfo", "/b")).status).toBe(404);
    expect(requests({ response_code: "404", response_flags: "NR" })).toBe(1);
  });

  const insider = { "x-canary": "insider" };
  it.each<[string, KubeFields, string, AskOptions, boolean]>([
    ["exact header", { headers: { "x-canary": { exact: "insider" } } }, "/", { headers: insider }, true],
    ["exact header, other value", { headers: { "X-Canary": { exact: "other" } } }, "/", { headers: insider }, false],
    ["prefix header", { headers: { "x-canary": { prefix: "in" } } }, "/", { headers: insider }, true],
    ["regex matches the whole", { headers: { "x-canary": { regex: "in" } } }, "/", { headers: insider }, false],
    ["regex", { headers: { "x-canary": { regex: "^in.*r$" } } }, "/", { headers: insider }, true],
    ["presence", { headers: { "x-canary": {} } }, "/", { headers: insider }, true],
    ["absence", { headers: { "x-canary": {} } }, "/", {}, false],
    ["withoutHeaders", { withoutHeaders: { "x-canary": { exact: "insider" } } }, "/", { headers: insider }, false],
    [
      "the operator's cookie",
      { headers: { Cookie: { regex: ".*canary-cookie.*AbC.*" } } },
      "/",
      { headers: { cookie: "a=b; canary-cookie=AbC; c=d" } },
      true,
    ],
    ["uri prefix", { uri: { prefix: "/api" } }, "/api/v1?x=y", {}, true],
    ["uri is case sensitive", { uri: { exact: "/API" } }, "/api", {}, false],
    ["ignoreUriCase", { uri: { exact: "/API" }, ignoreUriCase: true }, "/api?q", {}, true],
    ["method", { method: { exact: "POST" } }, "/", { method: "POST", body: "x" }, true],
    ["query", { queryParams: { v: { exact: "2" } } }, "/?u=1&v=2", {}, true],
    ["query, absent", { queryParams: { v: { exact: "2" } } }, "/", {}, false],
    ["authority", { authority: { prefix: "podinfo.te" } }, "/", { headers: { host: "podinfo.test" } }, true],
    ["port", { port: 9898 }, "/", {}, true],
    ["another port", { port: 80 }, "/", {}, false],
    ["scheme", { scheme: { exact: "https" } }, "/", {}, false],
    ["source of unknown labels", { sourceLabels: { app: "frontend" } }, "/", {}, false],
    ["another gateway", { gateways: ["test/public"] }, "/", {}, false],
    ["all parts must hold", { uri: { prefix: "/" }, method: { exact: "PUT" } }, "/", {}, false],
  ])("matches: %s", async (_name, match, path, options, matched) => {
    route([{ match: [{ port: 1 }, match], route: [to("podinfo-canary")] }, { route: [to("podinfo-primary")] }]);
    expect(await bodyOf(path, options)).toBe(matched ? "podinfo" : "podinfo-primary");
  });

  it("knows the pods of the mesh by their addresses", async () => {
    route([
      { match: [{ sourceLabels: { app: "frontend" } }], route: [to("podinfo-canary")] },
      { route: [to("podinfo-primary")] },
    ]);
    const frontend = await bed.pod("frontend");
    expect(await bodyOf("/", { from: frontend.address })).toBe("podinfo");
    expect(await bodyOf("/")).toBe("podinfo-primary");
    const labels = { source_workload: "frontend", source_workload_namespace: "test", destination_workload: "podinfo" };
    expect(requests({ ...labels, reporter: "source" })).toBe(1);
  });

  it("whose regular expression RE2 would refuse says so in an event", async () => {
    route([{ match: [{ uri: { regex: "(?=a)" } }], route: [to("podinfo-canary")] }]);
    await bodyOf("/");
    const found = bed.store.list(event).find((each) => each["reason"] === "InvalidRoute");
    expect(found?.["message"]).toMatch(/http\[0\].*look-around is not supported/);
  });

  it("rewrites, and edits headers of the rule and of the destination", async () => {
    const headers = {
      request: { set: { "x-set": "1" }, add: { "x-add": "2" }, remove: ["x-gone"] },
      response: { add: { "x-rule": "r" }, remove: ["x-hidden"] },
    };
    const sticky = { response: { add: { "Set-Cookie": "canary-cookie=AbC; Max-Age=60" } } };
    route([
      {
        match: [{ uri: { prefix: "/api/" } }],
        rewrite: { uri: "/", authority: "inner.example.com" },
        headers,
        route: [{ ...to("podinfo-canary", 100), headers: sticky }],
      },
    ]);
    const answer = await bed.ask("podinfo", "/api/v1?x=y", { headers: { "x-gone": "1", "x-set": "0" } });
    expect(answer.headers).toMatchObject({ "x-rule": "r", "set-cookie": ["canary-cookie=AbC; Max-Age=60"] });
    expect(canary.seen[0]).toMatchObject({
      url: "/v1?x=y",
      headers: { host: "inner.example.com", "x-set": "1", "x-add": "2" },
    });
    expect(canary.seen[0]?.headers).not.toHaveProperty("x-gone");
  });

  it("redirects, answers itself, injects faults", async () => {
    route([
      { match: [{ uri: { exact: "/old" } }], redirect: { uri: "/new", redirectCode: 302 } },
      { match: [{ uri: { exact: "/self" } }], directResponse: { status: 299, body: { string: "here" } } },
      {
        match: [{ uri: { exact: "/abort" } }],
        fault: { abort: { httpStatus: 418, percentage: { value: 100 } } },
        route: split(100, 0),
      },
      {
        fault: { delay: { fixedDelay: "30ms", percentage: { value: 100 } } },
        route: split(100, 0),
      },
    ]);
    const moved = await bed.ask("podinfo", "/old", { headers: { host: "podinfo.test:9898" } });
    expect([moved.status, moved.headers.location]).toEqual([302, "http://podinfo.test:9898/new"]);
    const self = await bed.ask("podinfo", "/self");
    expect([self.status, self.body]).toEqual([299, "here"]);
    const aborted = await bed.ask("podinfo", "/abort");
    expect([aborted.status, aborted.body]).toEqual([418, "fault filter abort"]);
    expect((await bed.ask("podinfo", "/slow")).body).toBe("podinfo-primary");
    expect(requests({ response_flags: "DI", response_code: "200", reporter: "source" })).toBe(1);
    expect(requests({ response_flags: "FI", response_code: "418", reporter: "source" })).toBe(1);
  });

  it("answers browsers of other sites", async () => {
    const corsPolicy = {
      allowOrigins: [{ exact: "https://a.example" }],
      allowMethods: ["GET", "POST"],
      allowHeaders: ["x-a"],
      exposeHeaders: ["x-b"],
      maxAge: "24h",
      allowCredentials: true,
    };
    route([{ corsPolicy, route: split(100, 0) }]);
    const origin = "https://a.example";
    const preflight = { origin, "access-control-request-method": "POST" };
    const answer = await bed.ask("podinfo", "/", { method: "OPTIONS", headers: preflight });
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "x-a",
      "access-control-max-age": "86400",
      "access-control-allow-credentials": "true",
    });
    expect(primary.seen).toHaveLength(0);
    const plain = await bed.ask("podinfo", "/", { headers: { origin } });
    expect(plain.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "x-b",
    });
    const stranger = await bed.ask("podinfo", "/", { headers: { origin: "https://b.example" } });
    expect(stranger.headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("mirrors: the copy is counted, its answer is dropped", async () => {
    route([{ route: split(100, 0), mirror: { host: "podinfo-canary" } }]);
    const host = "podinfo.test:9898";
    const answer = await bed.ask("podinfo", "/x", { method: "POST", body: "payload", headers: { host } });
    expect(answer.body).toBe("podinfo-primary");
    await expect.poll(() => requests({ destination_workload: "podinfo", reporter: "destination" })).toBe(1);
    expect(canary.seen[0]).toMatchObject({
      url: "/x",
      method: "POST",
      body: "payload",
      headers: { host: "podinfo.test-shadow:9898" },
    });
    expect(bed.mesh.requestsByPod().get(`test/${canary.name}`)).toBe(1);
    route([{ route: split(100, 0), mirror: { host: "podinfo-canary" }, mirrorPercentage: { value: 0 } }]);
    await bodies(10, () => bed.ask("podinfo"));
    expect(canary.seen).toHaveLength(1);
  });

  it("that delegates takes the other's rules under its own conditions", async () => {
    bed.put(virtualService, "inner", { hosts: [], http: [{ route: [to("podinfo-canary")] }] });
    route([{ match: [{ uri: { prefix: "/api" } }], delegate: { name: "inner" } }, { route: [to("podinfo-primary")] }]);
    expect(await bodyOf("/api/x")).toBe("podinfo");
    expect(await bodyOf("/")).toBe("podinfo-primary");
    bed.put(virtualService, "inner", { hosts: [], http: [{ route: [to("podinfo-primary")] }] });
    expect(await bodyOf("/api/x")).toBe("podinfo-primary");
  });
});

describe("the ingress gateway", () => {
  const servers = (hosts: string[]) => ({ servers: [{ port: { number: 80, protocol: "HTTP" }, hosts }] });

  it("has no routes until a Gateway and a VirtualService define some", async () => {
    expect((await bed.askIngress("app.example.com")).status).toBe(404);
    bed.put(gateway, "public", servers(["*"]), "istio-system");
    const spec = { hosts: ["app.example.com"], gateways: ["istio-system/public"], http: [{ route: split(100, 0) }] };
    bed.put(virtualService, "podinfo", spec);
    expect((await bed.askIngress("app.example.com:8080")).body).toBe("podinfo-primary");
    expect((await bed.askIngress("other.example.com")).status).toBe(404);
    const labels = { source_workload: "istio-ingressgateway", destination_workload: "podinfo-primary" };
    expect(requests({ ...labels, reporter: "source" })).toBe(1);
    expect(requests({ ...labels, reporter: "destination" })).toBe(1);
    expect(primary.seen[0]?.headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", host: "app.example.com:8080" });
  });

  it.each([
    ["namespace/name", "istio-system/public"],
    ["name.namespace", "public.istio-system"],
    ["its full name", "public.istio-system.svc.cluster.local"],
    ["its bare name, in its own namespace", "public"],
    ["./name, in its own namespace", "./public"],
  ])("is named by %s", async (_, name) => {
    bed.put(gateway, "public", servers(["*"]), name.includes("istio-system") ? "istio-system" : "test");
    const spec = { hosts: ["app.example.com"], gateways: [name], http: [{ route: split(100, 0) }] };
    bed.put(virtualService, "podinfo", spec);
    expect((await bed.askIngress("app.example.com")).body).toBe("podinfo-primary");
  });

  it("is the Service istio-ingressgateway, too", async () => {
    bed.put(gateway, "public", servers(["*"]), "istio-system");
    const spec = { hosts: ["app.example.com"], gateways: ["istio-system/public"], http: [{ route: split(100, 0) }] };
    bed.put(virtualService, "podinfo", spec);
    const ingress = Number(new URL(bed.mesh.ingressUrl).port);
    createIngressService(bed.store, ingress, 8080);
    const pod = bed.addresses.pod();
    const program = await gatewayApp(() => ingress)({ address: pod, signal: new AbortController().signal });
    const subsets = [{ addresses: [{ ip: pod }], ports: [{ name: "http2", port: 8080, protocol: "TCP" }] }];
    const metadata = { namespace: "istio-system", name: "istio-ingressgateway" };
    bed.store.create(RESOURCES.endpoints, { apiVersion: "v1", kind: "Endpoints", metadata, subsets });
    expect((await bed.askIngress("app.example.com")).status).toBe(200);
    const address = bed.clusterIP("istio-ingressgateway", "istio-system");
    expect((await send(address, 8080, "/", { headers: { host: "app.example.com" } })).body).toBe("podinfo-primary");
    const labels = { source_workload: "istio-ingressgateway", reporter: "destination" };
    expect(requests(labels)).toBe(2);
    await program.stop();
  });

  it("lets in the hosts of its servers only; the narrowest host wins", async () => {
    bed.put(gateway, "public", servers(["test/*.example.com", "plain/other.org"]));
    const rules = (host: string, name: string) => ({
      hosts: [host],
      gateways: ["public"],
      http: [{ directResponse: { status: 200, body: { string: name } } }],
    });
    bed.put(virtualService, "any", rules("*", "any"));
    bed.put(virtualService, "one", rules("one.example.com", "one"));
    bed.put(virtualService, "other", rules("other.org", "other"));
    expect((await bed.askIngress("one.example.com")).body).toBe("one");
    expect((await bed.askIngress("two.example.com")).body).toBe("any");
    expect((await bed.askIngress("other.org")).status).toBe(404);
  });

  it("joins the rules of several VirtualServices for one host, oldest first", async () => {
    bed.put(gateway, "public", servers(["*"]));
    const rules = (path: string, name: string) => ({
      hosts: ["app.example.com"],
      gateways: ["test/public"],
      http: [{ match: [{ uri: { prefix: path } }], directResponse: { status: 200, body: { string: name } } }],
    });
    bed.put(virtualService, "a", rules("/a", "a"));
    bed.put(virtualService, "b", rules("/", "b"));
    expect((await bed.askIngress("app.example.com", "/a")).body).toBe("a");
    expect((await bed.askIngress("app.example.com", "/c")).body).toBe("b");
  });
});
