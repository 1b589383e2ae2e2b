/** Istio: one VirtualService that splits, two DestinationRules that carry the traffic policy. */
import { isDeepStrictEqual } from "node:util";
import { dotted, type JsonObject, type JsonValue } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import { FLUX_OPT_OUT, type MadeObject, ownerReference } from "../../ports/owner.ts";
import type { Router, RouterOptions } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { annotatedObject, KUBECTL_ANNOTATION, ORIGINAL_ANNOTATION, withoutOurs } from "../annotations.ts";
import { routeKind } from "../objects.ts";
import { type HttpRule, httpRules, tcpRules } from "./rules.ts";

export function createIstioRouter(options: RouterOptions): Router {
  return {
    name: "istio",
    capabilities: { weights: true, mirror: true, headerMatch: true, sessionAffinity: true },
    sidecars: {
      label: "istio-injection=enabled",
      askedBy: (labels) => "istio.io/rev" in labels || labels["istio-injection"] === "enabled",
    },
    reads: ["service.gateways", "service.delegation", "service.trafficPolicy"],
    kinds: [
      routeKind(RESOURCES.destinationRule, "reconcileDestinationRule failed: "),
      routeKind(RESOURCES.virtualService, "reconcileVirtualService failed: "),
    ],
    problem,
    inputs: (canary) => [
      refOf(canary, RESOURCES.destinationRule, "-canary"),
      refOf(canary, RESOURCES.destinationRule, "-primary"),
      refOf(canary, RESOURCES.virtualService),
    ],
    made: (canary) => (options.setOwnerRefs ? made(canary) : []),
    read,
    render: (canary, routes, seen) => [
      destinationRule(canary, "-canary", seen, options),
      destinationRule(canary, "-primary", seen, options),
      virtualService(canary, routes, seen, options),
    ],
    handBack,
  };
}

/** As in networking.istio.io/v1beta1. */
interface DestinationRule extends KubeObject {
  spec?: Fields & { readonly host?: string; readonly trafficPolicy?: unknown };
}

interface VirtualServiceSpec extends Fields {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly http?: readonly HttpRule[];
  readonly tcp?: readonly HttpRule[];
}

interface VirtualService extends KubeObject {
  spec?: VirtualServiceSpec;
}

function refOf(canary: Canary, type: ResourceType, suffix = ""): ObjectRef {
  return { type, namespace: canary.ref.namespace, name: `${canary.spec.service.name}${suffix}` };
}

/** A DestinationRule without an owner may be taken over as long as writing it removes nothing from it. */
function made(canary: Canary): readonly MadeObject[] {
  const rules = (["-canary", "-primary"] as const).map((suffix) => {
    const ref = refOf(canary, RESOURCES.destinationRule, suffix);
    const { trafficPolicy } = canary.spec.service.raw;
    const isMade = ({ spec }: DestinationRule) =>
      spec?.host === ref.name &&
      (spec.trafficPolicy === undefined || isDeepStrictEqual(spec.trafficPolicy, trafficPolicy));
    return { ref, as: `the DestinationRule for Service ${ref.name}`, isMade };
  });
  const { name } = canary.ref;
  return [
    ...rules,
    { ref: refOf(canary, RESOURCES.virtualService), as: `the VirtualService of canary ${name}`, use: "adopted" },
  ];
}

function isTcp(canary: Canary): boolean {
  return canary.spec.service.appProtocol?.toLowerCase() === "tcp";
}

function problem(canary: Canary): string | undefined {
  const { service, analysis } = canary.spec;
  const name = dotted(service.name, canary.ref);
  if (service.delegation && (service.hosts.length > 0 || service.gateways.length > 0)) {
    return (
      `reconcileVirtualService failed: VirtualService ${name} cannot have hosts and gateways when delegation enabled: ` +
      "remove spec.service.hosts and spec.service.gateways, or spec.service.delegation"
    );
  }
  if (isTcp(canary) && analysis.match.length > 0) {
    return `VirtualService ${name} routes TCP, which has no requests to match: remove spec.analysis.match`;
  }
  // A match that lost a condition would match all requests.
  const lost = isTcp(canary) ? lostConditions(service.raw["match"]) : [];
  if (lost.length > 0) {
    return (
      `VirtualService ${name} routes TCP, for which only the port of a match is kept: ` +
      `remove ${lost.join(", ")} from spec.service.match, or it would match all connections`
    );
  }
  // Otherwise the operator would wait for the mirror step without end (R2).
  if (isTcp(canary) && analysis.mirror) {
    return `VirtualService ${name} routes TCP, which cannot be mirrored: remove spec.analysis.mirror`;
  }
  return undefined;
}

/** Fields of `spec.service.match` that a TCP rule cannot express, each once. */
function lostConditions(match: JsonValue | undefined): readonly string[] {
  const entries = Array.isArray(match) ? (match as readonly JsonObject[]) : [];
  const fields = entries.flatMap((entry) => Object.entries(entry)).filter(([field, value]) => !isKept(field, value));
  return [...new Set(fields.map(([field]) => field))];
}

/** A name is no condition, and neither is the path "/", because every path starts with it. */
function isKept(field: string, value: JsonValue): boolean {
  return field === "port" || field === "name" || (field === "uri" && isDeepStrictEqual(value, { prefix: "/" }));
}

function destinationRule(
  canary: Canary,
  suffix: "-canary" | "-primary",
  seen: Snapshot,
  options: RouterOptions,
): KubeObject {
  const ref = refOf(canary, RESOURCES.destinationRule, suffix);
  const { trafficPolicy } = canary.spec.service.raw;
  const spec = { host: ref.name, ...(trafficPolicy === undefined ? {} : { trafficPolicy }) };
  const existing: DestinationRule | undefined = seen.get(ref);
  if (existing !== undefined) {
    const { trafficPolicy: _old, ...others } = existing.spec ?? {};
    return { ...existing, spec: { ...others, ...spec } };
  }
  return { ...identity(canary, ref, options), spec };
}

