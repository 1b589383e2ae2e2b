/** Requests of Ingresses, counted under the names of ingress-nginx. */
import {
  addValue,
  NGINX_BOUNDS as BOUNDS,
  emptyHistogram,
  type Histogram,
  pushHistogram,
} from "../prometheus/histogram.ts";

/** Whose requests these are, in the words of ingress-nginx' metrics. */
export interface IngressTag {
  readonly namespace: string;
  /** The Ingress that is no canary. */
  readonly ingress: string;
  readonly service: string;
  /** "namespace-service-port" of the canary's Service when the canary Ingress decided; else "". */
  readonly canary: string;
}

export interface IngressMetrics {
  count(tag: IngressTag, code: number, seconds: number): void;
  /** Lines of Prometheus' text format. */
  lines(): readonly string[];
}

const REQUESTS = "nginx_ingress_controller_requests";
const DURATION = "nginx_ingress_controller_response_duration_seconds";

interface Series {
  readonly tag: IngressTag;
  readonly labels: string;
  /** Seconds. */
  readonly duration: Histogram;
  requests: number;
}

/** @param exists whether the Service is still there: series of Services that are gone go */
export function createIngressMetrics(exists: (namespace: string, service: string) => boolean): IngressMetrics {
  const series = new Map<string, Series>();
  return {
    count: (tag, code, seconds) => {
      const labels = labelsOf(tag, code);
      let found = series.get(labels);
      if (found === undefined) {
        found = { tag, labels, duration: emptyHistogram(BOUNDS), requests: 0 };
        series.set(labels, found);
      }
      addValue(found.duration, BOUNDS, seconds);
      found.requests += 1;
    },
    lines: () => {
      for (const [key, { tag }] of series) if (!exists(tag.namespace, tag.service)) series.delete(key);
      if (series.size === 0) return [];
      const all = [...series.values()];
      const durations: string[] = [];
      for (const { labels, duration } of all) pushHistogram(durations, DURATION, labels, BOUNDS, duration);
      return [
        `# HELP ${REQUESTS} Requests of Ingresses.`,
        `# TYPE ${REQUESTS} counter`,
        ...all.map(({ labels, requests }) => `${REQUESTS}{${labels}} ${requests}`),
        `# HELP ${DURATION} Time until the answer of a pod has arrived.`,
        `# TYPE ${DURATION} histogram`,
        ...durations,
      ];
    },
  };
}

/** Names of Kubernetes' objects need no escaping. */
function labelsOf({ namespace, ingress, service, canary }: IngressTag, code: number): string {
  const labels = { namespace, ingress, service, canary, status: String(code) };
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");
}
