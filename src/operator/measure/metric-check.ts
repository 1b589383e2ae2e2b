/**
 * Runs one metric check of one Canary: chooses the server, renders the query, and words the event when there is no
 * value.
 */
import type { Dispatcher } from "undici";
import { dotted, type Metric } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Answer, MetricProbe } from "../../core/turn/observation.ts";
import { BUILT_IN_METRICS } from "../../core/turn/probes.ts";
import { errorText } from "../../error-text.ts";
import { MetricError } from "../../metrics/metric-error.ts";
import { askObserver, builtInQuery, observerFor, observerKey } from "../../metrics/observers.ts";
import { createPrometheus } from "../../metrics/prometheus/prometheus.ts";
import type { ClusterCalls } from "../../metrics/provider.ts";
import { createMetricSource } from "../../metrics/table.ts";
import { type QueryModel, renderQuery, TemplateError } from "../../metrics/template.ts";
import { show } from "../../net/show.ts";
import type { Clock } from "../../ports/clock.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { MetricProviderSpec, MetricTemplateObject } from "../../ports/kubernetes-types.ts";
import type { Log } from "../../ports/log.ts";
import type { MetricSource } from "../../ports/metric-source.ts";
import { workloadOf } from "../adapters.ts";
import { credentialsOf } from "../cluster/credentials.ts";
import { type Measured, modelFor, type NamingPorts } from "./query-model.ts";

export interface MeasuringPorts extends NamingPorts {
  /** The operator's default Prometheus. */
  readonly metricsServer: string;
  readonly meshProvider: string;
  readonly log: Log;
  readonly clock: Clock;
  /** The operator's own cluster, for providers that are in it. */
  readonly cluster?: ClusterCalls;
  /** `-no-cross-namespace-refs`: providers within the cluster answer from the template's namespace only. */
  readonly ownNamespaceOnly?: boolean;
  readonly dispatcher?: Dispatcher;
  /** For templates with insecureSkipVerify: like `dispatcher`, but accepting any certificate. */
  readonly insecureDispatcher?: Dispatcher;
}

const noData = (message: string): Answer => ({ kind: "no-data", message });
const failed = (message: string): Answer => ({ kind: "error", message });

/** Asks for one value of one metric. A failure of the server is an answer. */
export async function measure(
  canary: Measured,
  probe: MetricProbe,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const { metric, source } = probe;
  const model = await modelFor(canary, probe, metric, ports, signal);
  if (typeof model === "string") return failed(model);
  switch (source) {
    case "success-rate":
    case "duration":
      return measureBuiltIn(canary, probe, model, ports, signal);
    case "query":
      return measureInline(canary, metric, model, ports, signal);
    case "template":
      return measureByTemplate(metric, model, ports, signal);
    case "nothing":
      return failed("Metric query failed for no usable metrics template and query were configured");
  }
}

/** The server for built-in and inline checks, or a text that says why there is none. */
export function builtInServer(
  { spec }: Measured,
  { metricsServer, dispatcher, clock }: MeasuringPorts,
): MetricSource | string {
  const address = spec.metricsServer ?? metricsServer;
  try {
    return createPrometheus({ type: "prometheus", address, clock, dispatcher });
  } catch (error) {
    if (error instanceof MetricError) return `building Prometheus client for ${show(address)} ${error.message}`;
    throw error;
  }
}

/** The key of the observer whose queries measure this Canary, see metrics/observers.ts. */
export function keyFor({ spec }: Measured, { meshProvider, workloads }: MeasuringPorts): string {
  const targetIsService = workloadOf(workloads, spec.targetRef)?.isService === true;
  return observerKey({ meshProvider, ownProvider: spec.ownProvider, targetIsService });
}

async function measureBuiltIn(
  canary: Measured,
  { metric, source }: MetricProbe,
  model: QueryModel,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const key = keyFor(canary, ports);
  const kind = source === "duration" ? "duration" : "success-rate";
  const noRequests =
    `Halt advancement no values found for ${key} metric ${metric.name} probably ` +
    `${dotted(model.target, canary.ref)} is not receiving traffic`;
  const server = builtInServer(canary, ports);
  if (typeof server === "string") return failed(`Error ${server}`);
  const sent = sentQuery(() => builtInQuery(observerFor(key), kind, model));
  try {
    const measured = await askObserver(observerFor(key), kind, model, server, signal);
    if (measured.kind === "value") return { ...measured, ...sent };
    return { ...noData(kind === "duration" ? noRequests : `${noRequests}: ${measured.detail}`), ...sent };
  } catch (error) {
    signal.throwIfAborted();
    return { ...failed(`Prometheus query failed: ${errorText(error)}`), ...sent };
  }
}

async function measureInline(
  canary: Measured,
  metric: Metric,
  model: QueryModel,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const server = builtInServer(canary, ports);
  if (typeof server === "string") return failed(`Error ${server}`);
  let sent = {};
  try {
    const query = renderQuery(metric.query ?? "", model);
    sent = sentQuery(() => query);
    const measured = await server.measure(query, signal);
    const missing = () => noData(`Halt advancement no values found for metric: ${metric.name}`);
    return { ...(measured.kind === "value" ? measured : missing()), ...sent };
  } catch (error) {
    signal.throwIfAborted();
    return { ...failed(`Prometheus query failed for ${metric.name}: ${errorText(error)}`), ...sent };
  }
}

/** The longest query that an answer carries, characters. */
const LONGEST_QUERY = 1_000;

