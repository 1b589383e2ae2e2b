/**
 * The built-in checks: the queries for the success rate and the duration of the canary's requests, for each mesh.
 * The texts are contract: users have dashboards and recording rules that match them.
 */
import type { Measurement, MetricSource } from "../ports/metric-source.ts";
import { MetricError } from "./metric-error.ts";
import { type QueryModel, renderQuery, TemplateError } from "./template.ts";

export type CheckKind = "success-rate" | "duration";
/** The number of requests shows how reliable a rate is: one bad request of two is no evidence. */
export type QueryKind = CheckKind | "requests";

export interface Observer {
  /** As in the guides: "istio", "http", … */
  readonly name: string;
  /** Template of a query that gives percent. */
  readonly successRate: string;
  /** Template of a query for the number of requests behind the success rate. */
  readonly requests: string;
  /** Template of a query for milliseconds, after multiplication by `durationScale`. */
  readonly duration: string;
  readonly durationScale: 1 | 1000;
  /**
   * Names have only word characters in this mesh's metrics: other characters become "_" before the query is rendered.
   */
  readonly wordCharactersOnly?: true;
  /**
   * The requests of canary and primary are both counted, so that the split can be compared with its promise. At most so
   * many, per second and pod, are of no user: probes, scrapes.
   */
  readonly strayRate?: number;
  /** Errors of the success rate are passed on without "running query failed: ". */
  readonly bareSuccessRateErrors?: true;
}

const rate = (metric: string, selector: string) => `sum( rate( ${metric}{ ${selector} }[{{ interval }}] ) )`;
const percent = (metric: string, good: string, all: string) => ({
  successRate: ` ${rate(metric, good)} / ${rate(metric, all)} * 100`,
  requests: ` sum( increase( ${metric}{ ${all} }[{{ interval }}] ) )`,
});
const quantile99 = (metric: string, selector: string) =>
  ` histogram_quantile( 0.99, sum( rate( ${metric}{ ${selector} }[{{ interval }}] ) ) by (le) )`;

/** Series of one workload; those that match `failed` are errors. */
function ofWorkload(name: string, requests: string, durations: string, selector: string, good: string): Observer {
  return {
    name,
    ...percent(requests, `${selector}, ${good}`, selector),
    duration: quantile99(durations, selector),
    durationScale: 1,
  };
}

/** Envoy's own series, selected by one label. Flagger's queries have the comma before the brace, too. */
function ofEnvoy(name: string, selector: string): Observer {
  return {
    name,
    ...percent("envoy_cluster_upstream_rq", `${selector}, envoy_response_code!~"5.*"`, `${selector},`),
    duration: quantile99("envoy_cluster_upstream_rq_time_bucket", `${selector},`),
    durationScale: 1,
  };
}

const POD = 'kubernetes_namespace="{{ namespace }}", kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"';

const istio: Observer = {
  ...ofWorkload(
    "istio",
    "istio_requests_total",
    "istio_request_duration_milliseconds_bucket",
    'reporter="destination", destination_workload_namespace="{{ namespace }}", destination_workload=~"{{ target }}"',
    'response_code!~"5.*"',
  ),
  // Its sidecar answers probes and scrapes itself.
  strayRate: 0,
};

const LINKERD = 'namespace="{{ namespace }}", deployment=~"{{ target }}",';
const linkerd: Observer = {
  name: "linkerd",
  ...percent(
    "response_total",
    `${LINKERD} classification!="failure", direction="inbound"`,
    `${LINKERD} direction="inbound"`,
  ),
  duration: quantile99("response_latency_ms_bucket", `${LINKERD} direction="inbound"`),
  durationScale: 1,
  strayRate: 1,
};

const http: Observer = {
  ...ofWorkload(
    "http",
    "http_request_duration_seconds_count",
    "http_request_duration_seconds_bucket",
    POD,
    'status!~"5.*"',
  ),
  durationScale: 1000,
  bareSuccessRateErrors: true,
  strayRate: 1,
};

