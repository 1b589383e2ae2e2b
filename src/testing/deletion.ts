/** What a deletion does, in the servers of tests: as an API server does it. */
import type { KubeObject } from "../ports/kubernetes.ts";

export type Deletion =
  /** The object has another uid than the one that the client means. */
  | { readonly kind: "conflict" }
  /** No finalizer holds the object. */
  | { readonly kind: "gone" }
  /** Finalizers hold the object. `marked` is the object as it stands now; absent: it was marked before. */
  | { readonly kind: "held"; readonly marked?: KubeObject };

/** @param uid the precondition of the request; undefined: none */
export function deletionOf(object: KubeObject, uid: string | undefined): Deletion {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (uid !== undefined && uid !== object.metadata.uid) return { kind: "conflict" };
  if (finalizers.length === 0) return { kind: "gone" };
  if (deletionTimestamp !== undefined) return { kind: "held" };
  const metadata = { ...object.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
  return { kind: "held", marked: { ...object, metadata } };
}

/** A write took away the last finalizer of an object that is being deleted. */
export const isLetGo = ({ metadata: { deletionTimestamp, finalizers = [] } }: KubeObject): boolean =>
  deletionTimestamp !== undefined && finalizers.length === 0;
