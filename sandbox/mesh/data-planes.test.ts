/**
 * One suite for the three data planes that the sandbox imitates: what a release asks of a gateway, in the words of
 * Istio, of the Gateway API and of ingress-nginx. All of them answer at the ingress.
 */
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../test/patience.ts";
import { GATEWAY_API } from "../crds/gateway-api.ts";
import { type Answer, type AskOptions, type MeshBed, SERVICE_PORT, startMeshBed } from "./testbed.ts";

/** What a plane is to do with the requests of one host. */
interface Traffic {
  readonly weights: readonly [primary: number, canary: number];
  /** Requests with this header go to the canary alone. */
  readonly header?: { readonly name: string; readonly exact?: string; readonly regex?: string };
  /** Requests with this cookie at "always" go to the canary alone. */
  readonly cookie?: string;
  readonly method?: string;
  readonly query?: readonly [name: string, value: string];
  readonly mirror?: boolean;
  /** Set on the request and on the answer. */
  readonly mark?: string;
  /** A prefix of the path, and what stands in its place. */
  readonly rewrite?: readonly [prefix: string, replacement: string];
  readonly timeout?: string;
}

type Able = "mirror" | "mark" | "rewrite" | "timeout" | "request-matches" | "regex-header";

interface DataPlane {
  readonly name: string;
  readonly can: ReadonlySet<Able>;
  publish(host: string, traffic: Traffic): void;
}

const HOST = "app.example.com";
const INSIDER = { name: "x-canary", exact: "insider" };
const REQUESTS = 2_000;

let bed: MeshBed;

