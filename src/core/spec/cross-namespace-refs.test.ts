import { describe, expect, it } from "vitest";
import { canaryCrd } from "../../crd/canary.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { parseSpec } from "./parse.ts";

type Fields = Readonly<Record<string, unknown>>;

const options = { ...PARSE_OPTIONS, noCrossNamespaceRefs: true };

interface Parts {
  readonly spec?: Fields;
  readonly service?: Fields;
  readonly analysis?: Fields;
}

function refusal({ spec = {}, service = {}, analysis = {} }: Parts, sharedGateways: readonly string[] = []) {
  const { spec: good } = aWireCanary({ service, analysis });
  const parsed = parseSpec({ ...(good as Fields), ...spec }, "test", { ...options, sharedGateways });
  return parsed.kind === "invalid" ? parsed.problem : undefined;
}

const blocked = (what: string) => `invalid canary spec: can't access ${what}, cross-namespace references are blocked`;
const alert = (namespace?: string) => [{ name: "a", providerRef: { name: "slack", namespace } }];
const query = (namespace?: string) => [{ name: "m", templateRef: { name: "latency", namespace } }];
const mirrored = (namespace?: string) => [
  { type: "RequestMirror", requestMirror: { backendRef: { name: "audit", namespace, port: 80 } } },
];

describe("-no-cross-namespace-refs", () => {
  it.each<[provider: string, what: string, named: (namespace?: string) => Parts]>([
    ["any", "metric template latency.victim", (n) => ({ analysis: { metrics: query(n) } })],
    ["any", "alert provider slack.victim", (n) => ({ analysis: { alerts: alert(n) } })],
    ["gloo", "gloo upstream up.victim", (namespace) => ({ spec: { upstreamRef: { name: "up", namespace } } })],
    [
      "gatewayapi",
      "route shop.victim",
      (namespace) => ({
        spec: { routeRef: { apiVersion: "v1", kind: "HTTPRoute", name: "shop", namespace } },
      }),
    ],
    ["gatewayapi", "gateway gw.victim", (namespace) => ({ service: { gatewayRefs: [{ name: "gw", namespace }] } })],
    [
      "gatewayapi",
      "mirror audit.victim",
      (namespace) => ({
        service: { mirror: [{ backendRef: { name: "audit", namespace, port: 80 } }] },
      }),
    ],
    ["gatewayapi", "filter audit.victim", (n) => ({ service: { filters: mirrored(n) } })],
    ["istio", "gateway gw.victim", (n) => ({ service: { gateways: [n === undefined ? "gw" : `${n}/gw`] } })],
    ["istio", "gateway gw.victim", (n = "test") => ({ service: { gateways: [`gw.${n}.svc.cluster.local`] } })],
    ["istio", "gateway gw.victim", (n = ".") => ({ service: { match: [{ gateways: [`${n}/gw`] }] } })],
    ["istio", "gateway gw.victim", (n = "test") => ({ analysis: { match: [{ gateways: [`${n}/gw`] }] } })],
    ["istio", "host shop.victim", (n = "test") => ({ service: { hosts: [`shop.${n}.svc.cluster.local`] } })],
    ["istio", "host shop.victim", (n = "test") => ({ service: { hosts: ["a.example.com", `SHOP.${n}.svc.`] } })],
    ["istio", "host *.victim", (n = "test") => ({ service: { hosts: [`*.${n}.svc.cluster.local`] } })],
    ["smi", "host shop.victim", (n = "test") => ({ service: { hosts: [`shop.${n}.svc`] } })],
    ["any", "host shop.victim", (n = "test") => ({ service: { name: `shop.${n}.svc` } })],
    ["appmesh", "backend shop.victim", (n = "test") => ({ service: { backends: [`shop.${n}.svc.cluster.local`] } })],
  ])("%s: refuses %s, and allows the same in the namespace of the Canary", (_, what, named) => {
    expect(refusal(named("victim"))).toContain(blocked(what));
    expect(refusal(named("test"))).toBeUndefined();
    expect(refusal(named())).toBeUndefined();
  });

  it.each(["*.local", "*.cluster.local", "*.svc.cluster.local", "*.svc"])(
    "refuses the host %s of all namespaces",
    (host) => {
      expect(refusal({ service: { hosts: [host] } })).toContain(blocked(`host ${host}.*`));
    },
  );

  it.each([["app.example.com"], ["*"], ["podinfo"], ["svc.example.com"], ["*.example.com"]])(
    "allows the host %s",
    (host) => {
      expect(refusal({ service: { hosts: [host] } })).toBeUndefined();
    },
  );

  it("lets every Canary use the gateways that the operator shares", () => {
    const parts = {
      service: { gateways: ["mesh", "istio-system/public"], gatewayRefs: [{ name: "gw", namespace: "edge" }] },
    };
    expect(refusal(parts)).toBe(
      `${blocked("gateway public.istio-system")}: name istio-system/public in -shared-gateways to allow it`,
    );
    expect(refusal(parts, ["istio-system/public"])).toContain("gateway gw.edge");
    expect(refusal(parts, ["istio-system/public", "edge/*"])).toBeUndefined();
    expect(refusal({ spec: { upstreamRef: { name: "up", namespace: "edge" } } }, ["edge/*"])).toContain(
      "gloo upstream",
    );
  });

  it("covers every field of the CRD that is called a namespace", () => {
    const [{ schema }] = (canaryCrd() as unknown as { spec: { versions: [{ schema: { openAPIV3Schema: Node } }] } })
      .spec.versions;
    const fields = namespaceFields(schema.openAPIV3Schema.properties?.["spec"] ?? {});
    expect(fields).toEqual([
      "routeRef.namespace",
      "upstreamRef.namespace",
      "service.mirror[].backendRef.namespace",
      "service.gatewayRefs[].namespace",
      "analysis.metrics[].templateRef.namespace",
      "analysis.alerts[].providerRef.namespace",
    ]);
  });
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** Paths of fields with that name, in the order of the schema. */
function namespaceFields({ properties = {}, items }: Node, path = ""): readonly string[] {
  const inner = Object.entries(properties).flatMap(([name, field]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return name === "namespace" ? [here] : namespaceFields(field, here);
  });
  return items === undefined ? inner : [...inner, ...namespaceFields(items, `${path}[]`)];
}
