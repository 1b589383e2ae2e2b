/** Deployments: scaled by `spec.replicas`, ready by the rules that `kubectl rollout status` follows. */
import { hashPodTemplate } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { Workload, WorkloadOptions } from "../../ports/workload.ts";
import { createCopiedWorkload } from "../copied/copied.ts";
import type { CopiedKind } from "../copied/kind.ts";
import { deploymentHasGap } from "../gap.ts";
import { rewriteForPrimary } from "../pod-spec.ts";
import { BY_REPLICAS } from "../replicas.ts";
import { deploymentReadiness } from "./readiness.ts";

const DEPLOYMENT: CopiedKind = {
  ...BY_REPLICAS,
  type: RESOURCES.deployment,
  copiedFields: ["progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy"],
  hash: (template) => hashPodTemplate(template),
  refusal: () => undefined,
  readiness: deploymentReadiness,
  obstacle: ({ metadata: { name, namespace }, spec }) =>
    spec?.paused === true && spec.replicas !== 0
      ? `deployment ${name}.${namespace} is paused (spec.paused), so it starts no pods of a new revision: ` +
        `run kubectl rollout resume deployment/${name} -n ${namespace}`
      : undefined,
  hasGap: (primary, target) => deploymentHasGap(target.spec?.strategy, primary.spec?.replicas ?? 1),
  wrap: (which, name, namespace, detail) =>
    which === "primary"
      ? `${name}.${namespace} not ready: ${detail}`
      : `canary deployment ${name}.${namespace} not ready: ${detail}`,
  primaryPodSpec: (podSpec, target, selectorLabels) =>
    rewriteForPrimary(podSpec, { targetName: target.metadata.name, selectorLabels }),
};

export function createDeploymentWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(DEPLOYMENT, options);
}
