/** HTTPMatchRequest: one condition of a rule, as a predicate. All its parts must hold. */
import type { IncomingHttpHeaders } from "node:http";
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import type { Workload } from "../workload.ts";
import { re2 } from "./regex.ts";
import type { Predicate } from "./route.ts";

type TextTest = (value: string) => boolean;

export interface MatchContext {
  /** "mesh", or "namespace/name" of the Gateway that these routes are for. */
  readonly gateway: string;
  /** Of the VirtualService: Gateways without namespace are its own. */
  readonly namespace: string;
  readonly problem: (text: string) => void;
}

/** A condition that no request meets, for rules that cannot be understood. */
const never: Predicate = () => false;

/** `undefined`: no condition at all. */
export function matchPredicate(match: KubeFields, context: MatchContext): Predicate | undefined {
  if (!isForGateway(match, context)) return never;
  const parts: Predicate[] = [];
  const test = (matcher: KubeFields, what: string, ignoreCase = false) =>
    textTest(matcher, ignoreCase, (text) => context.problem(`${what}: ${text}`));
  if (match.uri !== undefined) {
    const uri = test(match.uri, "uri", match.ignoreUriCase === true);
    parts.push((view) => uri(view.path));
  }
  if (match.method !== undefined) {
    const method = test(match.method, "method");
    parts.push((view) => method(view.method));
  }
  if (match.scheme !== undefined) {
    const scheme = test(match.scheme, "scheme");
    parts.push(() => scheme("http"));
  }
  if (match.authority !== undefined) {
    const authority = test(match.authority, "authority");
    parts.push((view) => authority(view.authority) || authority(hostOf(view.authority)));
  }
  if (match.port !== undefined) parts.push((view) => view.port === match.port);
  parts.push(...headerParts(match, test), ...queryParts(match, test));
  const source = sourceTest(match);
  if (source !== undefined) parts.push((view) => source(view.source));
  return allOf(parts);
}

type MakeTest = (matcher: KubeFields, what: string) => TextTest;

function headerParts(match: KubeFields, test: MakeTest): Predicate[] {
  const wanted = Object.entries(match.headers ?? {}).map(([name, matcher]): Predicate => {
    const key = name.toLowerCase();
    const holds = test(matcher, `header ${name}`);
    return (view) => {
      const value = headerValue(view.headers, key);
      return value !== undefined && holds(value);
    };
  });
  const unwanted = Object.entries(match.withoutHeaders ?? {}).map(([name, matcher]): Predicate => {
    const key = name.toLowerCase();
    const holds = test(matcher, `header ${name}`);
    return (view) => {
      const value = headerValue(view.headers, key);
      return value === undefined || !holds(value);
    };
  });
  return [...wanted, ...unwanted];
}

function headerValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

function queryParts(match: KubeFields, test: MakeTest): Predicate[] {
  return Object.entries(match.queryParams ?? {}).map(([name, matcher]): Predicate => {
    const holds = test(matcher, `query parameter ${name}`);
    return (view) => {
      const value = view.query === undefined ? null : new URLSearchParams(view.query).get(name);
      return value !== null && holds(value);
    };
  });
}

/** Whether the condition's list of gateways, if it has one, names the gateway that is being compiled for. */
export function isForGateway(match: KubeFields, { gateway, namespace }: MatchContext): boolean {
  const gateways: readonly string[] = match.gateways ?? [];
  return gateways.length === 0 || gateways.some((name) => gatewayId(name, namespace) === gateway);
}

/** What a condition says about who asks; undefined: nothing. */
export function sourceTest(match: KubeFields): ((source: Workload | undefined) => boolean) | undefined {
  const labels: [string, string][] = Object.entries(match.sourceLabels ?? {});
  const namespace: string | undefined = match.sourceNamespace || undefined;
  if (labels.length === 0 && namespace === undefined) return undefined;
  return (source) =>
    source !== undefined &&
    labels.every(([key, value]) => source.labels[key] === value) &&
    (namespace === undefined || source.namespace === namespace);
}

function allOf(parts: readonly Predicate[]): Predicate | undefined {
  const [first, second] = parts;
  if (first === undefined) return undefined;
  if (second === undefined) return first;
  return (view) => parts.every((part) => part(view));
}

/** Both conditions; undefined stands for no condition. */
export function both(a: Predicate | undefined, b: Predicate | undefined): Predicate | undefined {
  return allOf([a, b].filter((part) => part !== undefined));
}

/** A StringMatch of Istio: exact, prefix or regex; empty: anything. */
export function textTest(matcher: KubeFields, ignoreCase: boolean, problem: (text: string) => void): TextTest {
  const { exact, prefix, regex } = matcher ?? {};
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  if (typeof exact === "string") {
    const wanted = fold(exact);
    return ignoreCase ? (value) => value.toLowerCase() === wanted : (value) => value === wanted;
  }
  if (typeof prefix === "string") {
    const wanted = fold(prefix);
    return (value) => fold(value).startsWith(wanted);
  }
  if (typeof regex !== "string") return () => true;
  const compiled = re2(regex, ignoreCase);
  if (compiled.kind === "regex") return (value) => compiled.regex.test(value);
  problem(compiled.text);
  return () => false;
}

/**
 * "mesh" stays, "name" and "./name" get the namespace, "namespace/name" stays. The older forms with dots,
 * "name.namespace" and the full "name.namespace.svc.cluster.local", name the namespace, too.
 */
export function gatewayId(name: string, namespace: string): string {
  if (name === "mesh") return name;
  if (name.startsWith("./")) return `${namespace}/${name.slice(2)}`;
  if (name.includes("/")) return name;
  const [first, second] = name.split(".");
  return second === undefined ? `${namespace}/${name}` : `${second}/${first}`;
}

/** A Host header without port. */
export function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon < 0 || authority.endsWith("]") ? authority : authority.slice(0, colon);
}