/** A small generator of chance with a seed (mulberry32), so that a failure can be repeated. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}

beforeEach(async () => {
  bed = await startMeshBed({ random: chance(20_240_101) });
  for (const name of ["podinfo-primary", "podinfo-canary"]) {
    bed.service(name);
    bed.endpoints(name, [await bed.pod(name, { handler: (_request, response) => answer(response, name) })]);
  }
});

afterEach(() => bed.stop());

function answer(response: ServerResponse, name: string): void {
  response.setHeader("x-program", name);
  response.end(name);
}

function put(type: ResourceType, object: KubeObject): void {
  const { name, namespace = "test" } = object.metadata;
  const live = bed.store.get(type, namespace, name);
  if (live === undefined) bed.store.create(type, object);
  else
    bed.store.update(type, { ...structuredClone(live), ...object, metadata: { ...live.metadata, ...object.metadata } });
}

const cookieRegex = (name: string) => `^(.*?;)?\\s*(${name}=always)(;.*)?$`;

const istio: DataPlane = {
  name: "Istio",
  can: new Set(["mirror", "mark", "rewrite", "timeout", "request-matches", "regex-header"]),
  publish: (host, { weights, header, cookie, method, query, mirror, mark, rewrite, timeout }) => {
    bed.put(RESOURCES.gateway, "public", { servers: [{ port: { number: 80, protocol: "HTTP" }, hosts: ["*"] }] });
    const to = (name: string, weight: number) => ({ destination: { host: name }, weight });
    const common = {
      ...(mark !== undefined && {
        headers: { request: { set: { "x-mark": mark } }, response: { set: { "x-mark": mark } } },
      }),
      ...(rewrite !== undefined && { rewrite: { uri: rewrite[1] } }),
      ...(timeout !== undefined && { timeout }),
      ...(mirror === true && { mirror: { host: "podinfo-canary" } }),
    };
    const uri = rewrite === undefined ? [] : [{ uri: { prefix: rewrite[0] } }];
    const matches: KubeFields[] = [
      ...(header === undefined
        ? []
        : [{ headers: { [header.name]: header.exact ? { exact: header.exact } : { regex: header.regex } } }]),
      ...(cookie === undefined ? [] : [{ headers: { cookie: { regex: cookieRegex(cookie) } } }]),
      ...(method === undefined ? [] : [{ method: { exact: method } }]),
      ...(query === undefined ? [] : [{ queryParams: { [query[0]]: { exact: query[1] } } }]),
    ];
    const matched = matches.length === 0 ? [] : [{ match: matches, route: [to("podinfo-canary", 100)], ...common }];
    const rest = {
      ...(uri.length > 0 && { match: uri }),
      route: [to("podinfo-primary", weights[0]), to("podinfo-canary", weights[1])],
      ...common,
    };
    bed.put(RESOURCES.virtualService, "podinfo", { hosts: [host], gateways: ["public"], http: [...matched, rest] });
  },
};

const gatewayApi: DataPlane = {
  name: "the Gateway API",
  can: new Set(["mirror", "mark", "rewrite", "timeout", "request-matches", "regex-header"]),
  publish: (host, { weights, header, cookie, method, query, mirror, mark, rewrite, timeout }) => {
    const listeners = [{ name: "http", protocol: "HTTP", port: 80 }];
    bed.put(GATEWAY_API.gateway, "public", { gatewayClassName: "sandbox", listeners });
    const to = (name: string, weight: number) => ({ name, port: SERVICE_PORT, weight });
    const modifier = { set: [{ name: "x-mark", value: mark }] };
    const path = { type: "ReplacePrefixMatch", replacePrefixMatch: rewrite?.[1] };
    const filters: KubeFields[] = [
      ...(mark === undefined ? [] : [{ type: "RequestHeaderModifier", requestHeaderModifier: modifier }]),
      ...(mark === undefined ? [] : [{ type: "ResponseHeaderModifier", responseHeaderModifier: modifier }]),
      ...(rewrite === undefined ? [] : [{ type: "URLRewrite", urlRewrite: { path } }]),
      ...(mirror === true ? [{ type: "RequestMirror", requestMirror: { backendRef: to("podinfo-canary", 1) } }] : []),
    ];
    const regex = "RegularExpression";
    const matches: KubeFields[] = [
      ...(header === undefined
        ? []
        : [
            {
              headers: [
                header.exact
                  ? { name: header.name, value: header.exact }
                  : { name: header.name, type: regex, value: header.regex },
              ],
            },
          ]),
      ...(cookie === undefined ? [] : [{ headers: [{ name: "cookie", type: regex, value: cookieRegex(cookie) }] }]),
      ...(method === undefined ? [] : [{ method }]),
      ...(query === undefined ? [] : [{ queryParams: [{ name: query[0], value: query[1] }] }]),
    ];
    const rest = {
      matches: [{ path: { type: "PathPrefix", value: rewrite?.[0] ?? "/" } }],
      backendRefs: [to("podinfo-primary", weights[0]), to("podinfo-canary", weights[1])],
      filters,
      ...(timeout !== undefined && { timeouts: { request: timeout } }),
    };
    const matched = matches.length === 0 ? [] : [{ matches, backendRefs: [to("podinfo-canary", 1)] }];
    const spec = { parentRefs: [{ name: "public" }], hostnames: [host], rules: [rest, ...matched] };
    bed.put(GATEWAY_API.httpRoute, "podinfo", spec);
  },
};

const nginx: DataPlane = {
  name: "ingress-nginx",
  can: new Set(["regex-header"]),
  publish: (host, { weights, header, cookie }) => {
    const prefix = "nginx.ingress.kubernetes.io/canary";
    const ingress = (name: string, service: string, annotations: Record<string, string>): KubeObject => {
      const backend = { service: { name: service, port: { number: SERVICE_PORT } } };
      const rules = [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
      const spec = { ingressClassName: "nginx", rules };
      const metadata = { namespace: "test", name, annotations };
      return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata, spec };
    };
    put(RESOURCES.ingress, ingress("podinfo", "podinfo-primary", {}));
    const annotations = {
      [prefix]: "true",
      [`${prefix}-weight`]: String(weights[1]),
      ...(header !== undefined && { [`${prefix}-by-header`]: header.name }),
      ...(header?.exact !== undefined && { [`${prefix}-by-header-value`]: header.exact }),
      ...(header?.regex !== undefined && { [`${prefix}-by-header-pattern`]: header.regex }),
      ...(cookie !== undefined && { [`${prefix}-by-cookie`]: cookie }),
    };
    put(RESOURCES.ingress, ingress("podinfo-canary", "podinfo-canary", annotations));
  },
};

async function who(path = "/", options: AskOptions = {}): Promise<string> {
  return (await bed.askIngress(HOST, path, options)).body;
}

/** Resolves when the plane has seen what was published last: its watches answer from microtasks. */
async function published(plane: DataPlane, traffic: Traffic): Promise<void> {
  plane.publish(HOST, traffic);
  await new Promise((resolve) => setImmediate(resolve));
}

