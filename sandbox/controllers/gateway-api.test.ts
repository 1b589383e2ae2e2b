import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { GATEWAY_API, gatewayApiCrds, gatewayClass } from "../crds/gateway-api.ts";
import { startTestbed, type Testbed } from "./testbed.ts";

let bed: Testbed;

const LISTENER = { name: "http", protocol: "HTTP", port: 80 };
const BACKEND = { name: "podinfo", port: 9898 };

beforeEach(async () => {
  bed = await startTestbed({ clock: createManualClock(), crds: gatewayApiCrds() });
  bed.store.create(GATEWAY_API.gatewayClass, gatewayClass());
  bed.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "podinfo" },
    spec: { ports: [{ port: 9898 }] },
  });
});

afterEach(() => bed.stop());

function put(type: ResourceType, name: string, spec: KubeFields): void {
  const live = bed.get(type, name);
  const metadata = { namespace: "default", name };
  const object: KubeObject = { apiVersion: `${type.group}/${type.version}`, kind: type.kind, metadata, spec };
  if (live === undefined) bed.store.create(type, object);
  else bed.store.update(type, { ...structuredClone(live), spec });
}

async function gateway(spec: KubeFields = {}): Promise<void> {
  put(GATEWAY_API.gateway, "public", { gatewayClassName: "sandbox", listeners: [LISTENER], ...spec });
  await bed.settle();
}

async function route(spec: KubeFields = {}, type = GATEWAY_API.httpRoute): Promise<void> {
  const rules = [{ backendRefs: [BACKEND] }];
  put(type, "podinfo", { parentRefs: [{ name: "public" }], rules, ...spec });
  await bed.settle();
}

/** "Accepted True Accepted", for each condition. */
function states(type: ResourceType, name: string, at: (status: KubeFields) => KubeFields = (status) => status) {
  const { status = {} } = bed.get(type, name) ?? {};
  const conditions: readonly KubeFields[] = at(status)?.conditions ?? [];
  return conditions.map((condition) => `${condition.type} ${condition.status} ${condition.reason}`);
}

const ofRoute = (type = GATEWAY_API.httpRoute) => states(type, "podinfo", ({ parents }) => parents?.[0]);

describe("the sandbox's gateway", () => {
  it("accepts its class, its Gateways and their routes", async () => {
    await gateway();
    await route();
    expect(states(GATEWAY_API.gateway, "public")).toEqual(["Accepted True Accepted", "Programmed True Programmed"]);
    expect(ofRoute()).toEqual(["Accepted True Accepted", "ResolvedRefs True ResolvedRefs"]);
    const { status } = bed.get(GATEWAY_API.gateway, "public") ?? {};
    expect(status).toMatchObject({
      addresses: [{ value: "127.0.0.1" }],
      listeners: [{ name: "http", attachedRoutes: 1 }],
    });
    expect(bed.get(GATEWAY_API.httpRoute, "podinfo")?.status.parents[0]).toMatchObject({
      controllerName: "aviary.sandbox/gateway",
      parentRef: { name: "public" },
    });
  });

  it("leaves the Gateways of other classes, and their routes, to others", async () => {
    await gateway({ gatewayClassName: "istio" });
    await route();
    expect(bed.get(GATEWAY_API.gateway, "public")?.status).toBeUndefined();
    expect(bed.get(GATEWAY_API.httpRoute, "podinfo")?.status).toBeUndefined();
  });

  it("keeps what other controllers say of a route", async () => {
    await gateway();
    await route();
    const other = { controllerName: "example.org/other", parentRef: { name: "other" }, conditions: [] };
    const live = bed.get(GATEWAY_API.httpRoute, "podinfo");
    if (live === undefined) throw new Error("no route");
    bed.store.updateStatus(GATEWAY_API.httpRoute, { ...live, status: { parents: [other, ...live.status.parents] } });
    await bed.settle();
    await gateway({ listeners: [{ ...LISTENER, hostname: "none.example.com" }] });
    const { parents } = bed.get(GATEWAY_API.httpRoute, "podinfo")?.status ?? {};
    expect(parents.map(({ controllerName }: KubeFields) => controllerName)).toEqual([
      "example.org/other",
      "aviary.sandbox/gateway",
    ]);
  });

  it.each([
    ["a listener that is not there", { parentRefs: [{ name: "public", sectionName: "https" }] }, "NoMatchingParent"],
    ["hostnames that no listener has", { hostnames: ["other.org"] }, "NoMatchingListenerHostname"],
  ])("refuses a route with %s", async (_name, spec, reason) => {
    await gateway({ listeners: [{ ...LISTENER, hostname: "*.example.com" }] });
    await route(spec);
    expect(ofRoute()[0]).toBe(`Accepted False ${reason}`);
  });

  it("refuses a route that the listener does not allow", async () => {
    await gateway({ listeners: [{ ...LISTENER, allowedRoutes: { kinds: [{ kind: "GRPCRoute" }] } }] });
    await route();
    expect(ofRoute()[0]).toBe("Accepted False NotAllowedByListeners");
  });

  it("says which Service is missing, until the Service is there", async () => {
    await gateway();
    await route({ rules: [{ backendRefs: [{ ...BACKEND, name: "later" }] }] });
    expect(ofRoute()[1]).toBe("ResolvedRefs False BackendNotFound");
    const metadata = { namespace: "default", name: "later" };
    bed.apply({ apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 9898 }] } });
    await bed.settle();
    expect(ofRoute()[1]).toBe("ResolvedRefs True ResolvedRefs");
  });

  it("accepts a GRPCRoute, and says that it does not carry gRPC", async () => {
    await gateway();
    await route({}, GATEWAY_API.grpcRoute);
    expect(ofRoute(GATEWAY_API.grpcRoute)[0]).toBe("Accepted True Accepted");
    const [parent] = bed.get(GATEWAY_API.grpcRoute, "podinfo")?.status.parents ?? [];
    expect(parent.conditions[0].message).toBe("the sandbox's gateway does not carry requests of gRPC");
  });

  it("refuses a listener that needs another protocol", async () => {
    await gateway({ listeners: [{ ...LISTENER, protocol: "TCP" }] });
    const listener = ({ listeners }: KubeFields) => listeners?.[0];
    expect(states(GATEWAY_API.gateway, "public", listener)[0]).toBe("Accepted False UnsupportedProtocol");
  });

  it("gives Ingresses of its class an address, and no others", async () => {
    for (const ingressClassName of ["nginx", "other"]) {
      const defaultBackend = { service: { name: "podinfo", port: { number: 9898 } } };
      put(RESOURCES.ingress, ingressClassName, { ingressClassName, defaultBackend });
    }
    await bed.settle();
    const address = (name: string) => bed.get(RESOURCES.ingress, name)?.status?.loadBalancer?.ingress;
    expect(address("nginx")).toEqual([{ ip: "127.0.0.1" }]);
    expect(address("other")).toBeUndefined();
  });
});
