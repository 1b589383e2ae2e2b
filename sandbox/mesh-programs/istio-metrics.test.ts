import { expect, it } from "vitest";
import { istioLines } from "./istio-metrics.ts";

const ENVOY = `# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="outbound|9898||podinfo-canary.test.svc.cluster.local"} 40
envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="outbound|9898||podinfo-primary.test.svc.cluster.local"} 2
envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="xds-grpc"} 7
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="outbound|9898||podinfo-canary.test.svc.cluster.local",le="25"} 38
envoy_cluster_upstream_rq_total{envoy_cluster_name="outbound|9898||podinfo-canary.test.svc.cluster.local"} 40
envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="outbound|80||gone.test.svc.cluster.local"} 1
`;

it("gives the series of Envoy's clusters under the names that Istio's checks ask for", () => {
  const workloadOf = (namespace: string, service: string) =>
    namespace === "test" ? { "podinfo-canary": "podinfo", "podinfo-primary": "podinfo-primary" }[service] : undefined;
  const labels = (workload: string, service: string) =>
    `reporter="destination",source_workload="istio-ingressgateway",destination_workload="${workload}",` +
    `destination_workload_namespace="test",destination_service_name="${service}"`;
  expect(istioLines(ENVOY, workloadOf).trimEnd().split("\n")).toEqual([
    `istio_requests_total{${labels("podinfo", "podinfo-canary")},response_code="200"} 40`,
    `istio_requests_total{${labels("podinfo-primary", "podinfo-primary")},response_code="503"} 2`,
    `istio_request_duration_milliseconds_bucket{${labels("podinfo", "podinfo-canary")},le="25"} 38`,
  ]);
  expect(istioLines("", workloadOf)).toBe("");
});
