/** One HTTPRoute in the words of VirtualServices, whose rules the data plane carries. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { pathPrefix, replacePrefix } from "../routes/paths.ts";
import { backendProblem, destinationOf } from "./backends.ts";

/** A rule for one match, with what decides between matches of several rules and routes: greater comes first. */
export interface RankedRule {
  readonly rank: readonly number[];
  readonly http: KubeFields;
}

export function rulesOfRoute(cluster: Cluster, route: KubeObject): readonly RankedRule[] {
  const rules: readonly KubeFields[] = route.spec?.rules ?? [];
  return rules.flatMap((rule) => {
    const matches: readonly KubeFields[] = rule.matches?.length > 0 ? rule.matches : [{}];
    return matches.map((match) => ({ rank: rankOf(match), http: httpRule(cluster, route, rule, match) }));
  });
}

/** Exact paths first, then long prefixes, methods, many headers, many query parameters. */
function rankOf({ path, method, headers = [], queryParams = [] }: KubeFields): readonly number[] {
  const { type = "PathPrefix", value = "/" } = path ?? {};
  return [type === "Exact" ? 1 : 0, value.length, method === undefined ? 0 : 1, headers.length, queryParams.length];
}

/** @returns negative when `a` comes first */
export function byRank(a: RankedRule, b: RankedRule): number {
  for (const [index, value] of a.rank.entries()) {
    const difference = (b.rank[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

function httpRule(cluster: Cluster, route: KubeObject, rule: KubeFields, match: KubeFields): KubeFields {
  const filters: readonly KubeFields[] = rule.filters ?? [];
  const find = (type: string) => filters.find((filter) => filter.type === type);
  const base = { match: [matchOf(match)], ...edits(filters) };
  const redirect = find("RequestRedirect")?.requestRedirect;
  if (redirect !== undefined) return { ...base, redirect: redirectOf(redirect, match) };
  const unknown = filters.some(({ type }) => type === "ExtensionRef");
  const backends: readonly KubeFields[] = (rule.backendRefs ?? []).filter(({ weight = 1 }: KubeFields) => weight > 0);
  const reachable = backends.filter((backend) => backendProblem(cluster, route, backend)?.reason !== "RefNotPermitted");
  if (unknown || reachable.length === 0) return { ...base, directResponse: { status: 500 } };
  const cors = find("CORS")?.cors;
  const rewrite = find("URLRewrite")?.urlRewrite;
  const { request, backendRequest } = rule.timeouts ?? {};
  return {
    ...base,
    route: reachable.map((backend) => ({
      destination: destinationOf(route, backend),
      weight: backend.weight ?? 1,
      ...edits(backend.filters ?? []),
    })),
    mirrors: filters.filter(({ type }) => type === "RequestMirror").map((filter) => mirrorOf(route, filter)),
    ...(rewrite !== undefined && { rewrite: rewriteOf(rewrite, match) }),
    ...(cors !== undefined && { corsPolicy: corsOf(cors) }),
    ...(request !== undefined && { timeout: request }),
    ...(backendRequest !== undefined && { retries: { perTryTimeout: backendRequest } }),
  };
}

function matchOf({ path, method, headers = [], queryParams = [] }: KubeFields): KubeFields {
  const { type = "PathPrefix", value = "/" } = path ?? {};
  const uri = type === "Exact" ? { exact: value } : type === "RegularExpression" ? { regex: value } : pathPrefix(value);
  return {
    ...(uri !== undefined && { uri }),
    ...(method !== undefined && { method: { exact: method } }),
    headers: named(headers),
    queryParams: named(queryParams),
  };
}

/** Of several conditions on one name the first one counts. */
function named(conditions: readonly KubeFields[]): KubeFields {
  const found: Record<string, KubeFields> = {};
  for (const { name, type = "Exact", value } of conditions) {
    found[name] ??= type === "Exact" ? { exact: value } : { regex: value };
  }
  return found;
}

function edits(filters: readonly KubeFields[]): KubeFields {
  const of = (type: string, field: string) => filters.find((filter) => filter.type === type)?.[field];
  const request = operations(of("RequestHeaderModifier", "requestHeaderModifier"));
  const response = operations(of("ResponseHeaderModifier", "responseHeaderModifier"));
  if (request === undefined && response === undefined) return {};
  return { headers: { ...(request && { request }), ...(response && { response }) } };
}

function operations(modifier: KubeFields): KubeFields {
  if (modifier === undefined) return undefined;
  const values = (list: readonly KubeFields[] = []) => Object.fromEntries(list.map(({ name, value }) => [name, value]));
  return { set: values(modifier.set), add: values(modifier.add), remove: modifier.remove ?? [] };
}

function mirrorOf(route: KubeObject, { requestMirror }: KubeFields): KubeFields {
  const { backendRef, percent, fraction } = requestMirror;
  const share = fraction === undefined ? (percent ?? 100) : (fraction.numerator / (fraction.denominator ?? 100)) * 100;
  return { destination: destinationOf(route, backendRef), percentage: { value: share } };
}

function rewriteOf({ hostname, path }: KubeFields, match: KubeFields): KubeFields {
  return {
    ...(hostname !== undefined && { authority: hostname }),
    ...(path !== undefined && { uriRegexRewrite: newPath(path, match) }),
  };
}

function newPath({ type, replaceFullPath, replacePrefixMatch }: KubeFields, match: KubeFields): KubeFields {
  if (type === "ReplaceFullPath") return { match: "^.*$", rewrite: replaceFullPath };
  return replacePrefix(match.path?.value ?? "/", replacePrefixMatch ?? "/");
}

function redirectOf({ scheme, hostname, port, statusCode = 302, path }: KubeFields, match: KubeFields): KubeFields {
  return {
    redirectCode: statusCode,
    ...(scheme !== undefined && { scheme }),
    ...(hostname !== undefined && { authority: hostname }),
    ...(port !== undefined && { port }),
    ...(path !== undefined && { uri: path.replaceFullPath ?? path.replacePrefixMatch ?? match.path?.value }),
  };
}

function corsOf({ allowOrigins = [], maxAge, ...rest }: KubeFields): KubeFields {
  const origins = allowOrigins.map((origin: string) =>
    origin.includes("*") && origin !== "*"
      ? { regex: origin.replaceAll(".", "\\.").replaceAll("*", ".*") }
      : { exact: origin },
  );
  return { ...rest, allowOrigins: origins, ...(maxAge !== undefined && { maxAge: `${maxAge}s` }) };
}
