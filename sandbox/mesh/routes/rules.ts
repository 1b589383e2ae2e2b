/**
 * VirtualService -> routes. A rule with several matches becomes one route per match, as in Istio, because a rewrite of
 * the path depends on which match it was.
 */
import { STATUS_CODES } from "node:http";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { durationMs } from "./duration.ts";
import { headerEdits } from "./header-edits.ts";
import { both, hostOf, isForGateway, type MatchContext, matchPredicate, sourceTest, textTest } from "./matches.ts";
import { re2 } from "./regex.ts";
import {
  type Action,
  type Cors,
  DEFAULT_RETRY,
  type Fault,
  type Mirror,
  type Predicate,
  type RequestView,
  type RetryPolicy,
  type Route,
  type Rules,
  type TcpRoute,
} from "./route.ts";
import { destinationOf, splitOf } from "./split.ts";

export interface RuleContext extends MatchContext {
  /** The VirtualService that a rule delegates to. */
  readonly delegate: (namespace: string, name: string) => KubeObject | undefined;
}

/** The rules of one VirtualService, in order. */
export function rulesOf(object: KubeObject, context: RuleContext): Rules {
  const spec: KubeFields = object.spec ?? {};
  return {
    http: ((spec.http ?? []) as KubeFields[]).flatMap((rule, i) => routesOf(rule, numbered(context, `http[${i}]`))),
    tcp: ((spec.tcp ?? []) as KubeFields[]).map((rule) => tcpRoute(rule, context)),
  };
}

function numbered(context: RuleContext, where: string): RuleContext {
  return { ...context, problem: (text) => context.problem(`${where}: ${text}`) };
}

function routesOf(rule: KubeFields, context: RuleContext): Route[] {
  if (rule.delegate !== undefined) return delegatedRoutes(rule, context);
  return matchesOf(rule).map((match) => routeOf(rule, match, match && matchPredicate(match, context), context));
}

/** `[undefined]` for a rule without match: one route for everything. */
function matchesOf(rule: KubeFields): readonly KubeFields[] {
  return rule.match === undefined || rule.match.length === 0 ? [undefined] : rule.match;
}

/** The delegate's rules, under the condition of the rule that delegates; what they leave open is the latter's. */
function delegatedRoutes(rule: KubeFields, context: RuleContext): Route[] {
  const namespace = rule.delegate.namespace ?? context.namespace;
  const target = context.delegate(namespace, rule.delegate.name);
  if (target === undefined) {
    context.problem(`delegate VirtualService ${rule.delegate.name}.${namespace} not found`);
    return [];
  }
  const inner: RuleContext = { ...context, namespace };
  const { match: _match, delegate: _delegate, ...defaults } = rule;
  return matchesOf(rule).flatMap((outerMatch) => {
    const outer = outerMatch && matchPredicate(outerMatch, context);
    return ((target.spec?.http ?? []) as KubeFields[]).flatMap((innerRule) =>
      matchesOf(innerRule).map((match) => {
        const condition = both(outer, match && matchPredicate(match, inner));
        return routeOf({ ...defaults, ...innerRule }, match?.uri ? match : outerMatch, condition, inner);
      }),
    );
  });
}

const everything: Predicate = () => true;

function routeOf(rule: KubeFields, match: KubeFields, condition: Predicate | undefined, context: RuleContext): Route {
  return {
    matches: condition ?? everything,
    action: actionOf(rule, context),
    rewrite: rewriteOf(rule.rewrite, match, context),
    authority: rule.rewrite?.authority || undefined,
    timeoutMs: durationMs(rule.timeout) ?? 0,
    retry: retryOf(rule.retries),
    request: headerEdits(rule.headers?.request),
    response: headerEdits(rule.headers?.response),
    mirrors: mirrorsOf(rule, context),
    fault: faultOf(rule.fault),
    cors: corsOf(rule.corsPolicy, context),
  };
}

function actionOf(rule: KubeFields, context: RuleContext): Action {
  if (rule.redirect !== undefined) {
    const { redirect } = rule;
    const status = Number(redirect.redirectCode || 301);
    return { kind: "redirect", status, location: (view) => locationOf(redirect, view) };
  }
  if (rule.directResponse !== undefined) {
    const { status, body } = rule.directResponse;
    const bytes = body?.bytes === undefined ? Buffer.from(body?.string ?? "") : Buffer.from(body.bytes, "base64");
    return { kind: "answer", status: Number(status ?? 200), body: bytes };
  }
  return { kind: "forward", split: splitOf(rule.route ?? [], context.namespace) };
}

function locationOf(redirect: KubeFields, view: RequestView): string {
  const scheme = redirect.scheme || "http";
  const host = redirect.authority || (redirect.port === undefined ? view.authority : hostOf(view.authority));
  const port = redirect.port ?? (redirect.derivePort === "FROM_REQUEST_PORT" ? view.port : undefined);
  const standard = port === undefined || port === (scheme === "https" ? 443 : 80);
  const path = redirect.uri || view.path;
  const query = view.query === undefined ? "" : `?${view.query}`;
  return `${scheme}://${host}${standard ? "" : `:${port}`}${path}${query}`;
}