describe.each([istio, gatewayApi, nginx].map((plane) => [plane.name, plane] as const))("%s", (_name, plane) => {
  /** Registers a test for the planes that can do what the test asks. */
  const able = (what: Able) => (title: string, test: () => Promise<void>) => {
    if (plane.can.has(what)) it(title, test);
  };

  it("splits two thousand requests by weight, step by step, and fails none", async () => {
    for (const share of [0, 10, 50, 100]) {
      await published(plane, { weights: [100 - share, share] });
      const counts: Record<string, number> = {};
      const each = REQUESTS / 4;
      for (let sent = 0; sent < each; sent += 50) {
        const batch: Answer[] = await Promise.all(Array.from({ length: 50 }, () => bed.askIngress(HOST)));
        for (const { status, body } of batch) counts[`${status} ${body}`] = (counts[`${status} ${body}`] ?? 0) + 1;
      }
      const canary = counts["200 podinfo-canary"] ?? 0;
      const slack = 5 * Math.sqrt((each * share * (100 - share)) / 10_000);
      expect(Math.abs(canary - (each * share) / 100)).toBeLessThanOrEqual(slack);
      expect(canary + (counts["200 podinfo-primary"] ?? 0)).toBe(each);
    }
  }, 240_000);

  it("sends requests with a header to the canary, and no others", async () => {
    await published(plane, { weights: [100, 0], header: INSIDER });
    expect(await who("/", { headers: { "x-canary": "insider" } })).toBe("podinfo-canary");
    expect(await who("/", { headers: { "x-canary": "outsider" } })).toBe("podinfo-primary");
    expect(await who()).toBe("podinfo-primary");
  });

  it("sends requests with a cookie to the canary, and no others", async () => {
    await published(plane, { weights: [100, 0], cookie: "vip" });
    expect(await who("/", { headers: { cookie: "a=b; vip=always; c=d" } })).toBe("podinfo-canary");
    expect(await who("/", { headers: { cookie: "vip=always" } })).toBe("podinfo-canary");
    expect(await who("/", { headers: { cookie: "vip=never" } })).toBe("podinfo-primary");
    expect(await who("/", { headers: { cookie: "other-vip=always" } })).toBe("podinfo-primary");
  });

  able("regex-header")("matches a header by a regular expression", async () => {
    await published(plane, { weights: [100, 0], header: { name: "user-agent", regex: "(.*)Firefox(.*)" } });
    expect(await who("/", { headers: { "user-agent": "Mozilla Firefox/140" } })).toBe("podinfo-canary");
    expect(await who("/", { headers: { "user-agent": "Mozilla Chrome" } })).toBe("podinfo-primary");
  });

  able("request-matches")("matches methods and query parameters", async () => {
    await published(plane, { weights: [100, 0], method: "POST", query: ["user", "insider"] });
    expect(await who("/", { method: "POST" })).toBe("podinfo-canary");
    expect(await who("/?user=insider")).toBe("podinfo-canary");
    expect(await who("/?user=outsider")).toBe("podinfo-primary");
  });

  able("mirror")("sends copies to the canary, whose answers no user gets", async () => {
    const before = bed.mesh.requests();
    await published(plane, { weights: [100, 0], mirror: true });
    for (let i = 0; i < 20; i += 1) expect(await who()).toBe("podinfo-primary");
    await expect.poll(() => bed.mesh.requests() - before, { timeout: PATIENCE_MS }).toBe(40);
  });

  able("mark")("edits headers of requests and answers", async () => {
    await published(plane, { weights: [100, 0], mark: "seen" });
    const { headers } = await bed.askIngress(HOST);
    expect(headers["x-mark"]).toBe("seen");
    expect(headers["x-program"]).toBe("podinfo-primary");
  });

  able("rewrite")("puts another prefix in the place of the path's", async () => {
    await published(plane, { weights: [100, 0], rewrite: ["/api/", "/"] });
    expect((await bed.askIngress(HOST, "/api/version?a=b")).status).toBe(200);
    expect((await bed.askIngress(HOST, "/other")).status).toBe(404);
  });

  able("timeout")("ends a request that takes too long", async () => {
    const slow = await bed.pod("slow", { handler: () => {} });
    bed.endpoints("podinfo-primary", [slow]);
    await published(plane, { weights: [100, 0], timeout: "100ms" });
    expect((await bed.askIngress(HOST)).status).toBe(504);
  });

  it("knows no host that was not published", async () => {
    await published(plane, { weights: [100, 0] });
    expect((await bed.askIngress("other.example.com")).status).toBe(404);
  });
});

