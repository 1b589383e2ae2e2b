/** The simulated meshes, by the name of their provider. A provider that is not in the table cannot be simulated. */
import { GATEWAY_API } from "./gateway-api.ts";
import { ISTIO } from "./istio.ts";
import type { MeshReader } from "./mesh-reader.ts";
import { LINKERD } from "./smi.ts";
import { TRAEFIK } from "./traefik.ts";

export const MESHES: Readonly<Record<string, MeshReader>> = {
  "gatewayapi:v1": GATEWAY_API,
  istio: ISTIO,
  linkerd: LINKERD,
  traefik: TRAEFIK,
};

/** The reader of a provider. Istio's is used where nothing routes: on plain Kubernetes and Knative. */
export function meshOf(provider: string | undefined): MeshReader {
  return MESHES[provider ?? "istio"] ?? ISTIO;
}
