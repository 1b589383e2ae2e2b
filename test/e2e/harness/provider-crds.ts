/**
 * CRDs of the kinds that routers write. They accept anything, because the tests compare objects, not what a mesh
 * allows.
 */
import { type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { createRouters, type ROUTERS } from "../../../src/routers/table.ts";

export type Provider = keyof typeof ROUTERS;

/** Kinds that a provider writes. */
export function kindsOf(provider: Provider): readonly ResourceType[] {
  return (createRouters({ setOwnerRefs: true }).get(provider)?.kinds ?? []).map(({ type }) => type);
}

export function openCrds(provider: Provider): readonly KubeObject[] {
  return kindsOf(provider)
    .filter((type) => type !== RESOURCES.ingress)
    .map(openCrd);
}

export function openCrd({ group, version, kind, plural, namespaced }: ResourceType): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          ...{ name: version, served: true, storage: true, subresources: { status: {} } },
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
}
