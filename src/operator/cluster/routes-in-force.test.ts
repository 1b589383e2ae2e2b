import { describe, expect, it } from "vitest";
import { planFor } from "../../core/plan/plan.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import { SPECIMENS as ofAppMesh } from "../../routers/appmesh/specimens.ts";
import { SPECIMENS as ofContour } from "../../routers/contour/specimens.ts";
import { SPECIMENS as ofGatewayApi } from "../../routers/gatewayapi/specimens.ts";
import { SPECIMENS as ofGloo } from "../../routers/gloo/specimens.ts";
import { SPECIMENS as ofIstio } from "../../routers/istio/specimens.ts";
import { SPECIMENS as ofNginx } from "../../routers/nginx/specimens.ts";
import type { Specimen } from "../../routers/specimen.ts";
import { createRouters } from "../../routers/table.ts";
import { createServicesRouter } from "../../services/services.ts";
import { aCanary } from "../../testing/canary.ts";
import { createToyCluster } from "../../testing/toy-cluster.ts";
import { createWorkloads } from "../../workloads/table.ts";
import type { Adapters } from "../adapters.ts";
import { asRouted, routesReading } from "./routes-in-force.ts";

const TESTS = [...ofAppMesh, ...ofContour, ...ofGatewayApi, ...ofGloo, ...ofIstio, ...ofNginx].filter(
  ({ what }) => what.startsWith("an A/B test") && !what.includes("weights"),
);
const MATCHED: Routes = { primary: 0, canary: 100, mirror: false };
const EVERYONE: Routes = { ...MATCHED, everyone: true };

const onStep = { step: 1, plan: "ab-testing", serving: "as-planned", hold: { kind: "none" }, run: undefined } as const;

/** In the middle of the test, or while the canary covers for the primary: the routes that its status promises. */
function canaryOf({ parts }: Specimen, everyone: boolean): Canary {
  const canary = aCanary(parts);
  const position = everyone
    ? { phase: "Promoting", ...onStep, canaryWeight: 100, primaryWeight: 0, skipping: false, covering: "begun" }
    : { phase: "Progressing", ...onStep, iterations: 1 };
  return { ...canary, status: { ...canary.status, ...position } as unknown as Canary["status"] };
}

describe.each(TESTS)("an A/B test routed by $router ($what)", (specimen) => {
  const router = createRouters({ setOwnerRefs: true }).get(specimen.router);
  if (router === undefined) throw new Error(`no router ${specimen.router}`);
  const [workload] = createWorkloads({ selectorLabels: ["app"], includeLabelPrefixes: [], configTracking: true });
  if (workload === undefined) throw new Error("no workload");
  const adapters: Adapters = { router, workload, services: createServicesRouter() };

  it.each([
    ["those who match", "those who match", true],
    ["everyone", "everyone", true],
    ["those who match", "everyone", false],
    ["everyone", "those who match", false],
  ])("is written for %s and promised for %s: in force is %s", (written, promised, inForce) => {
    const cluster = createToyCluster(mergePatch, ...specimen.world);
    const snapshot = {
      ...cluster,
      remember: () => {},
      isOwnWrite: () => false,
      forget: () => {},
      noteDeletion: () => {},
    };
    const routes = written === "everyone" ? EVERYONE : MATCHED;
    cluster.apply(router.render(asRouted(aCanary(specimen.parts), routes), routes, cluster));
    const canary = canaryOf(specimen, promised === "everyone");
    const plan = planFor(canary.spec, router.capabilities);
    expect(routesReading(canary, plan, adapters, undefined, snapshot).routesInForce).toBe(inForce);
  });
});
