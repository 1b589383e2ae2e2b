/**
 * The rules of a route that belongs to the Canary, for one split of the traffic.
 *
 *   canary            [ weighted ]
 *   A/B               [ matched: weighted ] [ rest: primary ]
 *   session affinity  [ sticky canary ] [ sticky primary? ] [ weighted, sets the cookies ]
 *      afterwards     [ expires the cookie? ] [ weighted ]
 */

import type { JsonObject, SessionAffinity } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import { cookieRegex, cookieText, expiredCookieText, primaryCookieText } from "../cookies.ts";
import { namesOf } from "../objects.ts";
import { canaryMirror, ruleFilters, withResponseHeader } from "./filters.ts";
import { grpcMatches, httpMatches, merged, withPath } from "./matches.ts";
import type { BackendRef, Filter, Match, Rule, ServiceFields } from "./types.ts";

/** What one kind of route can express in one version. */
export interface Dialect {
  readonly kind: RouteKind;
  /** Timeouts, CORS and the primary's cookie exist since v1. */
  readonly v1: boolean;
}

export type RouteKind = "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute";
type Weights = Pick<Routes, "primary" | "canary">;
/** Primary and canary, in this order. */
type Split = readonly [BackendRef, BackendRef];
type SplitRule = Rule & { readonly backendRefs: Split };

/** @throws Untranslatable */
export function rulesFor(canary: Canary, routes: Routes, dialect: Dialect): readonly Rule[] {
  if (!hasRequests(dialect)) return [{ backendRefs: backends(canary, routes) }];
  const { match, sessionAffinity } = canary.spec.analysis;
  const service = serviceMatches(canary, dialect);
  if (match.length > 0) return abRules(canary, routes, service, dialect);
  const weighted = withMirror(
    rule(canary, defaulted(service, dialect), backends(canary, routes), dialect),
    canary,
    routes,
  );
  if (sessionAffinity === undefined) return [weighted];
  // Without a cookie, users cannot be kept on the version that they had.
  return routes.canary > 0 && canary.status.cookies.canary !== ""
    ? stickyRules(canary, weighted, service, { affinity: sessionAffinity, dialect })
    : [...expiryRules(canary, weighted, service, sessionAffinity), weighted];
}

/** Whether the kind knows requests. For connections only the split can be expressed. */
export function hasRequests({ kind }: Dialect): boolean {
  return kind === "HTTPRoute" || kind === "GRPCRoute";
}

/** @throws Untranslatable */
export function translated(items: readonly JsonObject[], { kind }: Dialect): readonly Match[] {
  return kind === "GRPCRoute" ? grpcMatches(items) : httpMatches(items);
}

function serviceMatches({ spec }: Canary, dialect: Dialect): readonly Match[] {
  const match = (spec.service.raw["match"] ?? []) as readonly JsonObject[];
  const matches = translated(match, dialect);
  return dialect.kind === "HTTPRoute" ? matches.map(withPath) : matches;
}

/** Conditions that match everything. A GRPCRoute then has none. */
function defaulted(matches: readonly Match[], { kind }: Dialect): readonly Match[] {
  return matches.length > 0 || kind === "GRPCRoute" ? matches : [withPath({})];
}

/** Each match of the analysis combined with those of the Service. @throws Untranslatable */
export function analysisMatches({ spec }: Canary, service: readonly Match[], dialect: Dialect): readonly Match[] {
  const wanted = translated(spec.analysis.match, dialect);
  if (dialect.kind === "GRPCRoute" && service.length === 0) return wanted;
  return merged(wanted, service);
}

/** Matched requests are split or mirrored; all others reach the primary. */
function abRules(canary: Canary, routes: Routes, service: readonly Match[], dialect: Dialect): readonly Rule[] {
  const matched = analysisMatches(canary, service, dialect);
  const rest = defaulted(service, dialect);
  return [
    withMirror(rule(canary, matched, backends(canary, routes), dialect), canary, routes),
    rule(canary, rest, [backend(canary, "primary", 100)], dialect),
  ];
}

interface Sticky {
  readonly affinity: SessionAffinity;
  readonly dialect: Dialect;
}

