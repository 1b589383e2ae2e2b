/**
 * What an Istio installation adds to a cluster, as far as the sandbox's imitation knows it: three kinds. Their schemas
 * are open; the mesh says what it cannot do when it compiles the routes.
 */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { AGE, type Column, definition } from "./definition.ts";

const VERSIONS = ["v1", "v1beta1", "v1alpha3"] as const;

export function istioCrds(): readonly KubeObject[] {
  return [
    crd(
      "VirtualService",
      ["vs"],
      [
        { name: "Gateways", jsonPath: ".spec.gateways", type: "string" },
        { name: "Hosts", jsonPath: ".spec.hosts", type: "string" },
        AGE,
      ],
    ),
    crd("DestinationRule", ["dr"], [{ name: "Host", jsonPath: ".spec.host", type: "string" }, AGE]),
    crd("Gateway", ["gw"], [AGE]),
  ];
}

function crd(kind: string, shortNames: readonly string[], columns: readonly Column[]): KubeObject {
  return definition({
    group: "networking.istio.io",
    kind,
    singular: kind.toLowerCase(),
    shortNames,
    categories: ["istio-io", "networking-istio-io"],
    labels: { app: "istio-pilot", istio: "networking" },
    versions: VERSIONS,
    // The one that the operator speaks.
    stored: "v1beta1",
    columns,
  });
}
