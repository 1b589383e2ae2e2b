/** StatefulSet: pods with numbers, started in order, replaced from the highest number down. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "./context.ts";
import { forgetRevisions, REVISION_HASH, type Revisions, recordRevision } from "./history.ts";
import { editStatus, getByKey, isTerminating, namespaceOf, withoutZeros } from "./objects.ts";
import { availability, claim, isActive, isFinished, podFromTemplate, untilAvailable } from "./pods.ts";

export function startStatefulSets(context: ControllerContext): Stop {
  return startController(context, "statefulset-controller", (wiring) => {
    wiring.onSelf(RESOURCES.statefulSet);
    wiring.onOwned(RESOURCES.pod, RESOURCES.statefulSet);
    return (key) => sync(context, wiring, key);
  });
}

interface View {
  readonly set: KubeObject;
  readonly revisions: Revisions;
  /** The revision that pods below the partition keep. */
  readonly currentRevision: string;
  readonly pods: ReadonlyMap<number, KubeObject>;
  readonly first: number;
  readonly replicas: number;
}

function sync(context: ControllerContext, wiring: Wiring, key: string): void {
  const { cluster } = context;
  const set = getByKey(cluster, RESOURCES.statefulSet, key);
  if (set === undefined || isTerminating(set)) return;
  const revisions = recordRevision(context, set);
  const view = viewOf(context, set, revisions);
  if (fill(context, wiring, view) && shrink(context, wiring, view)) update(context, wiring, view);
  forgetRevisions(context, set, revisions, [...view.pods.values()]);
  saveStatus(context, wiring, key, viewOf(context, set, revisions));
}

function viewOf({ cluster }: ControllerContext, set: KubeObject, revisions: Revisions): View {
  const pods = new Map<number, KubeObject>();
  for (const pod of claim(cluster, set, RESOURCES.pod)) {
    const number = new RegExp(`^${set.metadata.name}-(\\d+)$`).exec(pod.metadata.name)?.[1];
    if (number !== undefined) pods.set(Number(number), pod);
  }
  return {
    set,
    revisions,
    currentRevision: set.status?.currentRevision ?? revisions.name,
    pods,
    first: set.spec?.ordinals?.start ?? 0,
    replicas: set.spec?.replicas ?? 1,
  };
}

function inOrder(set: KubeObject): boolean {
  return set.spec?.podManagementPolicy !== "Parallel";
}

function isAvailable({ clock }: ControllerContext, set: KubeObject, pod: KubeObject): boolean {
  return isActive(pod) && untilAvailable(pod, set.spec?.minReadySeconds ?? 0, clock.now()) === 0;
}

/** Creates what is missing, lowest number first. @returns whether all are there and available */
function fill(context: ControllerContext, { events }: Wiring, view: View): boolean {
  const { set, pods, first, replicas } = view;
  let complete = true;
  for (let number = first; number < first + replicas; number += 1) {
    const pod = pods.get(number);
    if (pod === undefined) {
      const created = podOf(view, number);
      context.cluster.create(RESOURCES.pod, created);
      const done = `create Pod ${created.metadata.name} in StatefulSet ${set.metadata.name} successful`;
      events.normal(set, "SuccessfulCreate", done);
      complete = false;
    } else if (isFinished(pod) && !isTerminating(pod)) {
      context.cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
      complete = false;
    } else if (!isAvailable(context, set, pod)) complete = false;
    if (!complete && inOrder(set)) return false;
  }
  return complete || !inOrder(set);
}

function podOf(view: View, number: number): KubeObject {
  const { set, revisions, currentRevision } = view;
  const partition: number = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const kept = revisions.all.find((revision) => revision.metadata.name === currentRevision);
  const old = number < view.first + partition && kept !== undefined;
  const template: KubeFields = old ? kept.data.spec.template : set.spec?.template;
  const name = `${set.metadata.name}-${number}`;
  const pod = podFromTemplate(template, set, name);
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [REVISION_HASH]: old ? currentRevision : revisions.name,
    "statefulset.kubernetes.io/pod-name": name,
    "apps.kubernetes.io/pod-index": String(number),
  };
  pod.spec = { ...pod.spec, hostname: name, subdomain: set.spec?.serviceName ?? "" };
  return pod;
}

/** Removes surplus pods, highest number first. @returns whether none is left */
function shrink({ cluster }: ControllerContext, { events }: Wiring, { set, pods, first, replicas }: View): boolean {
  const surplus = [...pods.keys()].filter((n) => n < first || n >= first + replicas).sort((a, b) => b - a);
  for (const number of surplus) {
    const pod = pods.get(number);
    if (pod === undefined) continue;
    if (!isTerminating(pod)) {
      cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
      const done = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
      events.normal(set, "SuccessfulDelete", done);
    }
    if (inOrder(set)) return false;
  }
  return surplus.length === 0;
}

/** Replaces one outdated pod at a time, once all above it are available again. */
function update(context: ControllerContext, { events }: Wiring, { set, pods, first, replicas, revisions }: View): void {
  if (set.spec?.updateStrategy?.type === "OnDelete") return;
  const partition: number = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let number = first + replicas - 1; number >= first + partition; number -= 1) {
    const pod = pods.get(number);
    if (pod === undefined || isTerminating(pod)) return;
    if (pod.metadata.labels?.[REVISION_HASH] !== revisions.name) {
      context.cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
      const done = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
      events.normal(set, "SuccessfulDelete", done);
      return;
    }
    if (!isAvailable(context, set, pod)) return;
  }
}

function saveStatus(context: ControllerContext, { queue }: Wiring, key: string, view: View): void {
  const { set, revisions, replicas } = view;
  const active = [...view.pods.values()].filter(isActive);
  const counted = availability(active, set.spec?.minReadySeconds ?? 0, context.clock.now());
  const of = (revision: string) => active.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === revision).length;
  const updated = of(revisions.name);
  const partition: number = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const done = partition === 0 && updated === replicas && counted.available === replicas && active.length === replicas;
  const currentRevision = done ? revisions.name : view.currentRevision;
  const status = {
    observedGeneration: set.metadata.generation,
    replicas: active.length,
    readyReplicas: counted.ready,
    availableReplicas: counted.available,
    currentReplicas: of(currentRevision),
    updatedReplicas: updated,
    currentRevision,
    updateRevision: revisions.name,
    collisionCount: 0,
  };
  editStatus(context.cluster, RESOURCES.statefulSet, set, (copy) => {
    copy.status = withoutZeros(status, ["replicas", "availableReplicas", "collisionCount"]);
  });
  if (counted.nextMs !== undefined) queue.addAfter(key, counted.nextMs);
}
