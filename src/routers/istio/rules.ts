/**
 * The HTTP rules of a VirtualService for one split of the traffic.
 *
 *   canary            [ weighted ]
 *   A/B               [ matched: weighted ] [ rest: primary ]
 *   session affinity  [ sticky canary ] [ sticky primary? ] [ weighted, sets the cookies ]
 *      afterwards     [ expires the cookie? ] [ weighted ]
 */

import type { JsonObject, JsonValue, SessionAffinity } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { cookieRegex, cookieText, expiredCookieText, primaryCookieText } from "../cookies.ts";

export type HttpRule = { readonly [field: string]: JsonValue };
type Weights = Pick<Routes, "primary" | "canary">;

const COMMON_FIELDS = ["rewrite", "timeout", "retries", "corsPolicy", "headers"] as const;

export function httpRules(canary: Canary, routes: Routes): readonly HttpRule[] {
  const { analysis } = canary.spec;
  if (analysis.match.length > 0) return abRules(canary, routes);
  const affinity = analysis.sessionAffinity;
  const weighted = withMirror(canary, rule(canary, serviceMatch(canary), both(canary, routes)), routes);
  if (affinity === undefined) return [weighted];
  // Without a cookie, users cannot be kept on the version that they had.
  return routes.canary > 0 && canary.status.cookies.canary !== ""
    ? stickyRules(canary, routes, affinity)
    : [...expiryRules(canary, routes, affinity), weighted];
}

/** Matched requests are split or mirrored; all others reach the primary alone (Istio ignores its single weight, R6). */
function abRules(canary: Canary, routes: Routes): readonly HttpRule[] {
  const matched = mergedMatch(canary, canary.spec.analysis.match);
  return [
    // Mirroring is read from the rule that names the canary: without it the operator would wait without end (R2).
    withMirror(canary, rule(canary, matched, both(canary, routes)), routes),
    rule(canary, serviceMatch(canary), [destination(canary, "primary", routes.primary)]),
  ];
}

function stickyRules(canary: Canary, routes: Routes, affinity: SessionAffinity): readonly HttpRule[] {
  const { cookies } = canary.status;
  const { primaryCookieName } = affinity;
  const toCanary = { primary: 0, canary: 100 };
  const toPrimary = { primary: 100, canary: 0 };
  const keepsPrimary = primaryCookieName !== undefined && cookies.primary !== "";
  const primaryCookie = keepsPrimary ? setCookie(primaryCookieText(canary)) : {};
  const weighted = rule(canary, serviceMatch(canary), [
    { ...destination(canary, "primary", routes.primary), ...primaryCookie },
    { ...destination(canary, "canary", routes.canary), ...setCookie(cookieText(cookies.canary, affinity)) },
  ]);
  const sticky = [rule(canary, cookieMatch(canary, cookies.canary), both(canary, toCanary))];
  if (keepsPrimary) {
    sticky.push(rule(canary, cookieMatch(canary, cookies.primary), both(canary, toPrimary)));
  }
  return [...sticky, withMirror(canary, weighted, routes)];
}

/** Tells browsers that still carry the cookie of the last run to forget it. */
function expiryRules(canary: Canary, routes: Routes, affinity: SessionAffinity): readonly HttpRule[] {
  const { previous } = canary.status.cookies;
  if (previous === "") return [];
  const expired = rule(canary, cookieMatch(canary, previous), both(canary, routes));
  const headers = addResponseHeader(expired["headers"], expiredCookieText(previous, affinity));
  return [{ ...expired, headers }];
}

function setCookie(text: string): { readonly headers: JsonObject } {
  return { headers: { response: { add: { "Set-Cookie": text } } } };
}

/** A copy with one more response header. Other rules that share the headers stay unchanged (R20). */
function addResponseHeader(headers: JsonValue | undefined, cookie: string): JsonObject {
  const own = (headers ?? {}) as { readonly response?: { readonly add?: JsonObject } };
  return { ...own, response: { ...own.response, add: { ...own.response?.add, "Set-Cookie": cookie } } };
}

