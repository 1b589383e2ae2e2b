/**
 * Istio's own build of Envoy counts requests under Istio's names; a plain Envoy counts them for each of its clusters. This server
 * gives Envoy's metrics as they are, and the series of the clusters under Istio's names, too, as the pods' sidecars would report them.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { workloadOf } from "../mesh/workload.ts";

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** @param envoyUrl of Envoy's own metrics in Prometheus' format */
export async function serveIstioMetrics(envoyUrl: string, cluster: Cluster): Promise<MetricsServer> {
  const workloads = workloadsOf(cluster);
  const server = createServer((_request, response) => {
    void fetch(envoyUrl).then(
      async (answer) => {
        const text = await answer.text();
        response.writeHead(answer.status, { "content-type": "text/plain; version=0.0.4" });
        response.end(answer.ok ? `${text}${istioLines(text, workloads)}` : text);
      },
      (error: unknown) => response.writeHead(502).end(`Envoy does not answer: ${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Names the workload behind a Service; undefined when it never had a pod. */
export type WorkloadOf = (namespace: string, service: string) => string | undefined;

const NAMES: Readonly<Record<string, string>> = {
  envoy_cluster_upstream_rq: "istio_requests_total",
  envoy_cluster_upstream_rq_time_bucket: "istio_request_duration_milliseconds_bucket",
  envoy_cluster_upstream_rq_time_sum: "istio_request_duration_milliseconds_sum",
  envoy_cluster_upstream_rq_time_count: "istio_request_duration_milliseconds_count",
};

const LINE = /^(envoy_cluster_upstream_rq(?:_time_(?:bucket|sum|count))?)\{(.*)\} (\S+)$/;
/** "outbound|9898||podinfo-canary.test.svc.cluster.local", and with "_" where Envoy takes no other sign. */
const CLUSTER = /^outbound[|_]+\d+[|_]+(?:[^|]*[|_]+)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/;

export function istioLines(text: string, workloadOf: WorkloadOf): string {
  const lines = text.split("\n").flatMap((line) => {
    const [, metric = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    const name = NAMES[metric];
    const label = (key: string) => new RegExp(`(?:^|,)${key}="([^"]*)"`).exec(labels)?.[1];
    const [, service, namespace] = CLUSTER.exec(label("envoy_cluster_name") ?? "") ?? [];
    const workload = service === undefined ? undefined : workloadOf(namespace ?? "", service);
    if (name === undefined || workload === undefined) return [];
    const [code, le] = [label("envoy_response_code"), label("le")];
    const given = [
      ["reporter", "destination"],
      ["source_workload", "istio-ingressgateway"],
      ["destination_workload", workload],
      ["destination_workload_namespace", namespace],
      ["destination_service_name", service],
      ["response_code", code],
      ["le", le],
    ].filter(([, known]) => known !== undefined);
    return [`${name}{${given.map(([key, known]) => `${key}="${known}"`).join(",")}} ${value}`];
  });
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** By the pods that a Service selects. Of a Service without pods, the last ones are remembered. */
function workloadsOf(cluster: Cluster): WorkloadOf {
  const known = new Map<string, string>();
  return (namespace, service) => {
    const key = `${namespace}/${service}`;
    const selector = Object.entries(cluster.get(RESOURCES.service, namespace, service)?.spec?.selector ?? {});
    const pod = cluster
      .list(RESOURCES.pod, namespace)
      .find(
        ({ metadata: { labels = {} } }) => selector.length > 0 && selector.every(([name, is]) => labels[name] === is),
      );
    if (pod !== undefined) known.set(key, workloadOf(pod).name);
    return known.get(key);
  };
}
