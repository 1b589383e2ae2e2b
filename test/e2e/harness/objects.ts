/** The manifests of a user: podinfo as a Deployment, and the Canary that releases it. */
import {
  apiVersionOf,
  type KubeFields,
  type KubeObject,
  RESOURCES,
  type ResourceType,
} from "../../../src/ports/kubernetes.ts";

export const NAMESPACE = "test";

/** @throws Error for a kind that ports/kubernetes.ts does not list */
export function typeOf({ apiVersion, kind }: KubeObject): ResourceType {
  const type = Object.values(RESOURCES).find((known) => apiVersionOf(known) === apiVersion && known.kind === kind);
  if (type === undefined) throw new Error(`${apiVersion} ${kind} is not in RESOURCES`);
  return type;
}

/** @param template merged over the pod template's `spec` */
export function podinfo(name: string, version = "6.0.0", spec: KubeFields = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: NAMESPACE, labels: { app: name } },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 1,
      progressDeadlineSeconds: 60,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "podinfod", image: `podinfo:${version}`, ports: [{ containerPort: 9898 }] }] },
      },
      ...spec,
    },
  };
}

/**
 * Two steps of 300 ms, rolled back after two failed checks.
 * @param analysis without `stepWeight`s when it has its own
 */
export function canary(name: string, analysis: KubeFields = {}, spec: KubeFields = {}): KubeObject {
  const own = "iterations" in analysis || "stepWeights" in analysis || "stepWeight" in analysis;
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: { port: 9898 },
      analysis: { interval: "300ms", threshold: 2, ...(own ? {} : { stepWeights: [30, 60] }), ...analysis },
      ...spec,
    },
  };
}

/** For `until`: the Canary is in this phase, and nothing is left to do. */
export const inPhase =
  (phase: string) =>
  ({ status }: KubeObject): boolean =>
    status?.phase === phase;

/** Canary weight in the VirtualService's first route. */
export function weightsOf(virtualService: KubeObject | undefined): readonly number[] {
  return (virtualService?.spec?.http?.[0]?.route ?? []).map((to: KubeFields) => to.weight);
}

export const imageOf = (workload: KubeObject | undefined): string =>
  workload?.spec?.template?.spec?.containers?.[0]?.image ?? "";
