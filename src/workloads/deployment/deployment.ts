/** Deployments: scaled by `spec.replicas`, ready by the rules that `kubectl rollout status` follows. */
import type { Canary } from "../../core/canary.ts";
import { hashPodTemplate } from "../../core/hash/hash.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { Workload, WorkloadOptions } from "../../ports/workload.ts";
import { createCopiedWorkload } from "../copied/copied.ts";
import type { CopiedKind } from "../copied/kind.ts";
import { rewriteForPrimary } from "../pod-spec.ts";
import { scaledUpReplicas, scalerOf } from "../replicas.ts";
import { deploymentReadiness } from "./readiness.ts";

const DEPLOYMENT: CopiedKind = {
  type: RESOURCES.deployment,
  hash: (template) => hashPodTemplate(template),
  refusal: () => undefined,
  readiness: deploymentReadiness,
  wrap: (which, name, namespace, detail) =>
    which === "primary"
      ? `${name}.${namespace} not ready: ${detail}`
      : `canary deployment ${name}.${namespace} not ready: ${detail}`,
  available: (object) => object.status?.availableReplicas ?? 0,
  isScaledDown: (object) => object.spec?.replicas === 0,
  scaledDown: (target) => withReplicas(target, 0),
  scaledUp: (target, canary, primary, seen) => withReplicas(target, scaledUpReplicas(canary, primary, seen)),
  copiedSpec,
  primaryPodSpec: (podSpec, target, selectorLabels) =>
    rewriteForPrimary(podSpec, { targetName: target.metadata.name, selectorLabels }),
  scalingInputs: (canary) => scalerOf(canary),
};

export function createDeploymentWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(DEPLOYMENT, options);
}

function withReplicas(object: KubeObject, replicas: number): KubeObject {
  return { ...object, spec: { ...object.spec, replicas } };
}

const COPIED = ["progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy"] as const;

/** Replicas follow the target on creation, and on promotion only when nothing else scales the primary. */
function copiedSpec(target: KubeObject, canary: Canary, primary: KubeObject | undefined): KubeFields {
  const copied = COPIED.filter((name) => target.spec?.[name] !== undefined).map((name) => [name, target.spec?.[name]]);
  const replicas = target.spec?.replicas ?? 1;
  if (primary === undefined) return { ...Object.fromEntries(copied), replicas: replicas > 0 ? replicas : 1 };
  if (canary.spec.autoscalerRef !== undefined || replicas === 0) return Object.fromEntries(copied);
  return { ...Object.fromEntries(copied), replicas };
}
