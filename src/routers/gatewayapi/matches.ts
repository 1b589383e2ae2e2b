/**
 * Conditions on requests: translates those of the Canary, which are Istio's, into those of HTTPRoutes and GRPCRoutes.
 */
import type { JsonObject } from "../../core/spec/spec.ts";
import { type Condition, type Conditions, sortedConditions } from "../objects.ts";
import type { GrpcMethod, Match, NamedMatch, ValueMatch } from "./types.ts";

/** An entry of `spec.service.match` or `spec.analysis.match`. */
interface Wanted {
  readonly uri?: Condition;
  readonly method?: Condition;
  readonly headers?: Conditions | null;
  readonly queryParams?: Conditions | null;
}

/** Thrown for a condition that the Gateway API cannot express; the message is the text of the event. */
export class Untranslatable extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Untranslatable";
  }
}

const ALL_PATHS = { type: "PathPrefix", value: "/" };

/** Drops an item that translates to no condition. @throws Untranslatable */
export function httpMatches(items: readonly JsonObject[]): readonly Match[] {
  return items.map(httpMatch).filter((match) => Object.keys(match).length > 0);
}

function httpMatch(item: JsonObject): Match {
  const { uri, method, headers, queryParams } = item as Wanted;
  const path = uri === undefined ? undefined : pathMatch(uri);
  if (method !== undefined && !method.exact) throw refusal("header", headers ?? {});
  const headerMatches = valueMatches(headers, "header");
  const queryMatches = valueMatches(queryParams, "query");
  return {
    ...(path === undefined ? {} : { path }),
    ...(method === undefined ? {} : { method: method.exact }),
    ...(headerMatches.length === 0 ? {} : { headers: headerMatches }),
    ...(queryMatches.length === 0 ? {} : { queryParams: queryMatches }),
  };
}

function pathMatch(uri: Condition): ValueMatch {
  if (uri.regex) return { type: "RegularExpression", value: uri.regex };
  if (uri.exact) return { type: "Exact", value: uri.exact };
  if (uri.prefix) return { type: "PathPrefix", value: uri.prefix };
  throw refusal("path", uri);
}

/** Sorted by name, so that the same Canary always produces the same route. */
function valueMatches(conditions: Conditions | null | undefined, what: "header" | "query"): readonly NamedMatch[] {
  return sortedConditions(conditions ?? {}).map(([name, condition]) => {
    if (condition.exact) return { type: "Exact", name, value: condition.exact };
    const regex = regexOf(condition);
    if (regex === undefined) throw refusal(what, conditions);
    return { type: "RegularExpression", name, value: regex };
  });
}

/** The Gateway API cannot match the start and the end of a value; a regular expression can. */
function regexOf({ regex, prefix, suffix }: Condition): string | undefined {
  if (regex) return regex;
  if (prefix) return `^${quoted(prefix)}.*`;
  return suffix ? `.*${quoted(suffix)}$` : undefined;
}

const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function refusal(what: string, dump: unknown): Untranslatable {
  return new Untranslatable(
    `Gateway API doesn't support the specified ${what} matching selector: ${JSON.stringify(dump)}`,
  );
}

/** gRPC has services and methods instead of paths: "/shop.Cart/Add", or "/shop.Cart/" for all of a service. */
export function grpcMatches(items: readonly JsonObject[]): readonly Match[] {
  return items.map(grpcMatch).filter((match) => Object.keys(match).length > 0);
}

function grpcMatch(item: JsonObject): Match {
  const { uri, method: verb, headers, queryParams } = item as Wanted;
  // Without the condition, more requests would match than the Canary asks for.
  if (queryParams !== undefined) throw refusal("query", queryParams);
  if (verb !== undefined) throw refusal("method", verb);
  const method = uri === undefined ? undefined : grpcMethod(uri);
  const headerMatches = valueMatches(headers, "header");
  return {
    ...(method === undefined ? {} : { method }),
    ...(headerMatches.length === 0 ? {} : { headers: headerMatches }),
  };
}

function grpcMethod(uri: Condition): GrpcMethod | undefined {
  const text = uri.exact ?? uri.prefix ?? "";
  if (uri.prefix === "/") return undefined;
  const [, service, method] = /^\/([^/]+)(?:\/([^/]*))?$/.exec(text) ?? [];
  if (service === undefined || uri.regex !== undefined) throw refusal("path", uri);
  return { type: "Exact", service, ...(method ? { method } : {}) };
}

/**
 * Every condition of the analysis with every condition of the Service; the analysis replaces the Service's conditions.
 */
export function merged(analysis: readonly Match[], service: readonly Match[]): readonly Match[] {
  if (service.length === 0) return analysis.map(withPath);
  return analysis.flatMap((wanted) =>
    service.map((base) => ({
      ...base,
      ...(wanted.method === undefined ? {} : { method: wanted.method }),
      ...(wanted.headers === undefined ? {} : { headers: wanted.headers }),
      ...(wanted.queryParams === undefined ? {} : { queryParams: wanted.queryParams }),
    })),
  );
}

/** The API server adds the default path to a match. Written here, it is no difference that would be written again. */
export function withPath(match: Match): Match {
  return match.path === undefined ? { path: ALL_PATHS, ...match } : match;
}
