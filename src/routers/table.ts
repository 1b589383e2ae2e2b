/** Every provider, by the name in `spec.provider`. The CRD's enum is this list. */
import type { Router, RouterOptions } from "../ports/router.ts";
import { createApisixRouter } from "./apisix/router.ts";
import { createAppMeshRouter } from "./appmesh/v1beta1.ts";
import { createAppMeshV1beta2Router } from "./appmesh/v1beta2.ts";
import { createContourRouter } from "./contour/router.ts";
import { createGatewayApiRouter } from "./gatewayapi/router.ts";
import { createGlooRouter } from "./gloo/router.ts";
import { createIstioRouter } from "./istio/router.ts";
import { createKnativeRouter } from "./knative/router.ts";
import { createKubernetesRouter } from "./kubernetes/router.ts";
import { createKumaRouter } from "./kuma/router.ts";
import { createNginxRouter } from "./nginx/router.ts";
import { createSkipperRouter } from "./skipper/router.ts";
import { createSmiRouter } from "./smi/router.ts";
import { createTraefikRouter } from "./traefik/router.ts";

export const ROUTERS = {
  apisix: createApisixRouter,
  appmesh: createAppMeshRouter,
  "appmesh:v1beta2": createAppMeshV1beta2Router,
  contour: createContourRouter,
  "gatewayapi:v1": (options) => createGatewayApiRouter("v1", options),
  "gatewayapi:v1beta1": (options) => createGatewayApiRouter("v1beta1", options),
  gloo: createGlooRouter,
  istio: createIstioRouter,
  knative: createKnativeRouter,
  kubernetes: createKubernetesRouter,
  kuma: createKumaRouter,
  linkerd: (options) => createSmiRouter("linkerd", "v1alpha1", options),
  nginx: createNginxRouter,
  osm: (options) => createSmiRouter("osm", "v1alpha2", options),
  skipper: createSkipperRouter,
  "smi:v1alpha1": (options) => createSmiRouter("smi:v1alpha1", "v1alpha1", options),
  "smi:v1alpha2": (options) => createSmiRouter("smi:v1alpha2", "v1alpha2", options),
  "smi:v1alpha3": (options) => createSmiRouter("smi:v1alpha3", "v1alpha3", options),
  traefik: createTraefikRouter,
} as const satisfies Record<string, (options: RouterOptions) => Router>;

/** The provider of Canaries that name none, unless `-mesh-provider` names another; Flagger's default. */
export const DEFAULT_PROVIDER = "istio" satisfies keyof typeof ROUTERS;

export function createRouters(options: RouterOptions): ReadonlyMap<string, Router> {
  return new Map(Object.entries(ROUTERS).map(([name, create]) => [name, create(options)]));
}