const appmesh = ofWorkload(
  "appmesh",
  "envoy_cluster_upstream_rq",
  "envoy_cluster_upstream_rq_time_bucket",
  POD,
  'envoy_response_code!~"5.*"',
);

const osm: Observer = {
  ...ofWorkload(
    "osm",
    "osm_request_total",
    "osm_request_duration_ms_bucket",
    'destination_namespace="{{ namespace }}", destination_kind="Deployment", destination_name="{{ target }}"',
    'response_code!~"5.*"',
  ),
  strayRate: 0,
};

const contour = ofEnvoy("contour", 'envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+"');
// Objects of gloo, kuma, traefik and apisix are named after the service, so their series are too (M3).
const gloo = ofEnvoy(
  "gloo",
  'envoy_cluster_name=~"{{ namespace }}-{{ service }}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+"',
);
const kuma = ofEnvoy("kuma", 'service=~"{{ service }}-canary_{{ namespace }}_svc_[0-9a-zA-Z-]+"');
const knative: Observer = {
  ...ofEnvoy("knative", 'envoy_cluster_name=~"{{ namespace }}/{{ route }}"'),
  strayRate: 0,
};

const NGINX = 'namespace="{{ namespace }}", ingress="{{ ingress }}", canary!=""';
const NGINX_DURATION = "nginx_ingress_controller_response_duration_seconds";
const nginx: Observer = {
  name: "nginx",
  ...percent("nginx_ingress_controller_requests", `${NGINX}, status!~"5.*"`, NGINX),
  duration: ` ${rate(`${NGINX_DURATION}_sum`, NGINX)} / ${rate(`${NGINX_DURATION}_count`, NGINX)} * 1000`,
  durationScale: 1,
};

const TRAEFIK = "traefik_service_request_duration_seconds_bucket";
const TRAEFIK_SERVICE = 'service=~"{{ namespace }}-{{ service }}-canary-[0-9a-zA-Z-]+@kubernetescrd"';
const traefik: Observer = {
  name: "traefik",
  ...percent(TRAEFIK, `${TRAEFIK_SERVICE}, code!~"5..", le="+Inf"`, `${TRAEFIK_SERVICE}, le="+Inf"`),
  duration: `${quantile99(TRAEFIK, TRAEFIK_SERVICE)} * 1000`,
  durationScale: 1,
};

const APISIX_ROUTE = 'route=~"{{ namespace }}_{{ route }}-{{ service }}-canary_.+"';
const apisix: Observer = {
  name: "apisix",
  ...percent("apisix_http_status", `${APISIX_ROUTE}, code!~"5.."`, APISIX_ROUTE),
  duration: quantile99("apisix_http_latency_bucket", `type=~"request", ${APISIX_ROUTE}`),
  durationScale: 1,
};

const SKIPPER_ROUTE =
  '{{- $route := printf "kube(ew)?_%s__%s_canary__.*__%s_canary(_[0-9]+)?" namespace ingress service }} ';
const skipperRate = (metric: string, selector: string) => `sum(rate(${metric}{${selector}}[{{ interval }}]))`;
const SKIPPER_GOOD = 'route=~"{{ $route }}",code!~"5..",le="+Inf"';
const SKIPPER_ALL = 'route=~"{{ $route }}",le="+Inf"';
const SKIPPER_REQUESTS = "skipper_response_duration_seconds_bucket";
const SKIPPER_DURATION = "skipper_serve_route_duration_seconds";
const skipper: Observer = {
  name: "skipper",
  successRate:
    `${SKIPPER_ROUTE}${skipperRate(SKIPPER_REQUESTS, SKIPPER_GOOD)}` +
    ` / ${skipperRate(SKIPPER_REQUESTS, SKIPPER_ALL)} * 100`,
  requests: `${SKIPPER_ROUTE}sum(increase(${SKIPPER_REQUESTS}{${SKIPPER_ALL}}[{{ interval }}]))`,
  duration:
    `${SKIPPER_ROUTE}${skipperRate(`${SKIPPER_DURATION}_sum`, 'route=~"{{ $route }}"')}` +
    ` / ${skipperRate(`${SKIPPER_DURATION}_count`, 'route=~"{{ $route }}"')} * 1000`,
  durationScale: 1,
  wordCharactersOnly: true,
};

