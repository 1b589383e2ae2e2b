import type { OwnerReference } from "./kubernetes.ts";

/** The reference by which a Canary owns what was made for it, so that it is collected with the Canary. */
export function ownerReference(canary: {
  readonly ref: { readonly name: string };
  readonly uid: string;
}): OwnerReference {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    name: canary.ref.name,
    uid: canary.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Annotations that tell Flux to keep its hands off what the operator manages. */
export const FLUX_OPT_OUT: Readonly<Record<string, string>> = {
  "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
  "helm.toolkit.fluxcd.io/driftDetection": "disabled",
};
