/** Deployments: scaled by `spec.replicas`, ready by the rules that `kubectl rollout status` follows. */
import { hashPodTemplate } from "../../go/hash/hash.ts";
import { clean } from "../../net/show.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
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

/** The API server refuses new pods: a quota is used up, or an admission policy or webhook objects. */
function refusedPodsOf({ metadata: { name, namespace }, spec, status }: WorkloadObject): string | undefined {
  if (spec?.replicas === 0) return undefined;
  const failure = status?.conditions?.find(({ type, status: is }) => type === "ReplicaFailure" && is === "True");
  if (failure === undefined) return undefined;
  const why = clean(String(failure.message ?? ""), MOST_CHARACTERS);
  const cure = /exceeded quota/.test(why)
    ? "raise the quota, or delete pods that use it up"
    : "allow them, or change the pods";
  return `pods of deployment ${name}.${namespace} cannot be created: ${why}: ${cure}`;
}

/** Of a message of the API server. */
const MOST_CHARACTERS = 300;

export function createDeploymentWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(DEPLOYMENT, options);
}
