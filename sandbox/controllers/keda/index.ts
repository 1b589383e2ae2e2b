/**
 * An imitation of KEDA: scales a target by what its triggers measure.
 *
 *   ScaledObject --makes--> HorizontalPodAutoscaler   between the least size and the most
 *        '----- asks Prometheus, once per pollingInterval -----> between nothing and the least size
 *
 * While a ScaledObject is paused (`autoscaling.keda.sh/paused-replicas`, `autoscaling.keda.sh/paused`) it has no
 * HorizontalPodAutoscaler, and the target keeps the size that the annotation says, if it says one.
 */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "../context.ts";
import { edit, getByKey, isTerminating, keyOf, matchesSelector } from "../objects.ts";
import { judgeActivity } from "./activity.ts";
import { ensureHpa, hpaName, removeHpa } from "./hpa.ts";
import { createReadings, type QuerySource, type Readings } from "./readings.ts";
import { KNOWN_CONDITIONS, refused, saveStatus } from "./status.ts";
import { OWNER_LABEL, type QueryTrigger, type Triggers, triggersOf } from "./triggers.ts";

export type { QuerySource } from "./readings.ts";

export interface KedaOptions {
  readonly query: QuerySource;
}

/** Values of external metrics, for HorizontalPodAutoscalers. */
export interface Keda {
  /** @returns undefined: no ScaledObject is named by the selector, or its metric is not known (yet) */
  metric(namespace: string, name: string, selector: KubeFields): number | undefined;
  stop: Stop;
}

const PAUSED = "autoscaling.keda.sh/paused";
const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";
const FINALIZER = "finalizer.keda.sh";
const POLLING_SECONDS = 30;
const RETRY_MS = 2_000;

const SCALABLE: readonly ResourceType[] = [RESOURCES.deployment, RESOURCES.statefulSet];

interface Setting {
  readonly context: ControllerContext;
  readonly wiring: Wiring;
  readonly readings: Readings;
  /** By uid: when the triggers are to be asked again, milliseconds since 1970. */
  readonly due: Map<string, number>;
}

export function startKeda(context: ControllerContext, { query }: KedaOptions): Keda {
  const readings = createReadings(context.clock, query);
  const stop = startController(context, "keda-operator", (wiring) => {
    const here: Setting = { context, wiring, readings, due: new Map() };
    const heard = new Map<string, string>();
    wiring.on(RESOURCES.scaledObject, (object, event) => {
      const { uid = "" } = object.metadata;
      const before = heard.get(uid);
      if (event === "DELETED") forget(here, object);
      if (event === "DELETED") heard.delete(uid);
      else heard.set(uid, wishOf(object));
      return event === "DELETED" || before === wishOf(object) ? [] : [keyOf(object)];
    });
    wiring.onOwned(RESOURCES.hpa, RESOURCES.scaledObject);
    return (key) => {
      const object = getByKey(context.cluster, RESOURCES.scaledObject, key);
      if (object !== undefined) sync(here, object);
    };
  });
  return {
    metric: (namespace, name, selector) => {
      const scaledObject = context.cluster
        .list(RESOURCES.scaledObject, namespace)
        .find(({ metadata }) => matchesSelector(selector, metadata.labels));
      const trigger = scaledObject && queryOf(scaledObject, name);
      return trigger && readings.fresh(scaledObject?.metadata.uid ?? "", trigger);
    },
    stop: () => {
      stop();
      readings.stop();
    },
  };
}

/** The fields that clients set; changes of its status and of others' annotations are ignored. */
function wishOf({ metadata }: KubeObject): string {
  const { generation, deletionTimestamp, finalizers, labels, annotations = {} } = metadata;
  const pauses = [annotations[PAUSED], annotations[PAUSED_REPLICAS]];
  return JSON.stringify([generation, deletionTimestamp, finalizers, labels?.[OWNER_LABEL], pauses]);
}

function forget({ readings, due }: Setting, { metadata: { uid = "" } }: KubeObject): void {
  readings.forget(uid);
  due.delete(uid);
}

