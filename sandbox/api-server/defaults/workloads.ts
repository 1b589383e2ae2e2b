/** Defaults of the kinds that run pods. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import { defaultPodSpec } from "./pods.ts";

const QUARTER = "25%";
const HISTORY = 10;

function defaultTemplate(spec: KubeFields): void {
  if (spec.template?.spec !== undefined) defaultPodSpec(spec.template.spec);
}

/** apps/v1 Deployment. */
export function defaultDeployment({ spec }: KubeFields): void {
  if (spec === undefined) return;
  defaultTemplate(spec);
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ??= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= QUARTER;
    spec.strategy.rollingUpdate.maxSurge ??= QUARTER;
  }
  spec.revisionHistoryLimit ??= HISTORY;
  spec.progressDeadlineSeconds ??= 600;
}

/** apps/v1 ReplicaSet. */
export function defaultReplicaSet({ spec }: KubeFields): void {
  if (spec === undefined) return;
  defaultTemplate(spec);
  spec.replicas ??= 1;
}

/** v1 ReplicationController: its selector is a plain map, taken from the template. */
export function defaultReplicationController({ spec }: KubeFields): void {
  if (spec === undefined) return;
  defaultTemplate(spec);
  spec.replicas ??= 1;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) spec.selector ??= { ...labels };
}

/** apps/v1 DaemonSet. */
export function defaultDaemonSet({ spec }: KubeFields): void {
  if (spec === undefined) return;
  defaultTemplate(spec);
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ??= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= HISTORY;
}

/** apps/v1 StatefulSet. */
export function defaultStatefulSet({ spec }: KubeFields): void {
  if (spec === undefined) return;
  defaultTemplate(spec);
  spec.podManagementPolicy ??= "OrderedReady";
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ??= "RollingUpdate";
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= "Retain";
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= HISTORY;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= "v1";
    claim.kind ??= "PersistentVolumeClaim";
    defaultClaim(claim);
  }
}

/** v1 PersistentVolumeClaim. */
export function defaultClaim(claim: KubeFields): void {
  if (claim.spec !== undefined) claim.spec.volumeMode ??= "Filesystem";
  claim.status ??= {};
  claim.status.phase ??= "Pending";
}

function defaultJobSpec(spec: KubeFields): void {
  defaultTemplate(spec);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed";
}

/** batch/v1 Job; pods are found by a label that names the job's uid. */
export function defaultJob(job: KubeFields): void {
  const { spec, metadata } = job;
  if (spec === undefined) return;
  defaultJobSpec(spec);
  if (spec.manualSelector === true || metadata.uid === undefined || spec.template === undefined) return;
  spec.selector ??= { matchLabels: { "batch.kubernetes.io/controller-uid": metadata.uid } };
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    "batch.kubernetes.io/controller-uid": metadata.uid,
    "batch.kubernetes.io/job-name": metadata.name,
    "controller-uid": metadata.uid,
    "job-name": metadata.name,
  };
}

/** batch/v1 CronJob. */
export function defaultCronJob({ spec }: KubeFields): void {
  if (spec === undefined) return;
  spec.concurrencyPolicy ??= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate?.spec !== undefined) defaultTemplate(spec.jobTemplate.spec);
}

/** autoscaling/v2 HorizontalPodAutoscaler. */
export function defaultAutoscaler({ spec }: KubeFields): void {
  if (spec === undefined) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    const target = { type: "Utilization", averageUtilization: 80 };
    spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
  }
  if (spec.behavior === undefined) return;
  const double = { type: "Percent", value: 100, periodSeconds: 15 };
  defaultScaling(spec.behavior, "scaleUp", [{ type: "Pods", value: 4, periodSeconds: 15 }, double]);
  defaultScaling(spec.behavior, "scaleDown", [double]);
  spec.behavior.scaleUp.stabilizationWindowSeconds ??= 0;
}

function defaultScaling(behavior: KubeFields, direction: string, policies: readonly KubeFields[]): void {
  behavior[direction] ??= {};
  behavior[direction].selectPolicy ??= "Max";
  behavior[direction].policies ??= [...policies];
}
