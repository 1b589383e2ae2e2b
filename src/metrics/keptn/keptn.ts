/**
 * Keptn's objects in the operator's own cluster: a KeptnMetric is read; an Analysis is created, awaited and deleted.
 */
import { randomBytes } from "node:crypto";
import { deadline } from "../../async/deadline.ts";
import { causeOf } from "../../net/show.ts";
import type { KubeFields } from "../../ports/kubernetes.ts";
import type { Measurement } from "../../ports/metric-source.ts";
import type { Rule } from "../../ports/rights.ts";
import { MetricError } from "../metric-error.ts";
import {
  type ClusterCalls,
  namespaceFor,
  objectName,
  type Provider,
  type ProviderOptions,
  value,
} from "../provider.ts";

const GROUP = "metrics.keptn.sh";
const API = `/apis/${GROUP}/v1beta1`;

/** An Analysis asks one question, and is deleted with its answer. */
export const KEPTN_RIGHTS: readonly Rule[] = [
  { apiGroups: [GROUP], resources: ["keptnmetrics"], verbs: ["get"] },
  { apiGroups: [GROUP], resources: ["analyses"], verbs: ["get", "create", "delete"] },
];
const POLL_MS = 1_000;
const PATIENCE_MS = 10_000;
const FORMAT = "<keptnmetric|analysis>/<namespace>/<resourceName>/<duration>/<arguments>";

export const keptn: Provider = (options) => {
  const { cluster, type } = options;
  if (cluster === undefined) throw new MetricError("could not initialize KeptnProvider: no KubeConfig provided");
  return {
    type,
    async measure(query, signal) {
      const parsed = parseKeptnQuery(query);
      const asked = {
        ...parsed,
        namespace: namespaceFor(options, parsed.namespace),
        name: objectName(parsed.name, "resource"),
      };
      return asked.kind === "keptnmetrics"
        ? readMetric(asked, cluster, signal)
        : analyse(asked, cluster, options, signal);
    },
    online: () => Promise.resolve(),
  };
};

export interface KeptnQuery {
  readonly kind: "keptnmetrics" | "analyses";
  readonly namespace: string;
  readonly name: string;
  /** Of an Analysis. */
  readonly duration: string;
  readonly args: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<string, KeptnQuery["kind"]>> = {
  keptnmetric: "keptnmetrics",
  keptnmetrics: "keptnmetrics",
  analysis: "analyses",
  analyses: "analyses",
};

/** The query in lower case (M15). @throws MetricError */
export function parseKeptnQuery(query: string): KeptnQuery {
  const [kind = "", namespace, name, duration = "1m", args = ""] = query.toLowerCase().trim().split("/");
  if (namespace === undefined || name === undefined) {
    throw new MetricError(`unexpected query format. query must be in the format ${FORMAT}`);
  }
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) {
    throw new MetricError(
      "unexpected resource kind provided in the query. must be one of: ['keptnmetric', 'analysis']",
    );
  }
  const pairs = args.split(";").map((pair) => pair.split("="));
  return {
    kind: known,
    namespace,
    name,
    duration,
    args: Object.fromEntries(pairs.filter(({ length }) => length === 2)),
  };
}

async function readMetric(
  { namespace, name }: KeptnQuery,
  cluster: ClusterCalls,
  signal: AbortSignal,
): Promise<Measurement> {
  const where = `${namespace}/${name}`;
  const path = `${API}/namespaces/${namespace}/keptnmetrics/${name}`;
  const object = await cluster.send({ method: "GET", path }, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new MetricError(`could not retrieve KeptnMetric ${where}: ${causeOf(error)}`);
  });
  const text: unknown = object?.status?.value;
  if (typeof text !== "string") {
    throw new MetricError(`could not retrieve KeptnMetric - no value found in resource ${where}`);
  }
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(number)) {
    throw new MetricError(`could not parse value of KeptnMetric ${where} to float: "${text}" is no number`);
  }
  return value(number);
}

async function analyse(
  { namespace, name, duration, args }: KeptnQuery,
  cluster: ClusterCalls,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<Measurement> {
  const where = `${namespace}/${name}`;
  const collection = `${API}/namespaces/${namespace}/analyses`;
  const own = `${name}-${randomBytes(3).toString("hex")}`;
  const body: KubeFields = {
    apiVersion: `${GROUP}/v1beta1`,
    kind: "Analysis",
    metadata: { name: own, namespace },
    spec: { analysisDefinition: { name }, timeframe: { recent: duration }, args },
  };
  await cluster.send({ method: "POST", path: collection, body }, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new MetricError(`could not create Keptn Analysis ${where}: ${causeOf(error)}`);
  });
  try {
    return value((await awaitVerdict(where, `${collection}/${own}`, cluster, options, signal)) ? 1 : 0);
  } finally {
    // Also when the turn was aborted; the log shows an Analysis that could not be deleted.
    const path = `${collection}/${own}`;
    const limit = deadline(options.clock, PATIENCE_MS);
    await cluster
      .send({ method: "DELETE", path }, limit.signal)
      .catch((error: unknown) => {
        options.log?.error({}, `Could not delete Keptn Analysis '${own}': ${causeOf(error)}`);
      })
      .finally(() => limit.clear());
  }
}

async function awaitVerdict(
  where: string,
  path: string,
  cluster: ClusterCalls,
  { clock }: ProviderOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const until = clock.now() + PATIENCE_MS;
  while (clock.now() < until) {
    await clock.sleep(POLL_MS, signal);
    const { status } = await cluster.send({ method: "GET", path }, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new MetricError(`could not check status of created Keptn Analysis ${where}: ${causeOf(error)}`);
    });
    if (status?.state === "Completed" && typeof status.pass === "boolean") return status.pass;
  }
  throw new MetricError(`encountered timeout while waiting for Keptn Analysis ${where} to be finished`);
}
