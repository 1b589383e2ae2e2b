import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../ports/kubernetes.ts";
import { type MeshBed, startMeshBed, type TestPod } from "./testbed.ts";

const { virtualService, destinationRule, gateway } = RESOURCES;

let bed: MeshBed;
let primary: TestPod;
let canary: TestPod;

const to = (host: string, weight?: number) => ({ destination: { host }, ...(weight === undefined ? {} : { weight }) });
const split = (a: number, b: number) => [to("podinfo-primary", a), to("podinfo-canary", b)];

function route(http: KubeFields[], extra: KubeFields = {}): void {
  bed.put(virtualService, "podinfo", { hosts: ["podinfo"], gateways: ["mesh"], http, ...extra });
}

async function bodies(count: number, ask: () => Promise<{ body: string }>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { body } of await Promise.all(Array.from({ length: count }, ask))) found[body] = (found[body] ?? 0) + 1;
  return found;
}

beforeEach(async () => {
  bed = await startMeshBed();
  for (const name of ["podinfo", "podinfo-primary", "podinfo-canary"]) bed.service(name);
  primary = await bed.pod("podinfo-primary");
  canary = await bed.pod("podinfo");
  bed.endpoints("podinfo", [primary]);
  bed.endpoints("podinfo-primary", [primary]);
  bed.endpoints("podinfo-canary", [canary]);
});

afterEach(() => bed.stop());

describe("a Service", () => {
  it("answers at its cluster IP", async () => {
    expect((await bed.ask("podinfo-canary")).body).toBe("podinfo");
    expect(bed.metric("istio_requests_total", { destination_workload: "podinfo", reporter: "destination" })).toBe(1);
  });

  it("without endpoints says so, as Envoy does", async () => {
    bed.endpoints("podinfo", []);
    const answer = await bed.ask("podinfo");
    expect([answer.status, answer.body]).toEqual([503, "no healthy upstream"]);
    expect(bed.metric("istio_requests_total", { response_code: "503", response_flags: "UH" })).toBe(1);
  });

  it("splits by weight, and a lone destination gets everything", async () => {
    route([{ route: split(0, 100) }]);
    expect(await bodies(20, () => bed.ask("podinfo"))).toEqual({ podinfo: 20 });
    route([{ route: [to("podinfo-primary", 0)] }]);
    expect(await bodies(20, () => bed.ask("podinfo"))).toEqual({ "podinfo-primary": 20 });
  });
});

describe("the ingress gateway", () => {
  it("knows nobody until a Gateway and a VirtualService say more", async () => {
    expect((await bed.askIngress("app.example.com")).status).toBe(404);
    bed.put(gateway, "public", { servers: [{ port: { number: 80, protocol: "HTTP" }, hosts: ["*"] }] }, "istio-system");
    const spec = { hosts: ["app.example.com"], gateways: ["istio-system/public"], http: [{ route: split(100, 0) }] };
    bed.put(virtualService, "podinfo", spec);
    expect((await bed.askIngress("app.example.com")).body).toBe("podinfo-primary");
    expect((await bed.askIngress("other.example.com")).status).toBe(404);
    bed.put(destinationRule, "podinfo-primary", { host: "podinfo-primary" });
    const labels = { source_workload: "istio-ingressgateway", destination_workload: "podinfo-primary" };
    expect(bed.metric("istio_requests_total", { ...labels, reporter: "source" })).toBe(1);
  });
});
