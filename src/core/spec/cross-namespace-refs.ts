/**
 * Finds the references of a Canary to other namespaces, in every field of every provider. `-no-cross-namespace-refs`
 * refuses them.
 */
import type { CanarySpec, JsonObject, JsonValue } from "./spec.ts";

/** A reference to an object of another namespace. */
export interface CrossNamespaceRef {
  /** The kind of the reference, e.g. "gateway". */
  readonly what: string;
  readonly name: string;
  /** "*" for several. */
  readonly namespace: string;
}

interface Named {
  readonly what: string;
  readonly name: string;
  /** Absent or empty: the Canary's own. */
  readonly namespace?: string | undefined;
}

/** @param shared "namespace/name" of gateways that every Canary may use; "namespace/*" for all of a namespace */
export function crossNamespaceRefs(
  spec: CanarySpec,
  home: string,
  shared: readonly string[] = [],
): readonly CrossNamespaceRef[] {
  return namedBy(spec).flatMap(({ what, name, namespace }) => {
    if (namespace === undefined || namespace === "" || namespace === home) return [];
    const isShared =
      what === "gateway" && [`${namespace}/${name}`, `${namespace}/*`].some((one) => shared.includes(one));
    return isShared ? [] : [{ what, name, namespace }];
  });
}

/** @returns the text of the event */
export function crossNamespaceText(found: readonly CrossNamespaceRef[]): string | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  const { what, name, namespace } = first;
  const text = `can't access ${what} ${name}.${namespace}, cross-namespace references are blocked`;
  return what === "gateway"
    ? `${text}: name ${namespace}/${name} in -shared-gateways to allow it`
    : `${text}: name one of this namespace in ${FIELDS[what] ?? "spec"}`;
}

/** The field of each kind of reference. Several fields name gateways. */
const FIELDS: Readonly<Record<string, string>> = {
  "gloo upstream": "spec.upstreamRef",
  route: "spec.routeRef",
  "metric template": "spec.analysis.metrics",
  "alert provider": "spec.analysis.alerts",
  mirror: "spec.service.mirror",
  filter: "spec.service.filters",
  host: "spec.service.name and spec.service.hosts",
  backend: "spec.service.backends",
};

function namedBy(spec: CanarySpec): readonly Named[] {
  const { service, analysis, upstreamRef, routeRef } = spec;
  const { raw } = service;
  const matches = [...objects(raw["match"]), ...analysis.match];
  return [
    ...(upstreamRef === undefined ? [] : [{ what: "gloo upstream", ...upstreamRef }]),
    ...(routeRef === undefined ? [] : [{ what: "route", ...routeRef }]),
    ...analysis.metrics.flatMap(({ templateRef: ref }) =>
      ref === undefined ? [] : [{ what: "metric template", ...ref }],
    ),
    ...analysis.alerts.map(({ providerRef }) => ({ what: "alert provider", ...providerRef })),
    ...service.gateways.map(gatewayOf),
    ...matches.flatMap(({ gateways }) => texts(gateways).map(gatewayOf)),
    ...objects(raw["gatewayRefs"]).map((ref) => ({ what: "gateway", ...nameOf(ref) })),
    ...objects(raw["mirror"]).flatMap(({ backendRef }) => objects([backendRef ?? {}]).map(mirrorOf)),
    ...refsWithin(raw["filters"], "filter"),
    ...[service.name, ...service.hosts].map((host) => ({ what: "host", ...hostOf(host) })),
    ...texts(raw["backends"]).map((host) => ({ what: "backend", ...hostOf(host) })),
  ];
}

const mirrorOf = (ref: JsonObject): Named => ({ what: "mirror", ...nameOf(ref) });

function nameOf({ name, namespace }: JsonObject): { readonly name: string; readonly namespace?: string } {
  return { name: String(name ?? ""), ...(typeof namespace === "string" ? { namespace } : {}) };
}

/** "gateway", "namespace/gateway", "./gateway", or the full name of a Service; "mesh" is no gateway. */
function gatewayOf(text: string): Named {
  const slash = text.indexOf("/");
  if (slash < 0) return { what: "gateway", ...hostOf(text) };
  const namespace = text.slice(0, slash);
  return { what: "gateway", name: text.slice(slash + 1), ...(namespace === "." ? {} : { namespace }) };
}

/** Names within the cluster: "name.namespace.svc", "name.namespace.svc.cluster.local". */
const INTERNAL = /^(?:(.*)\.)?([^.]+)\.svc(?:\..*)?$/;
/** Names that stand for Services of several namespaces. */
const ALL_INTERNAL = /^\*?\.?(?:(?:svc\.)?cluster\.)?local$|^\*\.svc$/;

/** A name on the internet has no namespace. */
function hostOf(host: string): { readonly name: string; readonly namespace?: string } {
  const name = host.toLowerCase().replace(/\.$/, "").replace(/:\d+$/, "");
  if (ALL_INTERNAL.test(name)) return { name: host, namespace: "*" };
  const [, service, namespace] = INTERNAL.exec(name) ?? [];
  return namespace === undefined ? { name: host } : { name: service ?? "*", namespace };
}

/** References at any depth. */
function refsWithin(value: JsonValue | undefined, what: string): readonly Named[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item: JsonValue) => refsWithin(item, what));
  const object = value as JsonObject;
  const inner = Object.values(object).flatMap((field) => refsWithin(field, what));
  return typeof object["namespace"] === "string" ? [{ what, ...nameOf(object) }, ...inner] : inner;
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is JsonObject => typeof item === "object" && item !== null && !Array.isArray(item));
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
