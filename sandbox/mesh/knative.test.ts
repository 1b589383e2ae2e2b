import { afterEach, beforeEach, expect, it } from "vitest";
import type { KubeFields } from "../../src/ports/kubernetes.ts";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { KNATIVE, KNATIVE_LABELS, knativeCrds } from "../crds/knative.ts";
import { type MeshBed, SERVICE_PORT, startMeshBed } from "./testbed.ts";

let bed: MeshBed;
let draw: number;

beforeEach(async () => {
  draw = 0;
  // Every hundredth once, so that shares come out as they are.
  bed = await startMeshBed({ random: () => (draw++ % 100) / 100 });
  for (const crd of knativeCrds()) bed.store.create(RESOURCES.crd, crd);
});

afterEach(() => bed.stop());

async function route(traffic: KubeFields[]): Promise<void> {
  for (const name of ["web", "new-web", "web-00001", "web-00002"]) {
    const label = name.startsWith("web-") ? KNATIVE_LABELS.revision : KNATIVE_LABELS.route;
    bed.store.create(RESOURCES.service, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "plain", labels: { [label]: name } },
      spec: { ports: [{ name: "http", port: 80, targetPort: SERVICE_PORT }] },
    });
  }
  for (const name of ["web-00001", "web-00002"]) {
    const handler = name === "web-00002" ? { status: 500 } : { status: 200 };
    const pod = await bed.pod(name, {
      namespace: "plain",
      handler: (_request, response) => response.writeHead(handler.status).end(name),
    });
    bed.endpoints(name, [pod], "plain");
  }
  bed.put(KNATIVE.route, "web", { traffic: [{ configurationName: "web", percent: 100 }] }, "plain");
  split(traffic);
}

function split(traffic: KubeFields[]): void {
  const live = bed.store.get(KNATIVE.route, "plain", "web");
  if (live !== undefined) bed.store.updateStatus(KNATIVE.route, { ...live, status: { traffic } });
}

async function askedOf(times: number, ask: () => Promise<{ body: string }>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i += 1) {
    const { body } = await ask();
    counts[body] = (counts[body] ?? 0) + 1;
  }
  return counts;
}

it("splits a Route's requests by its status, inside and at the gateway, and counts them by Revision", async () => {
  await route([
    { revisionName: "web-00002", latestRevision: true, percent: 30 },
    { revisionName: "web-00001", percent: 70 },
  ]);
  const inside = () => bed.askAt("web", 80, "plain");
  expect(await askedOf(100, inside)).toEqual({ "web-00001": 70, "web-00002": 30 });
  expect(await askedOf(100, () => bed.askIngress("web.plain.example.com"))).toEqual({
    "web-00001": 70,
    "web-00002": 30,
  });
  const requests = (revision: string, code: string) =>
    bed.metric("envoy_cluster_upstream_rq", {
      envoy_cluster_name: `plain/${revision}`,
      envoy_response_code: code,
    });
  expect([requests("web-00001", "200"), requests("web-00002", "500")]).toEqual([140, 60]);
  const infinite = { envoy_cluster_name: "plain/web-00001", le: "+Inf" };
  expect(bed.metric("envoy_cluster_upstream_rq_time_bucket", infinite)).toBe(140);
  split([
    { revisionName: "web-00002", latestRevision: true, percent: 0 },
    { revisionName: "web-00001", percent: 100 },
  ]);
  await bed.askIngress("web.plain.example.com");
  expect(await askedOf(50, inside)).toEqual({ "web-00001": 50 });
});

it("reaches a tagged Revision by the tag's own names, with any share", async () => {
  await route([
    { revisionName: "web-00002", latestRevision: true, percent: 0, tag: "new" },
    { revisionName: "web-00001", percent: 100 },
  ]);
  expect(await askedOf(10, () => bed.askAt("new-web", 80, "plain"))).toEqual({ "web-00002": 10 });
  expect(await askedOf(10, () => bed.askIngress("new-web.plain.example.com"))).toEqual({ "web-00002": 10 });
  expect(await askedOf(10, () => bed.askIngress("web.plain.example.com"))).toEqual({ "web-00001": 10 });
});
