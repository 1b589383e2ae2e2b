/** The ingress gateway as a Service, as Istio installs it: for manifests and commands that look for it by its name. */
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { INGRESS_WORKLOAD } from "./workload.ts";

/** Creates `istio-ingressgateway` in `istio-system`. @param port of the gateway on 127.0.0.1 @param own of the Service */
export function createIngressService(cluster: Cluster, port: number, own = 80): void {
  const { namespace, name, labels } = INGRESS_WORKLOAD;
  if (cluster.get(RESOURCES.namespace, "", namespace) === undefined) {
    cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  }
  const metadata = { namespace, name, labels: { ...labels } };
  // No selector: the gateway is no pod, so its endpoint is written by hand.
  const service = cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "LoadBalancer", ports: [{ name: "http2", port: own, targetPort: port }] },
  });
  cluster.updateStatus(RESOURCES.service, {
    ...service,
    status: { loadBalancer: { ingress: [{ ip: "127.0.0.1", ports: [{ port, protocol: "TCP" }] }] } },
  });
  const subsets = [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ name: "http2", port, protocol: "TCP" }] }];
  cluster.create(RESOURCES.endpoints, { apiVersion: "v1", kind: "Endpoints", metadata, subsets });
}
