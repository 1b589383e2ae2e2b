/** Every provider, by the name in `spec.provider`. */
import type { Router, RouterOptions } from "../ports/router.ts";
import { createGatewayApiRouter } from "./gatewayapi/router.ts";
import { createIstioRouter } from "./istio/router.ts";
import { createKnativeRouter } from "./knative/router.ts";
import { createKubernetesRouter } from "./kubernetes/router.ts";

export const ROUTERS = {
  "gatewayapi:v1": (options) => createGatewayApiRouter("v1", options),
  "gatewayapi:v1beta1": (options) => createGatewayApiRouter("v1beta1", options),
  istio: createIstioRouter,
  knative: createKnativeRouter,
  kubernetes: createKubernetesRouter,
} as const satisfies Record<string, (options: RouterOptions) => Router>;

export function createRouters(options: RouterOptions): ReadonlyMap<string, Router> {
  return new Map(Object.entries(ROUTERS).map(([name, create]) => [name, create(options)]));
}
