/**
 * Deployment: one ReplicaSet per pod template, and pods moved from the old ones to the new one without ever leaving the
 * bounds of `rollout.ts`. Each turn does at most one kind of scaling; the ReplicaSets' own changes bring the next turn.
 */
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { findCondition, withCondition } from "../conditions.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "../context.ts";
import {
  controllerOf,
  edit,
  editStatus,
  getByKey,
  isControlledBy,
  isTerminating,
  namespaceOf,
  withoutZeros,
} from "../objects.ts";
import { claim, isFinished } from "../pods.ts";
import { createNewest, findNewest, refreshNewest, sizeAnnotations } from "./revisions.ts";
import {
  byAge,
  DESIRED_REPLICAS,
  isRolling,
  newSetSize,
  proportionalSizes,
  replicasOf,
  revisionOf,
  shrunkOldSets,
} from "./rollout.ts";
import { condition, countedStatus, deadlineSeconds, isComplete, rolloutStatus, untilDeadline } from "./status.ts";

export function startDeployments(context: ControllerContext): Stop {
  return startController(context, "deployment-controller", (wiring) => {
    wiring.onSelf(RESOURCES.deployment);
    wiring.onOwned(RESOURCES.replicaSet, RESOURCES.deployment);
    // Recreate waits for the last old pod to be gone.
    wiring.on(RESOURCES.pod, (pod, event) => {
      const owner = event === "DELETED" ? controllerOf(pod) : undefined;
      if (owner?.kind !== RESOURCES.replicaSet.kind) return [];
      const set = context.cluster.get(RESOURCES.replicaSet, namespaceOf(pod), owner.name);
      const deployment = set === undefined ? undefined : controllerOf(set);
      return deployment === undefined ? [] : [`${namespaceOf(pod)}/${deployment.name}`];
    });
    return (key) => sync(context, wiring, key);
  });
}

/** One turn's view: the Deployment, its current ReplicaSet (if any) and the others. */
interface View {
  readonly deployment: KubeObject;
  readonly newest: KubeObject | undefined;
  readonly old: readonly KubeObject[];
}

function sync(context: ControllerContext, wiring: Wiring, key: string): void {
  const { cluster } = context;
  const deployment = getByKey(cluster, RESOURCES.deployment, key);
  if (deployment === undefined) return;
  const sets = claim(cluster, deployment, RESOURCES.replicaSet);
  if (isTerminating(deployment)) {
    saveStatus(context, wiring, key, viewOf(deployment, sets), countedStatus);
    return;
  }
  notePause(context, deployment);
  const view = viewOf(getByKey(cluster, RESOURCES.deployment, key) ?? deployment, sets);
  if (deployment.spec?.paused === true || isScaling(view)) {
    resize(context, wiring, view);
    saveStatus(context, wiring, key, reread(context, view), countedStatus);
    return;
  }
  const rolled = isRolling(deployment) ? roll(context, wiring, view) : recreate(context, wiring, view);
  if (rolled === undefined) wiring.queue.add(key);
  else saveStatus(context, wiring, key, reread(context, rolled), rolloutStatus);
}

function viewOf(deployment: KubeObject, sets: readonly KubeObject[]): View {
  const newest = findNewest(deployment, sets);
  return { deployment, newest, old: sets.filter((set) => set !== newest) };
}

function reread({ cluster }: ControllerContext, view: View): View {
  const again = (set: KubeObject) => cluster.get(RESOURCES.replicaSet, namespaceOf(set), set.metadata.name);
  const { name } = view.deployment.metadata;
  return {
    deployment: cluster.get(RESOURCES.deployment, namespaceOf(view.deployment), name) ?? view.deployment,
    newest: view.newest === undefined ? undefined : again(view.newest),
    old: view.old.flatMap((set) => again(set) ?? []),
  };
}

/** @returns undefined when the new ReplicaSet's name was taken: try again */
function roll(context: ControllerContext, wiring: Wiring, view: View): View | undefined {
  const ready = withNewest(context, wiring, view);
  if (ready?.newest === undefined) return undefined;
  const { deployment, newest, old } = ready;
  const size = newSetSize(deployment, [newest, ...old], replicasOf(newest));
  if (size !== replicasOf(newest)) {
    scaleSet(context, wiring, deployment, newest, size);
    return ready;
  }
  const shrunk = shrunkOldSets(deployment, newest, old);
  for (const [set, smaller] of shrunk) scaleSet(context, wiring, deployment, set, smaller);
  if (shrunk.size === 0 && isComplete(deployment, deployment.status ?? {})) forgetHistory(context, ready);
  return ready;
}