/** The query that was sent, for the record. A query that cannot be rendered was not sent. */
function sentQuery(render: () => string): { readonly query?: string } {
  try {
    const text = render().replace(/\s+/g, " ").trim();
    return { query: text.length > LONGEST_QUERY ? `${text.slice(0, LONGEST_QUERY)}…` : text };
  } catch {
    return {};
  }
}

/** The server and the query of a template, or which part of the template failed: text of the event after its name. */
type TemplateSource =
  | { readonly kind: "source"; readonly source: MetricSource; readonly query: string }
  | { readonly kind: "failed"; readonly why: string };

const templateName = ({ templateRef }: Metric): string => `${templateRef?.name ?? ""}.${templateRef?.namespace ?? ""}`;

async function measureByTemplate(
  metric: Metric,
  model: QueryModel,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const found = await templateSource(metric, model, ports, signal);
  if (found.kind === "failed") return failed(`Metric template ${templateName(metric)} ${found.why}`);
  const sent = sentQuery(() => found.query);
  try {
    const measured = await found.source.measure(found.query, signal);
    if (measured.kind === "value") return { ...measured, ...sent };
    return {
      ...noData(`Halt advancement no values found for custom metric: ${metric.name}: ${measured.detail}`),
      ...sent,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...failed(`Metric query failed for ${metric.name}: ${errorText(error)}`), ...sent };
  }
}

async function templateSource(
  metric: Metric,
  model: QueryModel,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<TemplateSource> {
  const { name = "", namespace = "" } = metric.templateRef ?? {};
  const fail = (why: string): TemplateSource => ({ kind: "failed", why });
  try {
    const ref = { type: RESOURCES.metricTemplate, namespace, name };
    const template: MetricTemplateObject | undefined = await ports.read(ref, signal);
    if (template === undefined) return fail(`error: metrictemplate.flagger.app "${name}" not found`);
    const provider = template.spec?.provider ?? {};
    const credentials = await readCredentials(provider.secretRef?.name, namespace, ports, signal);
    if (typeof credentials === "string") return fail(`secret ${provider.secretRef?.name} error: ${credentials}`);
    const source = buildSource(provider, credentials, metric, namespace, ports);
    if (typeof source === "string") return fail(`provider ${provider.type} error: ${source}`);
    const query = renderQuery(template.spec?.query ?? "", model);
    const canary = dotted(model.name, { namespace: model.namespace, name });
    ports.log.debug({ canary }, `Metric template ${templateName(metric)} query: ${query}`);
    return { kind: "source", source, query };
  } catch (error) {
    signal.throwIfAborted();
    const step = error instanceof TemplateError ? "query render error" : "error";
    return fail(`${step}: ${errorText(error)}`);
  }
}

/** @returns a text when the Secret cannot be read, undefined when none is asked for */
async function readCredentials(
  name: string | undefined,
  namespace: string,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string> | string | undefined> {
  if (!name) return undefined;
  try {
    const secret = await ports.read({ type: RESOURCES.secret, namespace, name }, signal);
    if (secret === undefined) return `secrets "${name}" not found`;
    return credentialsOf(secret);
  } catch (error) {
    signal.throwIfAborted();
    return errorText(error);
  }
}

function buildSource(
  provider: MetricProviderSpec,
  credentials: ReadonlyMap<string, string> | undefined,
  metric: Metric,
  namespace: string,
  { dispatcher, insecureDispatcher, clock, log, cluster, ownNamespaceOnly }: MeasuringPorts,
): MetricSource | string {
  try {
    return createMetricSource({
      clock,
      log,
      cluster,
      ...(ownNamespaceOnly === true ? { onlyNamespace: namespace } : {}),
      type: provider.type ?? "",
      address: provider.address ?? "",
      headers: provider.headers,
      credentials,
      region: provider.region,
      // A dispatcher decides about certificates itself.
      insecureSkipVerify: provider.insecureSkipVerify === true,
      dispatcher: provider.insecureSkipVerify === true ? insecureDispatcher : dispatcher,
      interval: metric.interval,
    });
  } catch (error) {
    if (error instanceof MetricError) return error.message;
    throw error;
  }
}

/**
 * Before the first rollout: whether every metric server that the Canary names answers. The first failure is announced.
 */
export async function checkMetricServers(canary: Canary, ports: MeasuringPorts, signal: AbortSignal): Promise<Answer> {
  for (const metric of canary.spec.analysis.metrics) {
    const problem = await serverProblem(canary, metric, ports, signal);
    if (problem !== undefined) return failed(problem);
  }
  return { kind: "passed" };
}

async function serverProblem(
  canary: Measured,
  metric: Metric,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (BUILT_IN_METRICS.includes(metric.name)) {
    const server = builtInServer(canary, ports);
    return typeof server === "string" ? `error ${server}` : whyOffline(server, "", signal);
  }
  if (metric.templateRef === undefined) return undefined;
  const model = await modelFor(canary, { of: "canary" }, metric, ports, signal);
  if (typeof model === "string") return model;
  const found = await templateSource(metric, model, ports, signal);
  const template = `metric template ${templateName(metric)}`;
  return found.kind === "failed" ? `${template} ${found.why}` : whyOffline(found.source, ` in ${template}`, signal);
}

async function whyOffline(server: MetricSource, where: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await server.online(signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `${server.type}${where} not avaiable: ${errorText(error)}`;
  }
}
