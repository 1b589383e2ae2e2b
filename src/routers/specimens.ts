/** The specimens of all routers, for the suites that try each of them. */
import { SPECIMENS as ofApisix } from "./apisix/specimens.ts";
import { SPECIMENS as ofAppMesh } from "./appmesh/specimens.ts";
import { SPECIMENS as ofContour } from "./contour/specimens.ts";
import { SPECIMENS as ofGatewayApi } from "./gatewayapi/specimens.ts";
import { SPECIMENS as ofGloo } from "./gloo/specimens.ts";
import { SPECIMENS as ofIstio } from "./istio/specimens.ts";
import { SPECIMENS as ofKnative } from "./knative/specimens.ts";
import { SPECIMENS as ofKubernetes } from "./kubernetes/specimens.ts";
import { SPECIMENS as ofKuma } from "./kuma/specimens.ts";
import { SPECIMENS as ofNginx } from "./nginx/specimens.ts";
import { SPECIMENS as ofSkipper } from "./skipper/specimens.ts";
import { SPECIMENS as ofSmi } from "./smi/specimens.ts";
import type { Specimen } from "./specimen.ts";
import { SPECIMENS as ofTraefik } from "./traefik/specimens.ts";

/** A router's folder brings its own: a new router needs a line here and none below. */
export const SPECIMENS: readonly Specimen[] = [
  ...ofApisix,
  ...ofAppMesh,
  ...ofContour,
  ...ofGatewayApi,
  ...ofGloo,
  ...ofIstio,
  ...ofKnative,
  ...ofKubernetes,
  ...ofKuma,
  ...ofNginx,
  ...ofSkipper,
  ...ofSmi,
  ...ofTraefik,
];
