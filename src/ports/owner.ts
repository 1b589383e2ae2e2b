import type { KubeObject, ObjectRef, OwnerReference } from "./kubernetes.ts";

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

/** An object that an adapter writes, and the name that another owner's object may already have. */
export interface MadeObject {
  readonly ref: ObjectRef;
  /** What it is, for the text of an event: "the copy of ConfigMap db". */
  readonly as: string;
  /**
   * "shared": Canaries may use it together. "adopted": it may have been there before, and only another Canary's is
   * refused. Absent: it was made for this Canary, or it is refused.
   */
  readonly use?: "shared" | "adopted";
  /** Whether an object without an owner was made by Aviary or Flagger all the same; absent: never. */
  readonly isMade?: (object: KubeObject) => boolean;
}

/** Whether an object carries the annotations that Aviary and Flagger put on the Services that they make. */
export function isOptedOutOfFlux({ metadata }: KubeObject): boolean {
  return Object.entries(FLUX_OPT_OUT).every(([key, value]) => metadata.annotations?.[key] === value);
}
