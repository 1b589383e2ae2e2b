/**
 * Permission for a route of another namespace to refer to the Services of the Canary; created when the Canary asks for
 * it.
 */
import type { Canary } from "../../core/status/canary.ts";
import { type KubeObject, namespaced, type ObjectRef } from "../../ports/kubernetes.ts";
import type { RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { namesOf, objectOf, refTo } from "../objects.ts";
import { routeNamespace } from "./adopted.ts";
import type { RouteKind } from "./rules.ts";

export const REFERENCE_GRANT = namespaced("gateway.networking.k8s.io", "v1beta1", "ReferenceGrant", "referencegrants");

export function grantRefs(canary: Canary): readonly ObjectRef[] {
  return isAskedFor(canary) ? [refTo(canary, REFERENCE_GRANT, namesOf(canary).apex)] : [];
}

export function grants(canary: Canary, kind: RouteKind, seen: Snapshot, options: RouterOptions): readonly KubeObject[] {
  return grantRefs(canary).map((ref) => {
    const { primary, canary: canaryService } = namesOf(canary);
    const spec = {
      from: [{ group: REFERENCE_GRANT.group, kind, namespace: routeNamespace(canary) }],
      to: [primary, canaryService].map((name) => ({ group: "", kind: "Service", name })),
    };
    return objectOf(canary, ref, seen, { spec }, options);
  });
}

function isAskedFor(canary: Canary): boolean {
  return canary.spec.service.raw["referenceGrants"] === true && routeNamespace(canary) !== canary.ref.namespace;
}
