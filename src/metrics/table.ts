/** The metric providers, by the name in `spec.provider.type` of a MetricTemplate. The CRD's enum is this list. */
import type { MetricSource } from "../ports/metric-source.ts";
import type { Rule } from "../ports/rights.ts";
import { cloudwatch } from "./cloudwatch/cloudwatch.ts";
import { datadog } from "./datadog/datadog.ts";
import { dynatrace } from "./dynatrace/dynatrace.ts";
import { EXTERNAL_METRICS_RIGHTS, externalmetrics } from "./externalmetrics/externalmetrics.ts";
import { graphite } from "./graphite/graphite.ts";
import { influxdb } from "./influxdb/influxdb.ts";
import { KEPTN_RIGHTS, keptn } from "./keptn/keptn.ts";
import { MetricError, NO_VALUES } from "./metric-error.ts";
import { newrelic } from "./newrelic/newrelic.ts";
import { createPrometheus } from "./prometheus/prometheus.ts";
import type { Provider, ProviderOptions } from "./provider.ts";
import { splunk } from "./splunk/splunk.ts";
import { stackdriver } from "./stackdriver/stackdriver.ts";

const PROVIDERS: Readonly<Record<string, Provider>> = {
  prometheus: createPrometheus,
  influxdb,
  datadog,
  externalmetrics,
  stackdriver,
  cloudwatch,
  newrelic,
  graphite,
  dynatrace,
  keptn,
  splunk,
};

export const PROVIDER_NAMES: readonly string[] = Object.keys(PROVIDERS);

/** The rights of providers that answer from the operator's own cluster. */
export const METRIC_RIGHTS: readonly Rule[] = [...KEPTN_RIGHTS, ...EXTERNAL_METRICS_RIGHTS];

/** @throws MetricError for an unknown type, and when address or credentials cannot work */
export function createMetricSource(options: ProviderOptions): MetricSource {
  const create = Object.hasOwn(PROVIDERS, options.type) ? PROVIDERS[options.type] : undefined;
  if (create === undefined) {
    throw new MetricError(`unknown metric provider "${options.type}": use one of ${PROVIDER_NAMES.join(", ")}`);
  }
  const source = create(options);
  return {
    ...source,
    // NaN is neither below nor above a limit: it would pass every check.
    async measure(query, signal) {
      const measured = await source.measure(query, signal);
      return measured.kind === "value" && Number.isNaN(measured.value)
        ? { kind: "no-data", detail: NO_VALUES }
        : measured;
    },
  };
}
