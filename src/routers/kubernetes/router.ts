/**
 * No mesh: there are no weights to set. Traffic follows the apex Service alone, and tests run beside it (blue/green).
 */

import { planFor } from "../../core/plan/plan.ts";
import { ALL_TO_PRIMARY } from "../../core/plan/steps.ts";
import { routesFor } from "../../core/routes.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { Router } from "../../ports/router.ts";

const CAPABILITIES = { weights: false, mirror: false, headerMatch: false, sessionAffinity: false } as const;

export function createKubernetesRouter(): Router {
  return {
    name: "kubernetes",
    capabilities: CAPABILITIES,
    kinds: [],
    problem: () => undefined,
    inputs: () => [],
    // The router writes nothing, so the promised routes are always in force.
    read: (canary: Canary): Routes => routesFor(planFor(canary.spec, CAPABILITIES), canary.status) ?? ALL_TO_PRIMARY,
    render: () => [],
    handBack: () => [],
  };
}
