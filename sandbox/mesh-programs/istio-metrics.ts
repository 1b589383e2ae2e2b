/**
 * Istio's own build of Envoy counts requests under Istio's names; a plain Envoy counts them for each of its clusters.
 * This server gives Envoy's metrics as they are, and the series of the clusters under Istio's names, too, as the pods'
 * sidecars would report them.
 */
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { matchesSelector } from "../controllers/objects.ts";
import { workloadOf } from "../mesh/workload.ts";
import { labelsOfSeries, seriesText } from "../prometheus/exposition.ts";
import { type MetricsServer, serveMetrics } from "./metrics-server.ts";

/** @param envoyUrl of Envoy's own metrics in Prometheus' format */
export function serveIstioMetrics(envoyUrl: string, cluster: Cluster): Promise<MetricsServer> {
  const workloads = workloadsOf(cluster);
  return serveMetrics(async () => {
    const answer = await fetch(envoyUrl).catch((error: unknown) => {
      throw new Error(`Envoy does not answer: ${String(error)}`);
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Envoy answers ${answer.status}: ${text}`);
    return `${text}${istioLines(text, workloads)}`;
  });
}

/** Names the workload behind a Service; undefined when it never had a pod. */
export type WorkloadOf = (namespace: string, service: string) => string | undefined;

const NAMES: Readonly<Record<string, string>> = {
  envoy_cluster_upstream_rq: "istio_requests_total",
  envoy_cluster_upstream_rq_time_bucket: "istio_request_duration_milliseconds_bucket",
  envoy_cluster_upstream_rq_time_sum: "istio_request_duration_milliseconds_sum",
  envoy_cluster_upstream_rq_time_count: "istio_request_duration_milliseconds_count",
};

const LINE = /^(([a-z_]+)\{.*\}) (\S+)$/;
/** "outbound|9898||podinfo-canary.test.svc.cluster.local", and with "_" where Envoy takes no other sign. */
const CLUSTER = /^outbound[|_]+\d+[|_]+(?:[^|]*[|_]+)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/;

export function istioLines(text: string, workloadOf: WorkloadOf): string {
  // Every bucket and every code of a Service has a line.
  const known = new Map<string, string | undefined>();
  const lines = text.split("\n").flatMap((line) => {
    const [, series = "", metric = "", value = ""] = LINE.exec(line) ?? [];
    const name = NAMES[metric];
    if (name === undefined) return [];
    const labels = new Map(labelsOfSeries(series).labels.map((label) => [label.name, label.value]));
    const [host, service, namespace = ""] = CLUSTER.exec(labels.get("envoy_cluster_name") ?? "") ?? [];
    if (host === undefined || service === undefined) return [];
    const workload = known.has(host) ? known.get(host) : workloadOf(namespace, service);
    known.set(host, workload);
    if (workload === undefined) return [];
    const given = {
      reporter: "destination",
      source_workload: "istio-ingressgateway",
      destination_workload: workload,
      destination_workload_namespace: namespace,
      destination_service_name: service,
      response_code: labels.get("envoy_response_code"),
      le: labels.get("le"),
    };
    const present = Object.entries(given).flatMap(([key, is]) => (is === undefined ? [] : [{ name: key, value: is }]));
    return [`${seriesText(name, present)} ${value}`];
  });
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** By the pods that a Service selects. Of a Service without pods, the last ones are remembered. */
function workloadsOf(cluster: Cluster): WorkloadOf {
  const known = new Map<string, string>();
  return (namespace, service) => {
    const key = `${namespace}/${service}`;
    const matchLabels = cluster.get(RESOURCES.service, namespace, service)?.spec?.selector;
    const pods = cluster.list(RESOURCES.pod, namespace);
    const pod = pods.find(({ metadata }) => matchesSelector({ matchLabels }, metadata.labels));
    if (pod !== undefined) known.set(key, workloadOf(pod).name);
    return known.get(key);
  };
}
