/**
 * The two copies of a target Service: all fields are the target's, except those that the cluster assigned to each copy.
 */
import type { Canary } from "../../core/status/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { ServiceObject, ServicePort, ServiceSpec } from "../../ports/kubernetes-types.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { filterPrefixes, PROMOTION_ID_ANNOTATION, primaryNameOf } from "../metadata.ts";

/** The primary's selector before its last promotion, as JSON. Removed when the promotion is over. */
export const PREVIOUS_SPEC_ANNOTATION = "aviary.flagger.app/previous-spec";

/** The annotation of `kubectl apply`. On the copy it would make kubectl manage the copy. */
const KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Follows the target at once. Labels and annotations that other controllers set on it stay. */
export function canaryCopy(canary: Canary, target: ServiceObject, existing: ServiceObject | undefined): KubeObject {
  if (existing === undefined) return created(canary, target, `${target.metadata.name}-canary`, {});
  return {
    ...existing,
    metadata: {
      ...existing.metadata,
      ...filled("labels", { ...existing.metadata.labels, ...target.metadata.labels }),
      ...filled("annotations", { ...existing.metadata.annotations, ...copiedAnnotations(target) }),
    },
    spec: copiedSpec(canary, target, existing),
  };
}

export function createdPrimary(canary: Canary, target: ServiceObject, id: string): KubeObject {
  return created(canary, target, primaryNameOf(target.metadata.name), { [PROMOTION_ID_ANNOTATION]: id });
}

/** Labels and annotations are replaced under the prefix filter (Q50); the owner stays (Q58). */
export function promotedPrimary(
  canary: Canary,
  target: ServiceObject,
  primary: ServiceObject,
  id: string,
  { includeLabelPrefixes }: WorkloadOptions,
): KubeObject {
  if (primary.metadata.annotations?.[PROMOTION_ID_ANNOTATION] === id) return primary;
  return {
    ...primary,
    metadata: {
      ...primary.metadata,
      labels: filterPrefixes(target.metadata.labels, includeLabelPrefixes),
      annotations: {
        ...filterPrefixes(copiedAnnotations(target), includeLabelPrefixes),
        [PROMOTION_ID_ANNOTATION]: id,
        [PREVIOUS_SPEC_ANNOTATION]: JSON.stringify({ id: promotionIdOf(primary) ?? "", spec: primary.spec ?? {} }),
      },
    },
    spec: copiedSpec(canary, target, primary),
  };
}

/**
 * Whether it still has what it ran before its last promotion: a primary that was deleted in a run and made again has
 * not.
 */
export function isRestorable(primary: ServiceObject): boolean {
  return keptIn(primary) !== undefined;
}

/** What the primary ran before; undefined when nothing was kept, or when another writer has spoilt it. */
function keptIn({
  metadata,
}: ServiceObject): { readonly id: string; readonly spec: ServiceObject["spec"] } | undefined {
  try {
    const { id, spec } = JSON.parse(metadata.annotations?.[PREVIOUS_SPEC_ANNOTATION] ?? "");
    return typeof id === "string" && typeof spec === "object" && spec !== null ? { id, spec } : undefined;
  } catch {
    return undefined;
  }
}

/** @param from id of the promotion that failed */
export function restoredPrimary(primary: ServiceObject, from: string): readonly KubeObject[] {
  const kept = keptIn(primary);
  if (kept === undefined || promotionIdOf(primary) !== from) return [];
  const { id, spec } = kept;
  const { metadata } = settledPrimary(primary);
  const annotations = { ...metadata.annotations, [PROMOTION_ID_ANNOTATION]: id };
  return [{ ...primary, metadata: { ...metadata, annotations }, spec }];
}

/** When a promotion is over, the selector before it is not needed any more. */
export function settledPrimary(primary: ServiceObject): KubeObject {
  if (primary.metadata.annotations?.[PREVIOUS_SPEC_ANNOTATION] === undefined) return primary;
  const { [PREVIOUS_SPEC_ANNOTATION]: _kept, ...annotations } = primary.metadata.annotations;
  return { ...primary, metadata: { ...primary.metadata, annotations } };
}

function promotionIdOf(primary: ServiceObject): string | undefined {
  return primary.metadata.annotations?.[PROMOTION_ID_ANNOTATION];
}

function created(
  canary: Canary,
  target: ServiceObject,
  name: string,
  annotations: Readonly<Record<string, string>>,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: canary.ref.namespace,
      labels: { ...target.metadata.labels },
      annotations: { ...copiedAnnotations(target), ...annotations },
      ownerReferences: [ownerReference(canary)],
    },
    spec: copiedSpec(canary, target, undefined),
  };
}

/** The API server does not store an empty map. The operator would write one again and again. */
function filled(field: string, map: Readonly<Record<string, string>>): object {
  return Object.keys(map).length === 0 ? {} : { [field]: map };
}

function copiedAnnotations({ metadata }: KubeObject): Record<string, string> {
  const { [KUBECTL_ANNOTATION]: _applied, ...annotations } = metadata.annotations ?? {};
  return annotations;
}

/**
 * The target's spec with the copy's own addresses and node ports. A new copy has none, unless the target is headless
 * (Q58).
 */
function copiedSpec(canary: Canary, target: ServiceObject, existing: ServiceObject | undefined): ServiceSpec {
  const { clusterIP, clusterIPs: _ips, healthCheckNodePort: _check, ports, ...spec } = target.spec ?? {};
  const { trafficDistribution } = canary.spec.service;
  const type = spec.type ?? "ClusterIP";
  const own = existing?.spec ?? {};
  return {
    ...spec,
    ...(clusterIP === "None" ? { clusterIP, clusterIPs: [clusterIP] } : {}),
    ...(type === "ExternalName" || own.clusterIP === undefined ? {} : pick(own, ["clusterIP", "clusterIPs"])),
    ...(spec.externalTrafficPolicy === "Local" ? pick(own, ["healthCheckNodePort"]) : {}),
    ...(ports === undefined ? {} : { ports: ownPorts(ports, type === "ClusterIP" ? [] : (own.ports ?? [])) }),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
  };
}

function pick(fields: ServiceSpec, names: readonly (keyof ServiceSpec)[]): ServiceSpec {
  return Object.fromEntries(names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}

function ownPorts(ports: readonly ServicePort[], own: readonly ServicePort[]): readonly ServicePort[] {
  return ports.map(({ nodePort: _targets, ...port }) => {
    const same = own.find(({ name, protocol }) => name === port.name && protocol === port.protocol);
    return same?.nodePort === undefined ? port : { ...port, nodePort: same.nodePort };
  });
}
