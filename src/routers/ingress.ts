/** What NGINX and Skipper share: the Ingress that `spec.ingressRef` names, and the second Ingress beside it. */

import { dotted } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import { type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { IngressObject, IngressPath, IngressSpec } from "../ports/kubernetes-types.ts";
import type { Obstacle, RouterKind } from "../ports/router.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import { namesOf, refTo } from "./objects.ts";

export const INGRESS_KIND: RouterKind = {
  type: RESOURCES.ingress,
  refused: (name, verb) => `ingress ${name} ${verb} error: `,
};

/** The fields of an Ingress spec. A field that the source no longer has is removed from the copy, too. */
export const INGRESS_FIELDS = ["defaultBackend", "ingressClassName", "rules", "tls"];

export function ingressProblem({ spec }: Canary): string | undefined {
  return spec.ingressRef === undefined
    ? "ingress selector is empty: set spec.ingressRef to the Ingress that leads to the Service"
    : undefined;
}

export function sourceRef(canary: Canary): ObjectRef {
  return refTo(canary, RESOURCES.ingress, canary.spec.ingressRef?.name ?? "");
}

export function managedRef(canary: Canary): ObjectRef {
  return refTo(canary, RESOURCES.ingress, `${canary.spec.ingressRef?.name ?? ""}-canary`);
}

/** @param what the provider's words for its source */
export function sourceObstacle(canary: Canary, seen: Snapshot, what: string): Obstacle | undefined {
  const ref = sourceRef(canary);
  const source: IngressObject | undefined = seen.get(ref);
  const name = dotted(ref.name, canary.ref);
  if (source === undefined) {
    const text = `${what} ${name} get query error: ingresses.networking.k8s.io "${ref.name}" not found`;
    return { text, writable: false };
  }
  return pathsOf(source, canary).length > 0
    ? undefined
    : {
        text:
          `backend ${namesOf(canary).apex} not found in ingress ${ref.name}: ` +
          "add a path to that Service to it, or name another one in spec.ingressRef",
        writable: false,
      };
}

function pathsOf(source: IngressObject, canary: Canary): readonly IngressPath[] {
  const rules = source.spec?.rules ?? [];
  return rules.flatMap(({ http }) => http?.paths ?? []).filter((path) => leadsToApex(path, canary));
}

function leadsToApex({ backend }: IngressPath, canary: Canary): boolean {
  return backend?.service?.name === namesOf(canary).apex;
}

/**
 * The spec of the source with other paths.
 * @param replace for each rule: its paths, and which of them lead to the Service of the Canary
 */
export function withPaths(
  source: IngressObject,
  canary: Canary,
  replace: (paths: readonly IngressPath[], leads: (path: IngressPath) => boolean) => readonly IngressPath[],
): IngressSpec {
  const rules = source.spec?.rules ?? [];
  return {
    ...source.spec,
    rules: rules.map((rule) =>
      rule.http === undefined
        ? rule
        : {
            ...rule,
            http: { ...rule.http, paths: replace(rule.http.paths ?? [], (path) => leadsToApex(path, canary)) },
          },
    ),
  };
}

export function toService(path: IngressPath, name: string): IngressPath {
  return { ...path, backend: { ...path.backend, service: { ...path.backend?.service, name } } };
}