/** A ScaledObject that cannot be understood has no metrics; its status says why. */
function queryOf(scaledObject: KubeObject, metricName: string): QueryTrigger | undefined {
  const triggers = understood(scaledObject);
  return triggers instanceof Error ? undefined : triggers.queries.find((query) => query.metricName === metricName);
}

function understood(scaledObject: KubeObject): Triggers | Error {
  try {
    return triggersOf(scaledObject);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function sync(setting: Setting, object: KubeObject): void {
  if (isTerminating(object)) return release(setting, object);
  const owned = object.metadata.finalizers?.includes(FINALIZER) === true;
  if (!owned || object.metadata.labels?.[OWNER_LABEL] !== object.metadata.name) return claim(setting, object);
  const { [PAUSED]: paused, [PAUSED_REPLICAS]: replicas } = object.metadata.annotations ?? {};
  if (replicas !== undefined || paused === "true") return pause(setting, object, replicas);
  const target = targetOf(setting.context, object);
  const { kind = "Deployment", name } = object.spec.scaleTargetRef;
  if (target === undefined) {
    setting.wiring.queue.addAfter(keyOf(object), RETRY_MS);
    return refused(setting, object, `scale target ${kind} "${name}" not found`);
  }
  const triggers = understood(object);
  if (triggers instanceof Error) return refused(setting, object, triggers.message);
  const outcome = ensureHpa(setting.context, object, triggers);
  if (outcome === "taken") {
    return refused(setting, object, `HorizontalPodAutoscaler ${hpaName(object)} is there already and is not of KEDA`);
  }
  const { uid = "", generation } = object.metadata;
  const anew = outcome === "made" || setting.readings.generation(uid) !== generation;
  if (anew) announce(setting, object, target.object, triggers);
  poll(setting, object, triggers, anew);
}

/** Marks the object as KEDA's: the change of it comes back here. */
function claim({ context: { cluster } }: Setting, object: KubeObject): void {
  edit(cluster, RESOURCES.scaledObject, object, (copy) => {
    copy.metadata.finalizers = [...new Set([...(copy.metadata.finalizers ?? []), FINALIZER])];
    copy.metadata.labels = { ...copy.metadata.labels, [OWNER_LABEL]: copy.metadata.name };
  });
}

function release(setting: Setting, object: KubeObject): void {
  const { context } = setting;
  const target = targetOf(context, object);
  const original: number | undefined = object.status?.originalReplicaCount;
  if (object.spec?.advanced?.restoreToOriginalReplicaCount === true && target && original !== undefined) {
    scale(context, target, original);
  }
  forget(setting, object);
  edit(context.cluster, RESOURCES.scaledObject, object, (copy) => {
    copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
  });
}

function pause(setting: Setting, object: KubeObject, replicas: string | undefined): void {
  const { context, readings, due } = setting;
  const uid = object.metadata.uid ?? "";
  readings.forget(uid);
  due.delete(uid);
  removeHpa(context, object);
  const count = replicas === undefined ? undefined : Number(replicas);
  if (count !== undefined && !Number.isInteger(count)) {
    return refused(setting, object, `failed to parse paused replica count: "${replicas}"`);
  }
  // Done once: a size that another client sets afterwards stays.
  const paused = object.status?.conditions?.some(
    ({ type, status }: KubeFields) => type === "Paused" && status === "True",
  );
  if (paused && object.status.pausedReplicaCount === count) return;
  const target = targetOf(context, object);
  if (count !== undefined && target !== undefined) scale(context, target, count);
  saveStatus(setting, object, {
    conditions: [KNOWN_CONDITIONS.paused, KNOWN_CONDITIONS.ready("ScaledObject is paused")],
    fields: { pausedReplicaCount: count, hpaName: undefined },
  });
}

interface Target {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

function targetOf({ cluster }: ControllerContext, { metadata, spec }: KubeObject): Target | undefined {
  const { kind = "Deployment", name = "" } = spec?.scaleTargetRef ?? {};
  const type = SCALABLE.find((each) => each.kind === kind);
  const object = type && cluster.get(type, metadata.namespace ?? "", name);
  return type === undefined || object === undefined || isTerminating(object) ? undefined : { type, object };
}

function scale({ cluster }: ControllerContext, { type, object }: Target, replicas: number): void {
  edit(cluster, type, object, (copy) => {
    copy.spec.replicas = replicas;
  });
}

/** What the status says as soon as the object has been understood. */
function announce(setting: Setting, object: KubeObject, target: KubeObject, triggers: Triggers): void {
  const [group = "", version = ""] = target.apiVersion.split("/");
  saveStatus(setting, object, {
    conditions: [
      KNOWN_CONDITIONS.ready("ScaledObject is defined correctly and is ready for scaling"),
      KNOWN_CONDITIONS.resumed,
      KNOWN_CONDITIONS.noFallback,
    ],
    fields: {
      hpaName: hpaName(object),
      pausedReplicaCount: undefined,
      scaleTargetKind: `${target.apiVersion}.${target.kind}`,
      scaleTargetGVKR: { group, version, kind: target.kind, resource: `${target.kind.toLowerCase()}s` },
      originalReplicaCount: object.status?.originalReplicaCount ?? target.spec?.replicas ?? 1,
      externalMetricNames: triggers.queries.map(({ metricName }) => metricName),
      resourceMetricNames: triggers.resourceNames,
      triggersTypes: triggers.types,
    },
  });
}

/** Asks the triggers when it is time to, and goes by their answers. @param anew a new beginning does not wait */
function poll(setting: Setting, object: KubeObject, triggers: Triggers, anew: boolean): void {
  const { context, wiring, readings, due } = setting;
  const { uid = "", generation = 0 } = object.metadata;
  const now = context.clock.now();
  const at = due.get(uid) ?? now;
  if (!anew && now < at) return wiring.queue.addAfter(keyOf(object), at - now);
  const pollMs = (object.spec.pollingInterval ?? POLLING_SECONDS) * 1000;
  due.set(uid, now + pollMs);
  wiring.queue.addAfter(keyOf(object), pollMs);
  readings.ask(uid, generation, triggers.queries, () => {
    const live = getByKey(context.cluster, RESOURCES.scaledObject, keyOf(object));
    if (live?.metadata.uid === uid && due.has(uid) && !isTerminating(live)) act(setting, live, triggers);
  });
}

function act(setting: Setting, object: KubeObject, triggers: Triggers): void {
  const { context, wiring, readings } = setting;
  const target = targetOf(context, object);
  if (target === undefined) return;
  const answers = triggers.queries.map((trigger) => ({
    trigger,
    value: readings.last(object.metadata.uid ?? "", trigger),
  }));
  const failed = answers.some(({ value }) => value === undefined);
  const current: number = target.object.spec?.replicas ?? 1;
  const now = context.clock.now();
  const lastActiveTime: string | undefined = object.status?.lastActiveTime;
  const verdict = judgeActivity({
    spec: object.spec,
    current,
    // CPU never activates a target: one that is measured by nothing else always counts as active.
    active:
      answers.length === 0 || answers.some(({ trigger, value }) => value !== undefined && value > trigger.activation),
    failed,
    now,
    createdAt: Date.parse(object.metadata.creationTimestamp ?? rfc3339(now)),
    activeAt: lastActiveTime === undefined ? undefined : Date.parse(lastActiveTime),
  });
  for (const { trigger } of answers) {
    const why = readings.failure(object.metadata.uid ?? "", trigger);
    if (why !== undefined) wiring.events.warning(object, "KEDAScalerFailed", `${trigger.metricName}: ${why}`);
  }
  if (verdict.replicas !== undefined && verdict.replicas !== current) {
    scale(context, target, verdict.replicas);
    const { kind, metadata } = target.object;
    const what = `${kind} ${metadata.namespace}/${metadata.name} from ${current} to ${verdict.replicas}`;
    if (verdict.busy) wiring.events.normal(object, "KEDAScaleTargetActivated", `Scaled ${what}`);
    else wiring.events.normal(object, "KEDAScaleTargetDeactivated", `Deactivated ${what}`);
  }
  const fields = verdict.busy ? { lastActiveTime: rfc3339(now) } : {};
  saveStatus(setting, object, { conditions: verdict.conditions, fields });
}
