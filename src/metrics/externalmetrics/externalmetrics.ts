/**
 * The external metrics API of Kubernetes: `[NAMESPACE/]METRIC[?labelSelector=…]`, of the operator's own cluster or of
 * `address`.
 */
import { parseQuantity } from "../../go/hash/quantity.ts";
import { causeOf } from "../../net/show.ts";
import type { Rule } from "../../ports/rights.ts";
import { ask } from "../http.ts";
import { type JsonAnswer, parseAnswer } from "../json.ts";
import { MetricError, NO_VALUES } from "../metric-error.ts";
import {
  httpAddress,
  namespaceFor,
  noData,
  outbound,
  type Provider,
  type ProviderOptions,
  value,
} from "../provider.ts";

const GROUP = "external.metrics.k8s.io";
const API = `/apis/${GROUP}/v1beta1`;

export const EXTERNAL_METRICS_RIGHTS: readonly Rule[] = [
  { apiGroups: [GROUP], resources: ["*"], verbs: ["get", "list"] },
];
const EXPECTED = "expected <namespace>/<metricName>?labelSelector=<urlencoded label selectors>, got";

export const externalmetrics: Provider = (options) => {
  const get = caller(options);
  const list = async ({ namespace, metric, selector }: ExternalMetric, signal: AbortSignal) => {
    const path = `${API}/namespaces/${encodeURIComponent(namespace)}/${encodeURIComponent(metric)}`;
    return get(path, selector === "" ? undefined : selector, signal);
  };
  return {
    type: options.type,
    async measure(query, signal) {
      const parsed = parseExternalMetric(query);
      // For another cluster at `address` the template's own token counts.
      const own = options.address === "" ? options : {};
      const asked = { ...parsed, namespace: namespaceFor(own, parsed.namespace), metric: plainName(parsed.metric) };
      const answer = await list(asked, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new MetricError(`error querying external metrics API: ${causeOf(error)}`);
      });
      const [first] = answer.listOf(answer.fields().items, "items");
      const quantity = answer.fieldsOf(first, "items[0]").value;
      return quantity === undefined
        ? noData(`no external metrics found: ${NO_VALUES}`)
        : value(numberOf(answer, String(quantity)));
    },
    async online(signal) {
      await list({ namespace: "kube-system", metric: "dummy-metric", selector: "" }, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw new MetricError(`external metrics service unavailable: ${causeOf(error)}`);
      });
    },
  };
};

type Get = (path: string, labelSelector: string | undefined, signal: AbortSignal) => Promise<JsonAnswer>;

/**
 * M12: the operator's credentials are sent to its own cluster only, those of the template to the template's address.
 */
function caller(options: ProviderOptions): Get {
  const { cluster, credentials } = options;
  if (options.address === "") {
    if (cluster === undefined) {
      throw new MetricError("could not initialize ExternalMetricsProvider: rest config is nil");
    }
    return async (path, labelSelector, signal) => {
      return parseAnswer(JSON.stringify(await cluster.send({ method: "GET", path, query: { labelSelector } }, signal)));
    };
  }
  const address = httpAddress(options);
  const token = credentials?.get("token");
  const headers = { Accept: "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return async (path, labelSelector, signal) => {
    const search = labelSelector === undefined ? {} : { search: `labelSelector=${encodeURIComponent(labelSelector)}` };
    const asked = { url: `${address}${path}`, ...search, headers };
    const { status, body, statusLine, said } = await ask(asked, outbound(options, signal));
    if (status >= 400) throw new MetricError(`${statusLine}: ${said}`);
    return parseAnswer(body);
  };
}

export interface ExternalMetric {
  readonly namespace: string;
  readonly metric: string;
  /** The selector as the API takes it; empty: all metrics. */
  readonly selector: string;
}

/** @throws MetricError "error parsing metric query: …" */
export function parseExternalMetric(query: string): ExternalMetric {
  const wrong = (why: string) => new MetricError(`error parsing metric query: ${why}`);
  const text = query.trim();
  const [, path = "", search = ""] = /^([^?]*)(?:\?(.*))?$/s.exec(text) ?? [];
  const parts = decoded(path.replace(/^\/(?=.*\/)/, ""))?.split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not be in a URL
  if (parts === undefined || /[\u0000-\u001f\u007f]/.test(text))
    throw wrong(`malformed query string, ${EXPECTED} ${text}`);
  if (parts.length > 2) throw wrong(`malformed query string, too many slashes, ${EXPECTED} ${text}`);
  const metric = parts.at(-1) ?? "";
  if (metric === "") throw wrong("metric name cannot be empty");
  const namespace = (parts.length === 2 ? parts[0] : undefined) || "default";
  const selector = new URLSearchParams(search).get("labelSelector") ?? "";
  const fault = selectorFault(selector);
  if (fault !== undefined) throw wrong(`error parsing label selector from string ${selector}: ${fault}`);
  return { namespace, metric, selector };
}

/** External metrics may have almost any name; "." and ".." would change the path. @throws MetricError */
function plainName(metric: string): string {
  if (!/^\.{1,2}$/.test(metric)) return metric;
  throw new MetricError(`error parsing metric query: metric name cannot be ${metric}`);
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // invalid percent-encoding
  }
}

const KEY = "[\\w./-]+";
const REQUIREMENT = new RegExp(
  `^\\s*(?:!?\\s*${KEY}|${KEY}\\s*(?:=|==|!=)\\s*[\\w.-]*|${KEY}\\s*[<>]\\s*\\d+|${KEY}\\s+(?:not)?in\\s*\\([^()]*\\))\\s*$`,
);

function selectorFault(selector: string): string | undefined {
  if (selector === "") return undefined;
  const bad = selector.split(/,(?![^(]*\))/).find((requirement) => !REQUIREMENT.test(requirement));
  return bad === undefined ? undefined : `unable to parse requirement: "${bad}"`;
}

/** 500m is 0.5, 1k is 1000, 1Ki is 1024. @throws MetricError */
function numberOf(answer: JsonAnswer, quantity: string): number {
  try {
    const { value: fast, scale, exact } = parseQuantity(quantity);
    return exact === undefined ? Number(`${fast}e${scale}`) : Number(`${exact.unscaled}e${-exact.scale}`);
  } catch (error) {
    throw answer.wrong(causeOf(error));
  }
}
