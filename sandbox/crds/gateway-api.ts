/**
 * The kinds of the Gateway API that the sandbox serves. Their schemas are open; the gateway says in the status what it
 * cannot do. GRPCRoutes are accepted, but their requests are not carried: the sandbox's gateway speaks HTTP/1.1.
 */
import { clusterScoped, type KubeObject, namespaced, type ResourceType } from "../../src/ports/kubernetes.ts";
import { AGE, type Column, type Definition, definition } from "./definition.ts";

export const GATEWAY_GROUP = "gateway.networking.k8s.io";

export const GATEWAY_API = {
  gatewayClass: clusterScoped(GATEWAY_GROUP, "v1", "GatewayClass", "gatewayclasses"),
  gateway: namespaced(GATEWAY_GROUP, "v1", "Gateway", "gateways"),
  httpRoute: namespaced(GATEWAY_GROUP, "v1", "HTTPRoute", "httproutes"),
  grpcRoute: namespaced(GATEWAY_GROUP, "v1", "GRPCRoute", "grpcroutes"),
  referenceGrant: namespaced(GATEWAY_GROUP, "v1beta1", "ReferenceGrant", "referencegrants"),
} satisfies Record<string, ResourceType>;

/** Gateways of this class are the sandbox's. Classes of other control planes are left to these. */
export const GATEWAY_CLASS = "sandbox";
export const GATEWAY_CONTROLLER = "aviary.sandbox/gateway";

const HOSTS: Column = { name: "Hostnames", jsonPath: ".spec.hostnames", type: "string" };

export function gatewayApiCrds(): readonly KubeObject[] {
  const rows: readonly Omit<Definition, "group" | "categories" | "singular">[] = [
    {
      kind: "Gateway",
      shortNames: ["gtw"],
      versions: ["v1", "v1beta1"],
      columns: [
        { name: "Class", jsonPath: ".spec.gatewayClassName", type: "string" },
        { name: "Address", jsonPath: ".status.addresses[*].value", type: "string" },
        { name: "Programmed", jsonPath: '.status.conditions[?(@.type=="Programmed")].status', type: "string" },
        AGE,
      ],
    },
    { kind: "HTTPRoute", shortNames: [], versions: ["v1", "v1beta1"], columns: [HOSTS, AGE] },
    { kind: "GRPCRoute", shortNames: [], versions: ["v1"], columns: [HOSTS, AGE] },
    { kind: "ReferenceGrant", shortNames: ["refgrant"], versions: ["v1beta1"], columns: [AGE] },
    {
      kind: "GatewayClass",
      plural: GATEWAY_API.gatewayClass.plural,
      scope: "Cluster",
      shortNames: ["gc"],
      versions: ["v1", "v1beta1"],
      columns: [
        { name: "Controller", jsonPath: ".spec.controllerName", type: "string" },
        { name: "Accepted", jsonPath: '.status.conditions[?(@.type=="Accepted")].status', type: "string" },
        AGE,
      ],
    },
  ];
  const common = { group: GATEWAY_GROUP, categories: ["gateway-api"] };
  return rows.map((row) => definition({ ...common, ...row, singular: row.kind.toLowerCase() }));
}

/** The class by which Gateways choose the sandbox. */
export function gatewayClass(): KubeObject {
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: "GatewayClass",
    metadata: { name: GATEWAY_CLASS },
    spec: { controllerName: GATEWAY_CONTROLLER, description: "The gateway of the sandbox." },
  };
}