/** All old pods go before the first new one comes. */
function recreate(context: ControllerContext, wiring: Wiring, view: View): View | undefined {
  const { cluster } = context;
  const active = view.old.filter((set) => replicasOf(set) > 0);
  for (const set of active) scaleSet(context, wiring, view.deployment, set, 0);
  const lingering = cluster
    .list(RESOURCES.pod, namespaceOf(view.deployment))
    .some((pod) => !isFinished(pod) && view.old.some((set) => isControlledBy(pod, set)));
  if (active.length > 0 || lingering) return view;
  const ready = withNewest(context, wiring, view);
  if (ready?.newest === undefined) return undefined;
  const size = replicasOf(ready.deployment);
  if (replicasOf(ready.newest) !== size) scaleSet(context, wiring, ready.deployment, ready.newest, size);
  else if (isComplete(ready.deployment, ready.deployment.status ?? {})) forgetHistory(context, ready);
  return ready;
}

function withNewest(context: ControllerContext, { events }: Wiring, view: View): View | undefined {
  const { deployment, old } = view;
  const newest =
    view.newest === undefined
      ? createNewest(context, events, deployment, old)
      : refreshNewest(context, deployment, view.newest, old);
  return newest === undefined ? undefined : { deployment, newest, old };
}

/** `replicas` was changed since the ReplicaSets were last sized. */
function isScaling({ deployment, newest, old }: View): boolean {
  return [...(newest === undefined ? [] : [newest]), ...old].some((set) => {
    const desired = set.metadata.annotations?.[DESIRED_REPLICAS];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== replicasOf(deployment);
  });
}

/** Scaling without rolling: the one active ReplicaSet follows; several keep their proportions. */
function resize(context: ControllerContext, wiring: Wiring, { deployment, newest, old }: View): void {
  const replicas = replicasOf(deployment);
  const all = [...(newest === undefined ? [] : [newest]), ...old];
  const active = all.filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newest ?? [...old].sort((a, b) => revisionOf(b) - revisionOf(a))[0];
    if (only !== undefined) scaleSet(context, wiring, deployment, only, replicas);
    return;
  }
  const saturated =
    newest !== undefined &&
    replicasOf(newest) === replicas &&
    Number(newest.metadata.annotations?.[DESIRED_REPLICAS]) === replicas &&
    newest.status?.availableReplicas === replicas;
  if (saturated) {
    for (const set of old) if (replicasOf(set) > 0) scaleSet(context, wiring, deployment, set, 0);
  } else if (isRolling(deployment)) {
    for (const [set, size] of proportionalSizes(deployment, active)) scaleSet(context, wiring, deployment, set, size);
  }
}

function scaleSet(
  { cluster }: ControllerContext,
  { events }: Wiring,
  deployment: KubeObject,
  set: KubeObject,
  size: number,
): void {
  edit(cluster, RESOURCES.replicaSet, set, (copy) => {
    copy.metadata.annotations = { ...copy.metadata.annotations, ...sizeAnnotations(deployment) };
    copy.spec.replicas = size;
  });
  const before = replicasOf(set);
  if (before === size) return;
  const direction = size > before ? "up" : "down";
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${size}`;
  events.normal(deployment, "ScalingReplicaSet", message);
}

/** Old ReplicaSets beyond the history limit go, oldest revision first. */
function forgetHistory({ cluster }: ControllerContext, { deployment, old }: View): void {
  const limit: number = deployment.spec?.revisionHistoryLimit ?? 10;
  const empty = byAge(old)
    .filter((set) => !isTerminating(set) && replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0)
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of empty.slice(0, Math.max(0, old.length - limit))) {
    cluster.remove(RESOURCES.replicaSet, namespaceOf(set), set.metadata.name);
  }
}

/** `kubectl rollout pause` and `resume` show as conditions, and stop the deadline. */
function notePause({ cluster, clock }: ControllerContext, deployment: KubeObject): void {
  if (deadlineSeconds(deployment) === undefined) return;
  const current = findCondition(deployment.status?.conditions ?? [], "Progressing");
  if (current?.reason === "ProgressDeadlineExceeded") return;
  const paused = deployment.spec?.paused === true;
  if (paused === (current?.reason === "DeploymentPaused")) return;
  const next = paused
    ? condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    : condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
  editStatus(cluster, RESOURCES.deployment, deployment, (copy) => {
    copy.status = { ...copy.status, conditions: withCondition(copy.status?.conditions ?? [], next, clock.now()) };
  });
}

function saveStatus(
  { cluster, clock }: ControllerContext,
  { queue }: Wiring,
  key: string,
  { deployment, newest, old }: View,
  compute: typeof rolloutStatus,
): void {
  const now = clock.now();
  const status = compute(deployment, newest, [...(newest === undefined ? [] : [newest]), ...old], now);
  editStatus(cluster, RESOURCES.deployment, deployment, (copy) => {
    copy.status = withoutZeros(status);
  });
  const wait = untilDeadline(deployment, status, now);
  if (wait !== undefined) queue.addAfter(key, wait);
}
