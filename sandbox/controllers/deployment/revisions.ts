/** Which ReplicaSet carries a Deployment's current template: found, or created. */
import { equal } from "../../../src/json/merge-patch.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { findCondition, withCondition } from "../conditions.ts";
import type { ControllerContext } from "../context.ts";
import type { EventRecorder } from "../events.ts";
import { controllerRef, edit, editStatus, isControlledBy, namespaceOf, templateHash } from "../objects.ts";
import {
  byAge,
  DESIRED_REPLICAS,
  fenceposts,
  MAX_REPLICAS,
  newSetSize,
  REVISION,
  replicasOf,
  revisionOf,
} from "./rollout.ts";
import { condition, deadlineSeconds } from "./status.ts";

const TEMPLATE_HASH = "pod-template-hash";

/** Annotations of a Deployment that are its own business. */
const NOT_COPIED = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION,
  "deployment.kubernetes.io/revision-history",
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  "deprecated.deployment.rollback.to",
]);

/** The ReplicaSet with the Deployment's template (the oldest, should there be several). */
export function findNewest(deployment: KubeObject, sets: readonly KubeObject[]): KubeObject | undefined {
  const wanted = withoutHash(deployment.spec?.template);
  return byAge(sets).find((set) => equal(withoutHash(set.spec?.template), wanted));
}

function withoutHash(template: KubeFields): KubeFields {
  const { [TEMPLATE_HASH]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels, creationTimestamp: undefined } };
}

/** Gives an existing newest ReplicaSet the highest revision and the Deployment's annotations. */
export function refreshNewest(
  { cluster, clock }: ControllerContext,
  deployment: KubeObject,
  newest: KubeObject,
  others: readonly KubeObject[],
): KubeObject {
  const revision = Math.max(0, ...others.map(revisionOf)) + 1;
  const refreshed =
    edit(cluster, RESOURCES.replicaSet, newest, (copy) => {
      const before = copy.metadata.annotations ?? {};
      const history = before["deployment.kubernetes.io/revision-history"];
      copy.metadata.annotations = { ...before, ...copiedAnnotations(deployment) };
      if (revisionOf(newest) < revision) {
        copy.metadata.annotations[REVISION] = String(revision);
        if (revisionOf(newest) > 0) {
          const past = [...(history === undefined ? [] : [history]), String(revisionOf(newest))].join(",");
          copy.metadata.annotations["deployment.kubernetes.io/revision-history"] = past;
        }
      }
      if (deployment.spec?.minReadySeconds !== undefined) copy.spec.minReadySeconds = deployment.spec.minReadySeconds;
    }) ?? newest;
  showRevision(cluster, deployment, refreshed);
  if (findCondition(deployment.status?.conditions ?? [], "Progressing") === undefined) {
    noteProgress(
      { cluster, clock },
      deployment,
      "FoundNewReplicaSet",
      `Found new replica set "${newest.metadata.name}"`,
    );
  }
  return refreshed;
}

/**
 * Creates the ReplicaSet for the Deployment's template.
 * @returns undefined when the name was taken by another template: the next turn tries another name
 */
export function createNewest(
  context: ControllerContext,
  events: EventRecorder,
  deployment: KubeObject,
  others: readonly KubeObject[],
): KubeObject | undefined {
  const { cluster } = context;
  const set = draft(deployment, others);
  try {
    const created = cluster.create(RESOURCES.replicaSet, set);
    const size = replicasOf(created);
    if (size > 0) {
      const message = `Scaled up replica set ${created.metadata.name} from 0 to ${size}`;
      events.normal(deployment, "ScalingReplicaSet", message);
    }
    showRevision(cluster, deployment, created);
    noteProgress(context, deployment, "NewReplicaSetCreated", `Created new replica set "${created.metadata.name}"`);
    return created;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason !== "AlreadyExists") {
      const message = `Failed to create new replica set "${set.metadata.name}": ${error.message}`;
      events.warning(deployment, "ReplicaSetCreateError", message);
      throw error;
    }
    const taken = cluster.get(RESOURCES.replicaSet, namespaceOf(set), set.metadata.name);
    if (taken !== undefined && isControlledBy(taken, deployment) && findNewest(deployment, [taken])) return taken;
    editStatus(cluster, RESOURCES.deployment, deployment, (copy) => {
      copy.status = { ...copy.status, collisionCount: (copy.status?.collisionCount ?? 0) + 1 };
    });
    return undefined;
  }
}

function draft(deployment: KubeObject, others: readonly KubeObject[]): KubeObject {
  const template = structuredClone(deployment.spec?.template ?? {});
  const hash = templateHash(deployment.spec?.template, deployment.status?.collisionCount ?? 0);
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [TEMPLATE_HASH]: hash } };
  const selector = structuredClone(deployment.spec?.selector ?? {});
  selector.matchLabels = { ...selector.matchLabels, [TEMPLATE_HASH]: hash };
  return {
    apiVersion: "apps/v1",
    kind: RESOURCES.replicaSet.kind,
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: namespaceOf(deployment),
      labels: template.metadata.labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...sizeAnnotations(deployment),
        [REVISION]: String(Math.max(0, ...others.map(revisionOf)) + 1),
      },
      ownerReferences: [controllerRef(deployment)],
    },
    spec: {
      replicas: newSetSize(deployment, others, 0),
      ...(deployment.spec?.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
      selector,
      template,
    },
  };
}

function copiedAnnotations(deployment: KubeObject): Record<string, string> {
  const own = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(own.filter(([key]) => !NOT_COPIED.has(key)));
}

/** What proportional scaling later compares with. */
export function sizeAnnotations(deployment: KubeObject): Record<string, string> {
  const replicas = replicasOf(deployment);
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + fenceposts(deployment).surge) };
}

function showRevision(cluster: ControllerContext["cluster"], deployment: KubeObject, newest: KubeObject): void {
  const revision = newest.metadata.annotations?.[REVISION] ?? "1";
  edit(cluster, RESOURCES.deployment, deployment, (copy) => {
    copy.metadata.annotations = { ...copy.metadata.annotations, [REVISION]: revision };
  });
}

function noteProgress(
  { cluster, clock }: Pick<ControllerContext, "cluster" | "clock">,
  deployment: KubeObject,
  reason: string,
  message: string,
): void {
  if (deadlineSeconds(deployment) === undefined) return;
  editStatus(cluster, RESOURCES.deployment, deployment, (copy) => {
    const next = condition("Progressing", "True", reason, message);
    copy.status = { ...copy.status, conditions: withCondition(copy.status?.conditions ?? [], next, clock.now()) };
  });
}
