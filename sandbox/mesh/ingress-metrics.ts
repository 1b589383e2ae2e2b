/** Requests of Ingresses, counted under the names of ingress-nginx. */
import type { IngressTag } from "./ingress.ts";

export interface IngressMetrics {
  count(tag: IngressTag, code: number, seconds: number): void;
  /** Lines of Prometheus' text format. */
  lines(): readonly string[];
}

/** Seconds; those of ingress-nginx. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REQUESTS = "nginx_ingress_controller_requests";
const DURATION = "nginx_ingress_controller_response_duration_seconds";

interface Series {
  readonly tag: IngressTag;
  readonly labels: string;
  /** Not cumulative; the last one counts what is beyond all bounds. */
  readonly counts: number[];
  requests: number;
  sum: number;
}

/** @param exists whether the Service is still there: series of Services that are gone go */
export function createIngressMetrics(exists: (namespace: string, service: string) => boolean): IngressMetrics {
  const series = new Map<string, Series>();
  return {
    count: (tag, code, seconds) => {
      const labels = labelsOf(tag, code);
      let found = series.get(labels);
      if (found === undefined) {
        found = { tag, labels, counts: new Array<number>(BUCKETS.length + 1).fill(0), requests: 0, sum: 0 };
        series.set(labels, found);
      }
      const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
      const at = bucket < 0 ? BUCKETS.length : bucket;
      found.counts[at] = (found.counts[at] ?? 0) + 1;
      found.requests += 1;
      found.sum += seconds;
    },
    lines: () => {
      for (const [key, { tag }] of series) if (!exists(tag.namespace, tag.service)) series.delete(key);
      if (series.size === 0) return [];
      const all = [...series.values()];
      return [
        `# HELP ${REQUESTS} Requests of Ingresses.`,
        `# TYPE ${REQUESTS} counter`,
        ...all.map(({ labels, requests }) => `${REQUESTS}{${labels}} ${requests}`),
        `# HELP ${DURATION} Time until the answer of a pod has arrived.`,
        `# TYPE ${DURATION} histogram`,
        ...all.flatMap(histogramLines),
      ];
    },
  };
}

function histogramLines({ labels, counts, requests, sum }: Series): readonly string[] {
  let total = 0;
  const buckets = BUCKETS.map((bound, index) => {
    total += counts[index] ?? 0;
    return `${DURATION}_bucket{${labels},le="${bound}"} ${total}`;
  });
  return [
    ...buckets,
    `${DURATION}_bucket{${labels},le="+Inf"} ${requests}`,
    `${DURATION}_sum{${labels}} ${sum}`,
    `${DURATION}_count{${labels}} ${requests}`,
  ];
}

/** Names of Kubernetes' objects need no escaping. */
function labelsOf({ namespace, ingress, service, canary }: IngressTag, code: number): string {
  const labels = { namespace, ingress, service, canary, status: String(code) };
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");
}