function stickyRules(canary: Canary, weighted: SplitRule, service: readonly Match[], sticky: Sticky): readonly Rule[] {
  const { affinity, dialect } = sticky;
  const { cookies } = canary.status;
  const keepsPrimary = dialect.v1 && affinity.primaryCookieName !== undefined && cookies.primary !== "";
  const kept = (cookie: string, weights: Weights): Rule => ({
    ...weighted,
    matches: cookieMatches(cookie, service),
    backendRefs: backends(canary, weights),
  });
  const [primary, ofCanary] = weighted.backendRefs;
  const split = [
    keepsPrimary ? { ...primary, filters: setCookie(primaryCookieText(canary)) } : primary,
    { ...ofCanary, filters: setCookie(cookieText(cookies.canary, affinity)) },
  ];
  return [
    kept(cookies.canary, { primary: 0, canary: 100 }),
    ...(keepsPrimary ? [kept(cookies.primary, { primary: 100, canary: 0 })] : []),
    { ...weighted, backendRefs: split },
  ];
}

/** Tells browsers that still carry the cookie of the last run to forget it. */
function expiryRules(canary: Canary, weighted: Rule, service: readonly Match[], affinity: SessionAffinity) {
  const { previous } = canary.status.cookies;
  if (previous === "") return [];
  const filters = withResponseHeader(weighted.filters ?? [], "Set-Cookie", expiredCookieText(previous, affinity));
  return [{ ...weighted, matches: cookieMatches(previous, service), filters }];
}

function cookieMatches(cookie: string, service: readonly Match[]): readonly Match[] {
  const header = { type: "RegularExpression", name: "Cookie", value: cookieRegex(cookie) };
  return merged([{ headers: [header] }], service);
}

function setCookie(value: string): readonly Filter[] {
  return withResponseHeader([], "Set-Cookie", value);
}

function rule<Refs extends readonly BackendRef[]>(
  canary: Canary,
  matches: readonly Match[],
  backendRefs: Refs,
  dialect: Dialect,
): Rule & { readonly backendRefs: Refs } {
  const filters = ruleFilters(canary, { cors: dialect.v1, grpc: dialect.kind === "GRPCRoute" });
  const timeouts = dialect.v1 && dialect.kind === "HTTPRoute" ? timeoutsOf(canary) : {};
  return {
    ...(matches.length === 0 ? {} : { matches }),
    ...(filters.length === 0 ? {} : { filters }),
    backendRefs,
    ...timeouts,
  };
}

function timeoutsOf({ spec }: Canary): Fields {
  const { timeout, backendTimeout } = spec.service.raw as unknown as ServiceFields;
  if (!timeout && !backendTimeout) return {};
  return {
    timeouts: {
      ...(timeout ? { request: timeout } : {}),
      ...(backendTimeout ? { backendRequest: backendTimeout } : {}),
    },
  };
}

function withMirror<R extends Rule>(mirrored: R, canary: Canary, routes: Routes): R {
  return routes.mirror ? { ...mirrored, filters: [...(mirrored.filters ?? []), canaryMirror(canary)] } : mirrored;
}

function backends(canary: Canary, { primary, canary: weight }: Weights): Split {
  return [backend(canary, "primary", primary), backend(canary, "canary", weight)];
}

function backend(canary: Canary, role: "primary" | "canary", weight: number): BackendRef {
  return { group: "", kind: "Service", name: namesOf(canary)[role], port: canary.spec.service.port, weight };
}

/** The traffic split in a rule's backends and filters. An absent weight counts as 1. */
export function readRule({ backendRefs, filters }: Rule, { primary, canary }: { primary: string; canary: string }) {
  const weightOf = (name: string) => {
    const ref = (backendRefs ?? []).find((candidate) => candidate.name === name);
    return ref === undefined ? 0 : (ref.weight ?? 1);
  };
  const mirror = (filters ?? []).some(
    ({ type, requestMirror }) => type === "RequestMirror" && requestMirror?.backendRef?.name === canary,
  );
  return { primary: weightOf(primary), canary: weightOf(canary), mirror } as Routes;
}