function virtualService(canary: Canary, routes: Routes, seen: Snapshot, options: RouterOptions): KubeObject {
  const ref = refOf(canary, RESOURCES.virtualService);
  const existing: VirtualService | undefined = seen.get(ref);
  const { apex } = canary.spec.service;
  const wanted = wantedSpec(canary, routes);
  if (existing === undefined) {
    const made = identity(canary, ref, options);
    const labels = apex?.labels === undefined ? {} : { labels: { ...apex.labels } };
    return {
      ...made,
      metadata: { ...made.metadata, ...labels, annotations: { ...apex?.annotations, ...FLUX_OPT_OUT } },
      spec: wanted,
    };
  }
  const { http: _http, tcp: _tcp, gateways: _gateways, ...others } = existing.spec ?? {};
  const labels = { ...existing.metadata.labels, ...apex?.labels };
  return {
    ...existing,
    metadata: {
      ...existing.metadata,
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      annotations: {
        ...existing.metadata.annotations,
        ...apex?.annotations,
        ...FLUX_OPT_OUT,
        ...rememberedOriginal(existing, canary),
      },
    },
    spec: { ...others, ...wanted },
  };
}

function wantedSpec(canary: Canary, routes: Routes): VirtualServiceSpec {
  const rules = isTcp(canary) ? { tcp: tcpRules(canary, routes) } : { http: httpRules(canary, routes) };
  const { service } = canary.spec;
  if (service.delegation) return { hosts: [], ...rules };
  const named = service.hosts.includes(service.name) || service.hosts.includes("*");
  return {
    hosts: named ? service.hosts : [...service.hosts, service.name],
    gateways: service.gateways.length > 0 ? service.gateways : ["mesh"],
    ...rules,
  };
}

/**
 * The spec of a VirtualService that existed before the Canary, unless kubectl stored it; never a spec that the operator
 * wrote (R7).
 */
function rememberedOriginal(existing: VirtualService, canary: Canary): Record<string, string> {
  const { annotations = {}, ownerReferences = [] } = existing.metadata;
  const owned = ownerReferences.some(({ kind }) => kind === "Canary");
  if (owned || annotations[KUBECTL_ANNOTATION] !== undefined) return {};
  return rulesFor(existing, canary).length > 0 ? {} : { [ORIGINAL_ANNOTATION]: JSON.stringify(existing.spec ?? {}) };
}

function identity(canary: Canary, ref: ObjectRef, { setOwnerRefs }: RouterOptions): KubeObject {
  return {
    apiVersion: `${ref.type.group}/${ref.type.version}`,
    kind: ref.type.kind,
    metadata: {
      name: ref.name,
      namespace: ref.namespace,
      ...(setOwnerRefs ? { ownerReferences: [ownerReference(canary)] } : {}),
    },
  };
}

function read(canary: Canary, seen: Snapshot): Routes | undefined {
  const existing: VirtualService | undefined = seen.get(refOf(canary, RESOURCES.virtualService));
  // The last rule that names the canary carries the weights: rules before it are sticky sessions.
  const weighted = existing === undefined ? undefined : rulesFor(existing, canary).at(-1);
  if (weighted === undefined) return undefined;
  const { name } = canary.spec.service;
  const primary = weightOf(weighted, `${name}-primary`);
  const weight = weightOf(weighted, `${name}-canary`);
  if (primary === 0 && weight === 0) return undefined;
  const mirror = weighted["mirror"] as { readonly host?: string } | undefined;
  return { primary, canary: weight, mirror: Boolean(mirror?.host) };
}

/** The rules that name the canary. Only the operator writes such rules. */
function rulesFor({ spec }: VirtualService, canary: Canary): readonly HttpRule[] {
  const rules = [...(spec?.http ?? []), ...(spec?.tcp ?? [])];
  return rules.filter((rule) => hosts(rule).includes(`${canary.spec.service.name}-canary`));
}

interface Destination {
  readonly destination?: { readonly host?: string };
  readonly weight?: number;
}

function destinations(rule: HttpRule): readonly Destination[] {
  return (rule["route"] ?? []) as readonly Destination[];
}

function hosts(rule: HttpRule): readonly (string | undefined)[] {
  return destinations(rule).map(({ destination }) => destination?.host);
}

function weightOf(rule: HttpRule, host: string): number {
  return destinations(rule).find(({ destination }) => destination?.host === host)?.weight ?? 0;
}

/**
 * Restores what its owner applied, or what the operator found. A VirtualService that the operator created is deleted
 * with the Canary.
 */
function handBack(canary: Canary, seen: Snapshot): readonly KubeObject[] {
  const ref = refOf(canary, RESOURCES.virtualService);
  const existing: VirtualService | undefined = seen.get(ref);
  if (existing === undefined) return [];
  const annotations = existing.metadata.annotations ?? {};
  const source = [KUBECTL_ANNOTATION, ORIGINAL_ANNOTATION].find((key) => annotations[key] !== undefined);
  if (source === undefined) return [];
  const remembered: Partial<VirtualService> & VirtualServiceSpec = annotatedObject(
    annotations[source] ?? "",
    source,
    `VirtualService ${dotted(ref.name, canary.ref)}`,
  );
  const applied: Partial<VirtualService> = source === KUBECTL_ANNOTATION ? remembered : { spec: remembered };
  if (applied.spec === undefined) return [];
  const metadata = { ...existing.metadata, annotations: withoutOurs(annotations, applied.metadata?.annotations ?? {}) };
  return [{ ...existing, metadata, spec: applied.spec }];
}
