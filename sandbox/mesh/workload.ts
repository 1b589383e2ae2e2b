/** Who a pod is, in the words of Istio's telemetry. */
import type { KubeObject } from "../../src/ports/kubernetes.ts";

/** The identity that a pod shares with the other pods of its Deployment, DaemonSet or StatefulSet. */
export interface Workload {
  /** Names all that telemetry tells apart. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly serviceAccount: string;
}

/** The ingress gateway, as if Istio's own Deployment were there. */
export const INGRESS_WORKLOAD: Workload = {
  id: "istio-system/istio-ingressgateway",
  namespace: "istio-system",
  name: "istio-ingressgateway",
  labels: { app: "istio-ingressgateway", istio: "ingressgateway" },
  app: "istio-ingressgateway",
  version: "unknown",
  canonicalService: "istio-ingressgateway",
  canonicalRevision: "latest",
  serviceAccount: "istio-ingressgateway-service-account",
};

export function workloadOf(pod: KubeObject): Workload {
  const labels = pod.metadata.labels ?? {};
  const name = workloadName(pod);
  const namespace = pod.metadata.namespace ?? "";
  const app = labels["app"] ?? labels["app.kubernetes.io/name"] ?? "unknown";
  const version = labels["version"] ?? labels["app.kubernetes.io/version"] ?? "unknown";
  return {
    id: `${namespace}/${name}/${app}/${version}`,
    namespace,
    name,
    labels,
    app,
    version,
    canonicalService:
      labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"] ?? name,
    canonicalRevision:
      labels["service.istio.io/canonical-revision"] ??
      labels["app.kubernetes.io/version"] ??
      labels["version"] ??
      "latest",
    serviceAccount: pod.spec?.serviceAccountName ?? "default",
  };
}

/** A ReplicaSet stands for its Deployment: its name without the hash of the pod template. */
function workloadName(pod: KubeObject): string {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return pod.metadata.name;
  const hash = pod.metadata.labels?.["pod-template-hash"];
  if (owner.kind !== "ReplicaSet") return owner.name;
  return hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? owner.name.slice(0, -hash.length - 1)
    : owner.name.replace(/-[a-z0-9]+$/, "");
}

/** Whether the pod has a sidecar: its own label or annotation decides, else its namespace. */
export function hasSidecar(pod: KubeObject, namespaceInjected: boolean): boolean {
  const wish =
    pod.metadata.labels?.["sidecar.istio.io/inject"] ?? pod.metadata.annotations?.["sidecar.istio.io/inject"];
  if (wish === "true" || wish === "false") return wish === "true";
  return namespaceInjected || pod.metadata.annotations?.["sidecar.istio.io/status"] !== undefined;
}

/** `istio-injection: enabled`, or a revision label. */
export function injects(namespace: KubeObject | undefined): boolean {
  const labels = namespace?.metadata.labels ?? {};
  const wish = labels["istio-injection"];
  return wish === undefined ? labels["istio.io/rev"] !== undefined : wish === "enabled";
}