function cookieMatch(canary: Canary, cookie: string): readonly JsonValue[] {
  return mergedMatch(canary, [{ headers: { Cookie: { regex: cookieRegex(cookie) } } }]) ?? [];
}

/**
 * Every condition of the analysis with every condition of the Service. Headers and sourceLabels of the analysis replace
 * the Service's. For all other fields the Service's value wins over the analysis'. No condition is dropped, because a
 * rule without its condition would send all users to the canary (R5).
 */
export function mergedMatch(canary: Canary, analysis: readonly JsonObject[]): readonly JsonValue[] {
  const service = (serviceMatch(canary) ?? []) as readonly JsonObject[];
  if (service.length === 0) return analysis;
  return analysis.flatMap((wanted) =>
    service.map((base) => ({
      ...wanted,
      ...base,
      ...(wanted["headers"] === undefined ? {} : { headers: wanted["headers"] }),
      ...(wanted["sourceLabels"] === undefined ? {} : { sourceLabels: wanted["sourceLabels"] }),
      ...queryParams(base, wanted),
    })),
  );
}

function queryParams(base: JsonObject, wanted: JsonObject): JsonObject {
  const [own, more] = [base["queryParams"], wanted["queryParams"]] as (JsonObject | undefined)[];
  return own === undefined || more === undefined ? {} : { queryParams: { ...own, ...more } };
}

/** `service.match` as written; an empty one counts as absent. */
function serviceMatch(canary: Canary): readonly JsonValue[] | undefined {
  const { match } = canary.spec.service.raw;
  return Array.isArray(match) && match.length > 0 ? match : undefined;
}

function rule(canary: Canary, match: readonly JsonValue[] | undefined, route: readonly JsonValue[]): HttpRule {
  const { raw } = canary.spec.service;
  const present = COMMON_FIELDS.flatMap((field) => {
    const value = commonField(field, raw);
    return isEmpty(value) ? [] : [[field, value] as const];
  });
  return { ...(match === undefined ? {} : { match }), ...(Object.fromEntries(present) as JsonObject), route };
}

function commonField(field: (typeof COMMON_FIELDS)[number], raw: JsonObject): JsonValue | undefined {
  if (field === "rewrite") {
    const { uri, authority } = (raw[field] ?? {}) as JsonObject;
    return { ...(uri ? { uri } : {}), ...(authority ? { authority } : {}) };
  }
  if (field === "retries" && !isEmpty(raw[field])) return { attempts: 0, ...(raw[field] as JsonObject) };
  return raw[field];
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function both(canary: Canary, { primary, canary: weight }: Weights): readonly JsonObject[] {
  return [destination(canary, "primary", primary), destination(canary, "canary", weight)];
}

export function destination(canary: Canary, role: "primary" | "canary", weight: number): JsonObject {
  const { service } = canary.spec;
  const host = `${service.name}-${role}`;
  const [gateway] = service.gateways;
  // Behind a gateway, or when delegated, a Service with several ports must name one.
  const named = service.portDiscovery && ((gateway !== undefined && gateway !== "mesh") || service.delegation);
  return { destination: { host, ...(named ? { port: { number: service.port } } : {}) }, weight };
}

function withMirror(canary: Canary, weighted: HttpRule, routes: Routes): HttpRule {
  if (!routes.mirror) return weighted;
  const { mirrorWeight } = canary.spec.analysis;
  return {
    ...weighted,
    mirror: { host: `${canary.spec.service.name}-canary` },
    ...(mirrorWeight > 0 ? { mirrorPercentage: { value: mirrorWeight } } : {}),
  };
}

/** One TCP route. Of the Service's matches only the ports count. */
export function tcpRules(canary: Canary, routes: Routes): readonly HttpRule[] {
  const match = serviceMatch(canary)?.map((entry) => {
    const { port } = entry as JsonObject;
    return port === undefined ? {} : { port };
  });
  return [{ ...(match === undefined ? {} : { match }), route: both(canary, routes) }];
}
