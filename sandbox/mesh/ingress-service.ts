/**
 * The ingress gateway as Deployment and Service, as Istio installs it: for manifests and commands that look for it by
 * its name.
 */
import { createServer, type Socket } from "node:net";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { AppContext, RunningApp } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace } from "../controllers/objects.ts";
import { relay } from "../programs/relay.ts";
import { INGRESS_WORKLOAD } from "./workload.ts";

/** Last part of the name of the gateway's image. */
export const GATEWAY_IMAGE = "proxyv2";
/** Where the gateway's pod listens, as Istio's does. */
const POD_PORT = 8080;

/** Creates Deployment and Service `istio-ingressgateway` in `istio-system`. @param own port of the Service */
export function createIngressService(cluster: Cluster, port: number, own = 80): void {
  const { namespace, name, labels } = INGRESS_WORKLOAD;
  ensureNamespace(cluster, namespace);
  const metadata = { namespace, name, labels: { ...labels } };
  cluster.create(RESOURCES.deployment, deployment(metadata));
  const service = cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: {
      type: "LoadBalancer",
      selector: { app: labels["app"] },
      ports: [{ name: "http2", port: own, targetPort: POD_PORT }],
    },
  });
  cluster.updateStatus(RESOURCES.service, {
    ...service,
    status: { loadBalancer: { ingress: [{ ip: "127.0.0.1", ports: [{ port, protocol: "TCP" }] }] } },
  });
}

/**
 * The label `istio` is left out: a real istiod beside the imitation takes pods that have it for gateways of its own.
 */
function deployment(metadata: KubeObject["metadata"]): KubeObject {
  const labels = { app: INGRESS_WORKLOAD.app };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { "sidecar.istio.io/inject": "false" } },
        spec: {
          containers: [
            { name: "istio-proxy", image: `istio/${GATEWAY_IMAGE}:sandbox`, ports: [{ containerPort: POD_PORT }] },
          ],
        },
      },
    },
  };
}

/** The program of the gateway's pod: what reaches its port goes to the gateway. @param ingress port on 127.0.0.1 */
export function gatewayApp(
  ingress: () => number,
): (context: Pick<AppContext, "address" | "signal">) => Promise<RunningApp> {
  return async ({ address, signal }) => {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      relay(socket, ingress());
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(POD_PORT, address, resolve);
    });
    let exit: (code: number) => void = () => {};
    const exited = new Promise<number>((resolve) => {
      exit = resolve;
    });
    const stop = async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      exit(0);
    };
    signal.addEventListener("abort", () => void stop(), { once: true });
    return { exited, stop };
  };
}
