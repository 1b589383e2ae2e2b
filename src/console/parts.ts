/**
 * What the console keeps of the objects that a page lists. A tenant may store thousands of pods, Events and freezes
 * beside its Canary, each of them large, and a page of the Canary reads them all.
 */
import type { ClusterClient } from "../cli/cluster.ts";
import { type KubeFields, type KubeObject, metadataPart, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { objectsIn, textIn } from "./shown.ts";

type Part = (object: KubeObject) => KubeObject;

const PARTS: ReadonlyMap<ResourceType, Part> = new Map([
  [RESOURCES.pod, podPart],
  [RESOURCES.event, eventPart],
  [STEERING.freeze, withoutNotes],
]);

/** The same cluster: of what is listed the parts are kept that pages show. */
export function listingParts(client: ClusterClient): ClusterClient {
  return {
    ...client,
    kube: {
      ...client.kube,
      list(type, namespace, options, signal) {
        const part = options.part ?? PARTS.get(type);
        return client.kube.list(type, namespace, { ...options, ...(part === undefined ? {} : { part }) }, signal);
      },
    },
  };
}

/** Annotations, owners and field managers are shown nowhere. */
function withoutNotes(object: KubeObject): KubeObject {
  const metadata = metadataPart(object, "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp");
  return { ...object, metadata };
}

const MOST_CONTAINERS = 20;

function podPart(pod: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = withoutNotes(pod);
  const { phase, conditions, containerStatuses } = pod.status ?? {};
  const unready = objectsIn<KubeFields>(conditions).filter(({ type }) => type === "Ready");
  return {
    ...{ apiVersion, kind, metadata },
    spec: pod.spec?.nodeName === undefined ? {} : { nodeName: textIn(pod.spec.nodeName) },
    status: {
      phase: textIn(phase),
      conditions: unready.map(({ type, status, message }) => ({ type, status, message: textIn(message) })),
      containerStatuses: objectsIn<KubeFields>(containerStatuses).slice(0, MOST_CONTAINERS).map(containerPart),
    },
  };
}

function containerPart({ ready, restartCount, state, lastState }: KubeFields): KubeFields {
  const ended = (one: KubeFields) =>
    one?.terminated && { terminated: { reason: textIn(one.terminated.reason), exitCode: one.terminated.exitCode } };
  const waiting = state?.waiting && {
    waiting: { reason: textIn(state.waiting.reason), message: textIn(state.waiting.message) },
  };
  return { ready, restartCount, state: { ...waiting, ...ended(state) }, lastState: { ...ended(lastState) } };
}

function eventPart(event: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = withoutNotes(event);
  const { type, reason, message, note, lastTimestamp, eventTime, count, series } = event;
  return {
    ...{ apiVersion, kind, metadata },
    ...{
      type: textIn(type),
      reason: textIn(reason),
      message: textIn(message ?? note),
      lastTimestamp,
      eventTime,
      count,
    },
    ...(series?.count === undefined ? {} : { series: { count: series.count } }),
  };
}
