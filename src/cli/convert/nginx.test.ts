import { describe, expect, it } from "vitest";
import { aWireCanary } from "../../testing/canary.ts";
import { planned } from "../canaries.ts";
import { convertNginx } from "./nginx.ts";

const PREFIX = "nginx.ingress.kubernetes.io";
const OPTIONS = { gateway: { namespace: "ingress", name: "public" }, prefix: PREFIX };
const ingressRef = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "shop" };

const path = (name: string, at: string, pathType = "Prefix") => ({
  ...{ path: at, pathType, backend: { service: { name, port: { number: 80 } } } },
});

const ingress = (annotations: Readonly<Record<string, string>> = {}) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "shop", namespace: "test", annotations: { ...annotations } },
  spec: {
    ingressClassName: "nginx",
    tls: [{ hosts: ["app.example.com"], secretName: "cert" }],
    rules: [
      { host: "app.example.com", http: { paths: [path("podinfo", "/"), path("podinfo", "/x", "Exact")] } },
      { host: "static.example.com", http: { paths: [path("static", "/")] } },
    ],
  },
});

const canary = (analysis = {}) =>
  aWireCanary({ analysis, spec: { provider: "nginx", ingressRef }, service: { port: 80, targetPort: 9898 } });

describe("a Canary of NGINX for the Gateway API", () => {
  it("has the hosts and paths of its Ingress, and is one that the operator takes", () => {
    const { objects } = convertNginx(canary(), [ingress()], OPTIONS);
    const [converted, others] = objects;
    expect(converted?.spec).toMatchObject({
      provider: "gatewayapi:v1",
      service: {
        port: 80,
        hosts: ["app.example.com"],
        gatewayRefs: [{ kind: "Gateway", namespace: "ingress", name: "public" }],
        match: [{ uri: { prefix: "/" } }, { uri: { exact: "/x" } }],
      },
    });
    expect(converted?.spec.ingressRef).toBeUndefined();
    if (converted !== undefined) expect(() => planned(converted, "istio")).not.toThrow();
    expect(others).toMatchObject({
      kind: "HTTPRoute",
      metadata: { name: "shop-others", namespace: "test" },
      spec: { hostnames: ["static.example.com"], rules: [{ backendRefs: [{ name: "static", port: 80 }] }] },
    });
  });

  it("has the meaning of the annotations that have fields", () => {
    const { objects, notes } = convertNginx(
      canary(),
      [
        ingress({
          [`${PREFIX}/rewrite-target`]: "/",
          [`${PREFIX}/upstream-vhost`]: "inner",
          [`${PREFIX}/proxy-read-timeout`]: "30",
          [`${PREFIX}/enable-cors`]: "true",
          [`${PREFIX}/cors-allow-methods`]: "GET, PUT",
          [`${PREFIX}/cors-max-age`]: "600",
          [`${PREFIX}/x-forwarded-prefix`]: "/shop",
        }),
      ],
      OPTIONS,
    );
    expect(objects[0]?.spec.service).toMatchObject({
      rewrite: { uri: "/", authority: "inner", type: "ReplaceFullPath" },
      timeout: "30s",
      corsPolicy: { allowOrigin: ["*"], allowMethods: ["GET", "PUT"], maxAge: "600s" },
      headers: { request: { set: { "X-Forwarded-Prefix": "/shop" } } },
    });
    expect(notes.filter((note) => note.startsWith("annotation"))).toEqual([]);
  });

  it("names each annotation that has none", () => {
    const { notes } = convertNginx(
      canary(),
      [ingress({ [`${PREFIX}/configuration-snippet`]: "deny all;", [`${PREFIX}/rewrite-target`]: "/$1", other: "x" })],
      OPTIONS,
    );
    expect(notes.filter((note) => note.startsWith("annotation"))).toEqual([
      `annotation ${PREFIX}/configuration-snippet: "deny all;": has no counterpart here: use a filter of your gateway ` +
        "(spec.service.filters) or a policy",
      `annotation ${PREFIX}/rewrite-target: "/$1": groups of a path cannot be used in a rewrite`,
    ]);
    expect(notes).toContain("Ingress shop has TLS: put its certificates into the listeners of the Gateway");
  });

  it("tests the users that had NGINX's cookie", () => {
    const match = [{ headers: { cookie: { exact: "canary" } } }];
    const { objects } = convertNginx(canary({ iterations: 3, match }), [ingress()], OPTIONS);
    const regex: string = objects[0]?.spec.analysis.match[0].headers.cookie.regex;
    const matches = (cookie: string) => new RegExp(`^(?:${regex})$`).test(cookie);
    expect(["canary=always", "a=b; canary=always; c=d"].every(matches)).toBe(true);
    expect(["canary=never", "notcanary=always", "canary=alwaysnot"].some(matches)).toBe(false);
  });

  it("is refused without its Ingress, and without a path to its Service", () => {
    expect(() => convertNginx(canary(), [], OPTIONS)).toThrow("podinfo.test: Ingress shop is not in the files");
    const elsewhere = { ...ingress(), spec: { rules: [{ http: { paths: [path("other", "/")] } }] } };
    expect(() => convertNginx(canary(), [elsewhere], OPTIONS)).toThrow("Ingress shop has no path to Service podinfo");
  });
});