/** All observers. The first that matches a key is used; a key without a match uses istio's (M2). */
const OBSERVERS: readonly { readonly matches: (key: string) => boolean; readonly observer: Observer }[] = [
  { matches: (key) => key.startsWith("appmesh"), observer: appmesh },
  { matches: (key) => key === "linkerd", observer: linkerd },
  { matches: (key) => key === "istio", observer: istio },
  { matches: (key) => key === "contour", observer: contour },
  { matches: (key) => key.startsWith("gloo"), observer: gloo },
  { matches: (key) => key === "nginx", observer: nginx },
  { matches: (key) => key === "kubernetes" || key.startsWith("gatewayapi"), observer: http },
  { matches: (key) => key === "skipper", observer: skipper },
  { matches: (key) => key === "traefik", observer: traefik },
  { matches: (key) => key === "osm", observer: osm },
  { matches: (key) => key === "kuma", observer: kuma },
  { matches: (key) => key === "apisix", observer: apisix },
  { matches: (key) => key === "knative", observer: knative },
];

export interface ObserverChoice {
  /** The operator's own provider (`-mesh-provider`). */
  readonly meshProvider: string;
  /** `spec.provider` as written. */
  readonly ownProvider?: string | undefined;
  /** The target is a Kubernetes Service, not a Knative one. */
  readonly targetIsService: boolean;
}

/** The name under which the observer is chosen; "no values found" events show it. */
export function observerKey({ meshProvider, ownProvider, targetIsService }: ObserverChoice): string {
  let key = meshProvider.includes("crossover") ? "crossover" : meshProvider;
  // With the operator's provider linkerd, every canary is observed through linkerd, for any provider of the Canary
  // (M16, Q46).
  if (ownProvider) key = meshProvider.includes("linkerd") ? "linkerd" : ownProvider;
  // With this suffix, only keys that are matched by their prefix keep their queries; all others get istio's (Q45).
  return targetIsService ? `${key}:service` : key;
}

export function observerFor(key: string): Observer {
  return OBSERVERS.find(({ matches }) => matches(key))?.observer ?? istio;
}

/** The query as it is sent. @throws TemplateError */
export function builtInQuery(observer: Observer, kind: QueryKind, model: QueryModel): string {
  const templates = { "success-rate": observer.successRate, duration: observer.duration, requests: observer.requests };
  const template = templates[kind];
  return renderQuery(template, observer.wordCharactersOnly ? wordsOf(model) : model);
}

function wordsOf(model: QueryModel): QueryModel {
  const word = (text: string) => text.replace(/[^0-9A-Za-z_]/g, "_");
  return {
    ...model,
    name: word(model.name),
    namespace: word(model.namespace),
    target: word(model.target),
    service: word(model.service),
    ingress: word(model.ingress),
  };
}

/**
 * Runs one built-in check.
 * @returns percent for the success rate, whole milliseconds for the duration (infinite when the mesh reports infinity,
 *   M13)
 * @throws MetricError with the text for the event
 */
export async function askObserver(
  observer: Observer,
  kind: CheckKind,
  model: QueryModel,
  source: MetricSource,
  signal: AbortSignal,
): Promise<Measurement> {
  const wrap = (prefix: string, text: string) =>
    kind === "success-rate" && observer.bareSuccessRateErrors ? text : `${prefix}: ${text}`;
  let query: string;
  try {
    query = builtInQuery(observer, kind, model);
  } catch (error) {
    throw error instanceof TemplateError ? new MetricError(wrap("rendering query failed", error.message)) : error;
  }
  try {
    const answer = await source.measure(query, signal);
    if (answer.kind === "no-data") return { ...answer, detail: wrap("running query failed", answer.detail) };
    if (kind === "success-rate") return answer;
    return { kind: "value", value: Math.trunc(answer.value * observer.durationScale) };
  } catch (error) {
    throw error instanceof MetricError ? new MetricError(wrap("running query failed", error.message)) : error;
  }
}