/** Envoy replaces the part of the path that was matched: the prefix, or all of it. */
function replacedPath(uri: string, match: KubeFields, path: string): string {
  const { exact, prefix, regex } = match?.uri ?? {};
  if (exact !== undefined || regex !== undefined) return uri;
  return uri + path.slice(String(prefix ?? "/").length);
}

function rewriteOf(rewrite: KubeFields, match: KubeFields, context: RuleContext): Route["rewrite"] {
  const withQuery = (path: string, { query }: RequestView) => (query === undefined ? path : `${path}?${query}`);
  const pattern = rewrite?.uriRegexRewrite;
  if (pattern !== undefined) {
    const compiled = re2(String(pattern.match ?? ""));
    if (compiled.kind === "problem") {
      context.problem(`rewrite: ${compiled.text}`);
      return undefined;
    }
    const { source, flags } = compiled.regex;
    const anywhere = new RegExp(source.slice(1, -1), flags);
    const replacement = String(pattern.rewrite ?? "")
      .replaceAll("$", "$$$$")
      .replace(/\\(\d)/g, "$$$1");
    return (view) => withQuery(view.path.replace(anywhere, replacement), view);
  }
  const uri = rewrite?.uri;
  if (typeof uri !== "string" || uri === "") return undefined;
  return (view) => withQuery(replacedPath(uri, match, view.path), view);
}

function retryOf(retries: KubeFields): RetryPolicy {
  if (retries === undefined) return DEFAULT_RETRY;
  const words = String(retries.retryOn || "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  const codes = words.filter((word) => /^\d{3}$/.test(word)).map(Number);
  const conditions = words.filter((word) => !/^\d{3}$/.test(word));
  return {
    attempts: Number(retries.attempts ?? DEFAULT_RETRY.attempts),
    perTryTimeoutMs: durationMs(retries.perTryTimeout) ?? 0,
    on: words.length === 0 ? DEFAULT_RETRY.on : new Set(conditions),
    codes: new Set(codes),
  };
}

/** Percentages of Istio come in three shapes. @returns 0 to 1 */
function shareOf(percentage: KubeFields, legacy: KubeFields, absent: number): number {
  const percent = percentage?.value ?? (percentage === undefined ? legacy : 0) ?? undefined;
  return percent === undefined ? absent : Math.min(1, Math.max(0, Number(percent) / 100));
}

function mirrorsOf(rule: KubeFields, { namespace }: RuleContext): Mirror[] {
  const single: KubeFields[] = rule.mirror?.host
    ? [
        {
          destination: rule.mirror,
          percentage: rule.mirrorPercentage,
          legacy: rule.mirrorPercent ?? rule.mirror_percent,
        },
      ]
    : [];
  const several: KubeFields[] = rule.mirrors ?? [];
  return [...single, ...several].map(({ destination, percentage, legacy }) => ({
    destination: destinationOf(destination, namespace),
    share: shareOf(percentage, legacy, 1),
  }));
}

function faultOf(fault: KubeFields): Fault | undefined {
  if (fault === undefined) return undefined;
  const { delay, abort } = fault;
  const status = Number(abort?.httpStatus ?? 0);
  return {
    delayMs: durationMs(delay?.fixedDelay) ?? 0,
    delayShare: delay === undefined ? 0 : shareOf(delay.percentage, delay.percent, 1),
    abortStatus: STATUS_CODES[status] === undefined ? 503 : status,
    abortShare: abort === undefined ? 0 : shareOf(abort.percentage, abort.percent, 1),
  };
}

function corsOf(policy: KubeFields, context: RuleContext): Cors | undefined {
  if (policy === undefined) return undefined;
  const matchers: KubeFields[] = policy.allowOrigins ?? (policy.allowOrigin ?? []).map((exact: string) => ({ exact }));
  const problem = (text: string) => context.problem(`corsPolicy: ${text}`);
  const tests = matchers.map((matcher) => (matcher.exact === "*" ? () => true : textTest(matcher, false, problem)));
  const seconds = durationMs(policy.maxAge);
  const list = (values: readonly string[] | undefined) => (values ?? []).join(",");
  return {
    allows: (origin) => tests.some((test) => test(origin)),
    methods: list(policy.allowMethods),
    headers: list(policy.allowHeaders),
    exposed: list(policy.exposeHeaders),
    maxAge: seconds === undefined ? "" : String(Math.trunc(seconds / 1000)),
    credentials: policy.allowCredentials?.value === true || policy.allowCredentials === true,
  };
}

function tcpRoute(rule: KubeFields, context: RuleContext): TcpRoute {
  const matches: readonly KubeFields[] = rule.match ?? [];
  const tests = matches.map((match): TcpRoute["matches"] => {
    const source = sourceTest(match);
    if (!isForGateway(match, context)) return () => false;
    return (port, asking) =>
      (match.port === undefined || match.port === port) && (source === undefined || source(asking));
  });
  return {
    matches: tests.length === 0 ? () => true : (port, source) => tests.some((test) => test(port, source)),
    split: splitOf(rule.route ?? [], context.namespace),
  };
}
