/** The filters of a rule: changes of requests and responses on their way. */
import type { Canary } from "../../core/status/canary.ts";
import { parseDuration } from "../../go/duration.ts";
import type { Strings } from "../../ports/kubernetes-types.ts";
import { namesOf } from "../objects.ts";
import type { BackendRef, Filter, Header, HeaderOperations, ServiceFields } from "./types.ts";

/** In the order of the contract. The Canary's own filters come last. */
export function ruleFilters(
  canary: Canary,
  { cors, grpc }: { readonly cors: boolean; readonly grpc: boolean },
): readonly Filter[] {
  const { raw } = canary.spec.service;
  const { headers, rewrite, mirror, corsPolicy, filters } = raw as unknown as ServiceFields;
  return [
    ...headerFilter("request", headers?.request),
    ...headerFilter("response", headers?.response),
    ...(grpc ? [] : rewriteFilter(rewrite)),
    ...(mirror ?? []).map(({ backendRef }) => mirrorFilter(backendRef)),
    ...(cors && !grpc ? corsFilter(corsPolicy) : []),
    ...(filters ?? []),
  ];
}

function headerFilter(way: "request" | "response", operations: Operations): readonly Filter[] {
  if (operations === undefined || operations === null) return [];
  const { add, set, remove } = operations;
  const modifier = {
    ...(hasEntries(set) ? { set: pairs(set) } : {}),
    ...(hasEntries(add) ? { add: pairs(add) } : {}),
    ...((remove?.length ?? 0) > 0 ? { remove } : {}),
  };
  return way === "request"
    ? [{ type: "RequestHeaderModifier", requestHeaderModifier: modifier }]
    : [{ type: "ResponseHeaderModifier", responseHeaderModifier: modifier }];
}

type Operations = HeaderOperations | null | undefined;

const hasEntries = (map: Strings | undefined): map is Strings => map !== undefined && Object.keys(map).length > 0;

function pairs(map: Strings): readonly Header[] {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

function rewriteFilter(rewrite: ServiceFields["rewrite"]): readonly Filter[] {
  const { uri, authority, type } = rewrite ?? {};
  if (!uri && !authority) return [];
  const path =
    type === "ReplacePrefixMatch"
      ? { type, replacePrefixMatch: uri }
      : { type: "ReplaceFullPath", replaceFullPath: uri };
  const urlRewrite = { ...(authority ? { hostname: authority } : {}), ...(uri ? { path } : {}) };
  return [{ type: "URLRewrite", urlRewrite }];
}

export function mirrorFilter({ group = "", kind = "Service", namespace, name, port }: BackendRef): Filter {
  const backendRef = {
    ...{ group, kind, name },
    ...(namespace ? { namespace } : {}),
    ...(port === undefined ? {} : { port }),
  };
  return { type: "RequestMirror", requestMirror: { backendRef } };
}

/** Copies requests to the canary: all of them, or the share in `analysis.mirrorWeight`. */
export function canaryMirror(canary: Canary): Filter {
  const { mirrorWeight } = canary.spec.analysis;
  const filter = mirrorFilter({ name: namesOf(canary).canary, port: canary.spec.service.port });
  if (mirrorWeight <= 0 || mirrorWeight >= 100) return filter;
  return { ...filter, requestMirror: { ...filter.requestMirror, percent: mirrorWeight } };
}

/** The age of a CORS answer that the API server fills in by default. */
const CORS_MAX_AGE = 5;

function corsFilter(policy: ServiceFields["corsPolicy"]): readonly Filter[] {
  if (policy === undefined || policy === null) return [];
  const { allowOrigin, allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = policy;
  const origins = [...(allowOrigin ?? []), ...(allowOrigins ?? []).flatMap(({ exact }) => exact ?? [])];
  const list = (name: string, values: readonly string[] | undefined) =>
    values !== undefined && values.length > 0 ? { [name]: values } : {};
  const age = parseDuration(typeof maxAge === "string" ? maxAge : "");
  const cors = {
    ...list("allowOrigins", origins),
    ...list("allowMethods", allowMethods),
    ...list("allowHeaders", allowHeaders),
    ...list("exposeHeaders", exposeHeaders),
    ...(allowCredentials === true ? { allowCredentials } : {}),
    maxAge: typeof age === "number" ? Math.floor(age / 1000) : CORS_MAX_AGE,
  };
  return [{ type: "CORS", cors }];
}

/** Adds a response header. A rule may have one filter of each type, so the header joins an existing filter (R20). */
export function withResponseHeader(filters: readonly Filter[], name: string, value: string): readonly Filter[] {
  const added = { name, value };
  const at = filters.findIndex(({ type }) => type === "ResponseHeaderModifier");
  if (at < 0) return [...filters, { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [added] } }];
  return filters.map((filter, i) => {
    if (i !== at) return filter;
    const { responseHeaderModifier: own } = filter;
    return { ...filter, responseHeaderModifier: { ...own, add: [...(own?.add ?? []), added] } };
  });
}
