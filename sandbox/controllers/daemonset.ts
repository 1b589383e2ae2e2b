/** DaemonSet: one pod on the one node, if the node selector admits it. */
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "./context.ts";
import { forgetRevisions, REVISION_HASH, recordRevision } from "./history.ts";
import {
  editStatus,
  getByKey,
  isTerminating,
  nameSuffix,
  namespaceOf,
  resolveIntOrPercent,
  withoutZeros,
} from "./objects.ts";
import { availability, byDispensability, claim, isActive, isFinished, isReady, podFromTemplate } from "./pods.ts";
import { CONTROLLER_REVISION, fitsNode } from "./types.ts";

export function startDaemonSets(context: ControllerContext): Stop {
  return startController(context, "daemonset-controller", (wiring) => {
    wiring.onSelf(RESOURCES.daemonSet);
    wiring.onOwned(RESOURCES.pod, RESOURCES.daemonSet);
    wiring.onOwned(CONTROLLER_REVISION, RESOURCES.daemonSet);
    return (key) => sync(context, wiring, key);
  });
}

function sync(context: ControllerContext, wiring: Wiring, key: string): void {
  const { cluster } = context;
  const set = getByKey(cluster, RESOURCES.daemonSet, key);
  if (set === undefined || isTerminating(set)) return;
  const revisions = recordRevision(context, set);
  const wanted = fitsNode(set.spec?.template?.spec?.nodeSelector);
  const pods = claim(cluster, set, RESOURCES.pod);
  if (wanted) manage(context, wiring, set, pods, revisions.hash);
  else for (const pod of pods.filter((each) => !isTerminating(each))) remove(context, wiring, set, pod);
  forgetRevisions(context, set, revisions, pods);
  saveStatus(context, wiring, key, set, revisions.hash, wanted);
}

function manage(
  context: ControllerContext,
  wiring: Wiring,
  set: KubeObject,
  pods: readonly KubeObject[],
  hash: string,
): void {
  for (const pod of pods.filter((each) => isFinished(each) && !isTerminating(each))) {
    wiring.events.warning(set, "FailedDaemonPod", `Found failed daemon pod ${pod.metadata.name}, will try to kill it`);
    remove(context, wiring, set, pod);
  }
  const active = pods.filter(isActive);
  const updated = active.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === hash);
  const outdated = active.filter((pod) => !updated.includes(pod));
  for (const pod of byDispensability(updated).slice(0, -1)) remove(context, wiring, set, pod);
  // A pod on its way out still holds its place on the node.
  if (pods.length === 0) create(context, wiring, set, hash);
  if (outdated.length === 0 || set.spec?.updateStrategy?.type === "OnDelete") return;
  const surge = resolveIntOrPercent(set.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0, 1, Math.ceil);
  if (surge === 0) for (const pod of outdated) remove(context, wiring, set, pod);
  else if (updated.length === 0) create(context, wiring, set, hash);
  else if (updated.some(isReady)) for (const pod of outdated) remove(context, wiring, set, pod);
}

function create({ cluster, random }: ControllerContext, { events }: Wiring, set: KubeObject, hash: string): void {
  const name = `${set.metadata.name}-${nameSuffix(random)}`;
  const pod = podFromTemplate(set.spec?.template ?? {}, set, name);
  const generation = String(set.metadata.generation ?? 1);
  pod.metadata.labels = { ...pod.metadata.labels, [REVISION_HASH]: hash, "pod-template-generation": generation };
  cluster.create(RESOURCES.pod, pod);
  events.normal(set, "SuccessfulCreate", `Created pod: ${name}`);
}

function remove({ cluster }: ControllerContext, { events }: Wiring, set: KubeObject, pod: KubeObject): void {
  cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
  events.normal(set, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
}

function saveStatus(
  context: ControllerContext,
  { queue }: Wiring,
  key: string,
  set: KubeObject,
  hash: string,
  wanted: boolean,
): void {
  const { cluster, clock } = context;
  const pods = claim(cluster, set, RESOURCES.pod).filter(isActive);
  const counted = availability(pods, set.spec?.minReadySeconds ?? 0, clock.now());
  const updated = pods.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === hash);
  const here = wanted && pods.length > 0 ? 1 : 0;
  const desired = wanted ? 1 : 0;
  const available = Math.min(desired, counted.available);
  const status = {
    currentNumberScheduled: here,
    desiredNumberScheduled: desired,
    numberMisscheduled: !wanted && pods.length > 0 ? 1 : 0,
    numberReady: Math.min(desired, counted.ready),
    updatedNumberScheduled: Math.min(desired, updated.length),
    numberAvailable: available,
    numberUnavailable: desired - available,
    observedGeneration: set.metadata.generation,
  };
  const required = ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
  editStatus(cluster, RESOURCES.daemonSet, set, (copy) => {
    copy.status = withoutZeros(status, required);
  });
  if (counted.nextMs !== undefined) queue.addAfter(key, counted.nextMs);
}
