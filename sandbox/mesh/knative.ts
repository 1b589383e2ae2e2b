/**
 * Knative's Routes, put in the words of VirtualServices, so that the mesh carries both alike. Requests to a Route's
 * placeholder Service, or to its host at the ingress gateway, are split between the Services of its Revisions by what
 * the Route's status says.
 */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { KNATIVE_DOMAIN, KNATIVE_LABELS, KNATIVE_PORT } from "../crds/knative.ts";

const GATEWAY = { namespace: "knative-serving", name: "knative-ingress-gateway" };

/** Lets in every host of a Route. */
export const KNATIVE_GATEWAY: KubeObject = {
  apiVersion: "networking.istio.io/v1beta1",
  kind: "Gateway",
  metadata: { ...GATEWAY },
  spec: { servers: [{ port: { number: KNATIVE_PORT, name: "http", protocol: "HTTP" }, hosts: ["*"] }] },
};

/** One for the Route, and one for each of its tags. They are never stored. */
export function knativeRules(route: KubeObject): readonly KubeObject[] {
  const { name, namespace = "", creationTimestamp } = route.metadata;
  const traffic: readonly KubeFields[] = route.status?.traffic ?? [];
  const rule = (host: string, targets: readonly KubeFields[], whole: boolean): KubeObject => ({
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { name: host, namespace, ...(creationTimestamp && { creationTimestamp }) },
    spec: {
      hosts: [host, `${host}.${namespace}.${KNATIVE_DOMAIN}`],
      gateways: ["mesh", `${GATEWAY.namespace}/${GATEWAY.name}`],
      http: [{ route: weighted(targets, whole) }],
    },
  });
  const tagged = traffic.filter(({ tag }) => tag);
  return [rule(name, traffic, false), ...tagged.map((target) => rule(`${target.tag}-${name}`, [target], true))];
}

function weighted(targets: readonly KubeFields[], whole: boolean): readonly KubeFields[] {
  return targets
    .filter(({ percent }) => whole || percent > 0)
    .map(({ revisionName, percent }) => ({
      destination: { host: revisionName, port: { number: KNATIVE_PORT } },
      weight: whole ? 100 : percent,
    }));
}

/** Whether its requests are Knative's to split: its gateway handles them, for any namespace. */
export function isPlaceholder(service: KubeObject): boolean {
  return service.metadata.labels?.[KNATIVE_LABELS.route] !== undefined;
}

/** Whether it is the Service of a Revision. */
export function isRevision(service: KubeObject): boolean {
  return service.metadata.labels?.[KNATIVE_LABELS.revision] !== undefined;
}
