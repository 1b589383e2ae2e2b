/** The metric providers, by the name a MetricTemplate gives in `spec.provider.type`. */
import type { Dispatcher } from "undici";
import type { MetricSource } from "../ports/metric-source.ts";
import { MetricError } from "./metric-error.ts";
import { createPrometheus } from "./prometheus/prometheus.ts";

export interface ProviderOptions {
  readonly type: string;
  readonly address: string;
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The data of the Secret; undefined without secretRef. */
  readonly credentials?: ReadonlyMap<string, string> | undefined;
  readonly region?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  /** The metric's interval as written; some providers derive the queried window from it. */
  readonly interval: string;
  readonly dispatcher?: Dispatcher | undefined;
}

type Constructor = (options: ProviderOptions) => MetricSource;

const missing: Constructor = ({ type }) => {
  throw new MetricError(`metric provider "${type}" is not implemented yet`);
};

const PROVIDERS: Readonly<Record<string, Constructor>> = {
  prometheus: createPrometheus,
  influxdb: missing,
  datadog: missing,
  externalmetrics: missing,
  stackdriver: missing,
  cloudwatch: missing,
  newrelic: missing,
  graphite: missing,
  dynatrace: missing,
  keptn: missing,
  splunk: missing,
};

export const PROVIDER_NAMES: readonly string[] = Object.keys(PROVIDERS);

/** @throws MetricError for an unknown type, and when address or credentials cannot work */
export function createMetricSource(options: ProviderOptions): MetricSource {
  const create = Object.hasOwn(PROVIDERS, options.type) ? PROVIDERS[options.type] : undefined;
  if (create !== undefined) return create(options);
  throw new MetricError(`unknown metric provider "${options.type}": use one of ${PROVIDER_NAMES.join(", ")}`);
}
