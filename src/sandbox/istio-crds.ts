/**
 * What an Istio installation adds to a cluster, as far as the sandbox's imitation knows it: three kinds. Their schemas are
 * open; the mesh says what it cannot do when it compiles the routes.
 */
import type { KubeObject } from "../ports/kubernetes.ts";

interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: string;
}

const VERSIONS = ["v1", "v1beta1", "v1alpha3"] as const;
/** Stored, and the one that the operator speaks. */
const STORED = "v1beta1";
const AGE: Column = { name: "Age", jsonPath: ".metadata.creationTimestamp", type: "date" };

export function istioCrds(): readonly KubeObject[] {
  return [
    crd(
      "VirtualService",
      "virtualservice",
      ["vs"],
      [
        { name: "Gateways", jsonPath: ".spec.gateways", type: "string" },
        { name: "Hosts", jsonPath: ".spec.hosts", type: "string" },
        AGE,
      ],
    ),
    crd("DestinationRule", "destinationrule", ["dr"], [{ name: "Host", jsonPath: ".spec.host", type: "string" }, AGE]),
    crd("Gateway", "gateway", ["gw"], [AGE]),
  ];
}

function crd(kind: string, singular: string, shortNames: readonly string[], columns: readonly Column[]): KubeObject {
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: open, status: open } } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.networking.istio.io`, labels: { app: "istio-pilot", istio: "networking" } },
    spec: {
      group: "networking.istio.io",
      names: {
        kind,
        listKind: `${kind}List`,
        plural: `${singular}s`,
        singular,
        shortNames,
        categories: ["istio-io", "networking-istio-io"],
      },
      scope: "Namespaced",
      versions: VERSIONS.map((name) => ({
        name,
        served: true,
        storage: name === STORED,
        schema,
        subresources: { status: {} },
        additionalPrinterColumns: columns,
      })),
    },
  };
}
