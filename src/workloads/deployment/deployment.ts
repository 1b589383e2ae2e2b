/** Deployments: scaled by `spec.replicas`, ready by the rules that `kubectl rollout status` follows. */
import { hashPodTemplate } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Workload, WorkloadOptions } from "../../ports/workload.ts";
import { createCopiedWorkload } from "../copied/copied.ts";
import type { CopiedKind } from "../copied/kind.ts";
import { deploymentHasGap } from "../gap.ts";
import { rewriteForPrimary } from "../pod-spec.ts";
import { refusedPods } from "../refused-pods.ts";
import { BY_REPLICAS } from "../replicas.ts";
import { deploymentReadiness } from "./readiness.ts";

const DEPLOYMENT: CopiedKind = {
  ...BY_REPLICAS,
  type: RESOURCES.deployment,
  copiedFields: ["progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy"],
  hash: (template) => hashPodTemplate(template),
  refusal: () => undefined,
  readiness: deploymentReadiness,
  obstacle: (deployment) => pauseOf(deployment) ?? refusedPodsOf(deployment),
  hasGap: (primary, target) => deploymentHasGap(target.spec?.strategy, primary.spec?.replicas ?? 1),
  wrap: (which, name, namespace, detail) =>
    which === "primary"
      ? `${name}.${namespace} not ready: ${detail}`
      : `canary deployment ${name}.${namespace} not ready: ${detail}`,
  primaryPodSpec: (podSpec, target, selectorLabels) =>
    rewriteForPrimary(podSpec, { targetName: target.metadata.name, selectorLabels }),
};

function pauseOf({ metadata: { name, namespace }, spec }: WorkloadObject): string | undefined {
  if (spec?.paused !== true || spec.replicas === 0) return undefined;
  return (
    `deployment ${name}.${namespace} is paused (spec.paused), so it starts no pods of a new revision: ` +
    `run kubectl rollout resume deployment/${name} -n ${namespace}`
  );
}

/** The API server refuses new pods. Controllers of other kinds report that by Events alone. */
function refusedPodsOf({ metadata: { name, namespace }, spec, status }: WorkloadObject): string | undefined {
  if (spec?.replicas === 0) return undefined;
  const failure = status?.conditions?.find(({ type, status: is }) => type === "ReplicaFailure" && is === "True");
  return failure === undefined ? undefined : refusedPods(`deployment ${name}.${namespace}`, failure.message);
}

export function createDeploymentWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(DEPLOYMENT, options);
}
