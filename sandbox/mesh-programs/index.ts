/** The real meshes and gateways that `aviary sandbox up --mesh NAME` starts beside the imitation. */
import { startContour } from "./contour.ts";
import { startEnvoyGateway } from "./envoy-gateway.ts";
import { startIstio } from "./istio.ts";
import { startNginx } from "./nginx/index.ts";
import type { MeshOptions, MeshPrograms } from "./programs.ts";

export type RealMesh = "contour" | "envoy-gateway" | "istio" | "nginx";

export const START_MESH: Readonly<Record<RealMesh, (options: MeshOptions) => Promise<MeshPrograms>>> = {
  contour: startContour,
  "envoy-gateway": startEnvoyGateway,
  istio: startIstio,
  nginx: startNginx,
};
