/** Texts of events for missing objects, in the words of the API server and Flagger. */
import type { ObjectRef } from "../ports/kubernetes.ts";

/** `deployment podinfo.test get query error: deployments.apps "podinfo" not found` */
export function getQueryError(ref: ObjectRef, what = ref.type.kind.toLowerCase()): string {
  return `${what} ${ref.name}.${ref.namespace} get query error: ${notFound(ref)}`;
}

/** `deployments.apps "podinfo" not found` */
export function notFound({ type, name }: ObjectRef): string {
  return `${type.group === "" ? type.plural : `${type.plural}.${type.group}`} "${name}" not found`;
}
