/** What all routers need to build objects: names, owner, metadata, and fields of other clients that must survive. */
import type { Canary } from "../core/status/canary.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, type ResourceType } from "../ports/kubernetes.ts";
import type { Fields } from "../ports/kubernetes-types.ts";
import { FLUX_OPT_OUT, type MadeObject, ownerReference } from "../ports/owner.ts";
import type { RouterKind, RouterOptions } from "../ports/router.ts";
import type { Snapshot } from "../ports/snapshot.ts";

/** Names of the three Services, and of the routes that carry these names. */
export interface Names {
  readonly apex: string;
  readonly primary: string;
  readonly canary: string;
}

export function namesOf({ spec }: Canary): Names {
  const { name } = spec.service;
  return { apex: name, primary: `${name}-primary`, canary: `${name}-canary` };
}

/** An object in the namespace of the Canary, or a cluster-scoped one. */
export function refTo({ ref }: Canary, type: ResourceType, name: string): ObjectRef {
  return { type, namespace: type.namespaced ? ref.namespace : "", name };
}

/** A kind whose events say "<Kind> <name> <verb> error: <words of the API server>". */
export function routeKind(type: ResourceType, prefix = ""): RouterKind {
  return { type, refused: (name, verb) => `${prefix}${type.kind} ${name} ${verb} error: ` };
}

/** A condition of `spec.analysis.match`. */
export interface Condition {
  readonly exact?: string;
  readonly regex?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

/** By name of the header or parameter. */
export type Conditions = Readonly<Record<string, Condition>>;

/** In the order of their names. */
export function sortedConditions(conditions: Conditions = {}): readonly (readonly [string, Condition])[] {
  return Object.entries(conditions).sort(([a], [b]) => (a < b ? -1 : 1));
}

export interface Wanted {
  readonly spec: Fields;
  /** Fields of the spec that the router owns: it removes those that it does not want. Default: the wanted fields. */
  readonly fields?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Absent: annotations are left as they are. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields at the top of a new object, e.g. `mesh` of a TrafficRoute. */
  readonly top?: Fields;
}

/** Labels and annotations of a route: those of `spec.service.apex`, and the annotation for Flux. */
export function routeMetadata({ spec }: Canary): Pick<Wanted, "labels" | "annotations"> {
  const { apex } = spec.service;
  return {
    ...(apex?.labels === undefined ? {} : { labels: apex.labels }),
    annotations: { ...apex?.annotations, ...FLUX_OPT_OUT },
  };
}

/** The whole object: a new one, or the existing one with the router's fields replaced. */
export function objectOf(
  canary: Canary,
  ref: ObjectRef,
  seen: Snapshot,
  wanted: Wanted,
  { setOwnerRefs }: RouterOptions,
): KubeObject {
  const existing = seen.get(ref);
  const labels = { ...existing?.metadata.labels, ...wanted.labels };
  const annotations = { ...existing?.metadata.annotations, ...wanted.annotations };
  const metadata = {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  if (existing !== undefined) {
    const kept = Object.fromEntries(
      Object.entries(existing.spec ?? {}).filter(([field]) => !(wanted.fields ?? []).includes(field)),
    );
    return { ...existing, metadata: { ...existing.metadata, ...metadata }, spec: { ...kept, ...wanted.spec } };
  }
  return {
    apiVersion: apiVersionOf(ref.type),
    kind: ref.type.kind,
    ...wanted.top,
    metadata: {
      name: ref.name,
      ...(ref.type.namespaced ? { namespace: ref.namespace } : {}),
      ...metadata,
      ...(setOwnerRefs && ref.type.namespaced && ref.namespace === canary.ref.namespace
        ? { ownerReferences: [ownerReference(canary)] }
        : {}),
    },
    spec: wanted.spec,
  };
}

/**
 * Objects that a router writes under names of its own. One that was there before is taken over, as Flagger does; one of
 * another Canary is not, because the two would undo each other's work.
 */
export function madeRoutes(
  canary: Canary,
  refs: readonly ObjectRef[],
  { setOwnerRefs }: RouterOptions,
): readonly MadeObject[] {
  if (!setOwnerRefs) return [];
  const { name } = canary.ref;
  return refs.map((ref) => ({ ref, as: `the ${ref.type.kind} of canary ${name}`, use: "adopted" as const }));
}

/** A number as the API server may store it: a number, a text, or absent. */
export function weightIn(value: unknown, absent = 0): number {
  const weight = value === undefined || value === null ? absent : Number(value);
  return Number.isFinite(weight) ? weight : absent;
}

/** The path with which all routes of contour and App Mesh begin: the path of the Service's first match. */
export function pathPrefixOf({ spec }: Canary): string {
  const match = spec.service.raw["match"] as readonly { readonly uri?: { readonly prefix?: string } }[] | undefined;
  return match?.[0]?.uri?.prefix || "/";
}