describe("ingress-nginx", () => {
  it("counts requests to canary and primary under the names of its metrics", async () => {
    await published(nginx, { weights: [100, 0], header: INSIDER });
    for (let i = 0; i < 3; i += 1) await who("/", { headers: { "x-canary": "insider" } });
    await who();
    const canary = {
      namespace: "test",
      ingress: "podinfo",
      canary: `test-podinfo-canary-${SERVICE_PORT}`,
      status: "200",
    };
    expect(bed.metric("nginx_ingress_controller_requests", canary)).toBe(3);
    expect(bed.metric("nginx_ingress_controller_response_duration_seconds_count", canary)).toBe(3);
    expect(bed.metric("nginx_ingress_controller_requests", { ...canary, canary: "" })).toBe(1);
  });

  it("says which annotations it does not know", async () => {
    const backend = { service: { name: "podinfo-primary", port: { number: SERVICE_PORT } } };
    put(RESOURCES.ingress, {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { namespace: "test", name: "web", annotations: { "nginx.ingress.kubernetes.io/limit-rps": "5" } },
      spec: { ingressClassName: "nginx", defaultBackend: backend },
    });
    expect((await bed.askIngress("any.example.com")).body).toBe("podinfo-primary");
    const said = bed.store.list(RESOURCES.event, "test").map((event) => event["message"]);
    expect(said).toContain(
      "the sandbox's imitation of ingress-nginx passes over nginx.ingress.kubernetes.io/limit-rps",
    );
  });
});

describe("the Gateway API", () => {
  const listeners = [{ name: "http", protocol: "HTTP", port: 80 }];
  const backendRefs = [{ name: "podinfo-primary", port: SERVICE_PORT }];

  it("leaves Gateways of other classes alone", async () => {
    bed.put(GATEWAY_API.gateway, "public", { gatewayClassName: "istio", listeners });
    bed.put(GATEWAY_API.httpRoute, "podinfo", { parentRefs: [{ name: "public" }], rules: [{ backendRefs }] });
    expect((await bed.askIngress(HOST)).status).toBe(404);
  });

  it("prefers exact paths, then long prefixes, whichever route has them", async () => {
    bed.put(GATEWAY_API.gateway, "public", { gatewayClassName: "sandbox", listeners });
    const route = (path: KubeFields, service: string) => ({
      parentRefs: [{ name: "public" }],
      rules: [{ matches: [{ path }], backendRefs: [{ name: service, port: SERVICE_PORT }] }],
    });
    bed.put(GATEWAY_API.httpRoute, "all", route({ type: "PathPrefix", value: "/" }, "podinfo-primary"));
    bed.put(GATEWAY_API.httpRoute, "some", route({ type: "PathPrefix", value: "/some" }, "podinfo-canary"));
    expect(await who("/")).toBe("podinfo-primary");
    expect(await who("/some/path")).toBe("podinfo-canary");
    // "/some" is a segment, not the beginning of any word.
    expect(await who("/something")).toBe("podinfo-primary");
  });

  it("sends to another namespace only with a ReferenceGrant", async () => {
    bed.put(
      GATEWAY_API.gateway,
      "public",
      {
        gatewayClassName: "sandbox",
        listeners: [{ ...listeners[0], allowedRoutes: { namespaces: { from: "All" } } }],
      },
      "istio-system",
    );
    const spec = {
      parentRefs: [{ name: "public", namespace: "istio-system" }],
      rules: [{ backendRefs: [{ ...backendRefs[0], namespace: "test" }] }],
    };
    bed.put(GATEWAY_API.httpRoute, "podinfo", spec, "plain");
    expect((await bed.askIngress(HOST)).status).toBe(500);
    bed.put(GATEWAY_API.referenceGrant, "plain", {
      from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "plain" }],
      to: [{ group: "", kind: "Service" }],
    });
    expect(await who()).toBe("podinfo-primary");
  });

  it("splits requests to a Service inside the mesh", async () => {
    bed.service("podinfo");
    const parentRefs = [{ group: "", kind: "Service", name: "podinfo", port: SERVICE_PORT }];
    const rules = [{ backendRefs: [{ name: "podinfo-canary", port: SERVICE_PORT }] }];
    bed.put(GATEWAY_API.httpRoute, "podinfo", { parentRefs, rules });
    const answer = () => bed.ask("podinfo").then(({ body }) => body, String);
    await expect.poll(answer, { timeout: PATIENCE_MS }).toBe("podinfo-canary");
  });
});
