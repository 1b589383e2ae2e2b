/** A Gateway of the Gateway API for everyone: HTTPRoutes and GRPCRoutes of all namespaces may attach to it. */
import type { KubeFields } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace, put } from "../controllers/objects.ts";
import { hasCrd } from "../crds/files.ts";
import { GATEWAY_API, GATEWAY_GROUP } from "../crds/gateway-api.ts";

/** What a Canary's `gatewayRefs` name. */
export const GATEWAY_NAME = { namespace: "ingress", name: "gateway" };
export const CLASS_NAME = "real";

export interface GatewayOptions {
  readonly controllerName: string;
  /** Of its only listener. */
  readonly port: number;
  readonly addresses?: readonly KubeFields[];
  readonly parametersRef?: KubeFields;
}

/**
 * Whether the cluster has the Gateway API's own definitions: control planes wait for kinds that the sandbox's do not
 * have.
 */
export const hasGatewayApi = (cluster: Cluster): boolean =>
  ["gateways", "gatewayclasses", "httproutes", "referencegrants", "backendtlspolicies"].every((plural) =>
    hasCrd(cluster, `${plural}.${GATEWAY_GROUP}`),
  );

/** Call it only when the cluster has the Gateway API. */
export function createGateway(cluster: Cluster, options: GatewayOptions): void {
  const { controllerName, port, addresses, parametersRef } = options;
  const { namespace, name } = GATEWAY_NAME;
  ensureNamespace(cluster, namespace);
  put(cluster, GATEWAY_API.gatewayClass, {
    ...{ apiVersion: `${GATEWAY_GROUP}/v1`, kind: "GatewayClass", metadata: { name: CLASS_NAME } },
    spec: { controllerName, ...(parametersRef && { parametersRef }) },
  });
  const listener = { name: "http", protocol: "HTTP", port, allowedRoutes: { namespaces: { from: "All" } } };
  put(cluster, GATEWAY_API.gateway, {
    ...{ apiVersion: `${GATEWAY_GROUP}/v1`, kind: "Gateway", metadata: { namespace, name } },
    spec: { gatewayClassName: CLASS_NAME, ...(addresses && { addresses }), listeners: [listener] },
  });
}
