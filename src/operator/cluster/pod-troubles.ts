/**
 * Why pods do not start, by name: "canary pods cannot start: ImagePullBackOff ghcr.io/example/app:2". Pods are not
 * watched, because they change all the time. When a copy has not been ready for some seconds, its pods are listed:
 * once, and then less and less often while the wait lasts. At rest no pods are listed. Where the pods have no trouble,
 * pods may be missing that the API server refuses: the controllers of StatefulSets and DaemonSets report that by Events
 * alone. The rights to list pods and Events are optional: without them nothing is named.
 */

import { primaryName } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { PrimaryReading, TargetReading } from "../../core/turn/observation.ts";
import { clean } from "../../net/show.ts";
import { isForbidden, type KubeReader } from "../../ports/kube.ts";
import { type KubeFields, type KubeObject, labelText, RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import type { Labels, PodSelector } from "../../ports/workload.ts";
import { refusedPods } from "../../workloads/refused-pods.ts";
import type { Sessions } from "../sessions.ts";

export interface PodTroublesPorts {
  /** Reads from the API server. */
  readonly list: KubeReader["list"];
  readonly log: Log;
  readonly sessions: Sessions;
}

/** Both copies, as the caches show them. */
export interface Seen {
  readonly target: TargetReading;
  readonly primary: PrimaryReading;
  readonly selector: PodSelector | undefined;
}

/** What was found, and when to look again. */
export interface Troubles {
  /** For a Warning event and the condition; absent: nothing is known to keep pods from starting. */
  readonly text?: string;
  /** When it is worth another look. Milliseconds since the epoch. */
  readonly lookAgainAt?: number;
}

/** Looks at the pods of a copy that has waited long enough. Until the next look is due, a call costs no request. */
export type LookForTroubles = (canary: Canary, seen: Seen, now: number, signal: AbortSignal) => Promise<Troubles>;

interface Wait {
  /** Which copy waits, of which revision, in which phase. */
  readonly of: string;
  readonly lookAt: number;
  readonly pauseMs: number;
  /** Since when the copy waits. Milliseconds since the epoch. */
  readonly since: number;
  readonly text: string | undefined;
}

/** Good pods are ready by then, and cost no request. */
const QUIET_MS = 10_000;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 300_000;
const MOST_PODS = 20;

export function createPodTroubles({ list, log, sessions }: PodTroublesPorts): LookForTroubles {
  const waits = sessions.slot<Wait>();

  async function ask(canary: Canary, who: Waiting, since: number, signal: AbortSignal) {
    const labelSelector = labelText(who.labels);
    const { namespace } = canary.ref;
    try {
      const pods = await list(RESOURCES.pod, namespace, { labelSelector, limit: MOST_PODS }, signal);
      const trouble = troubleOf(who.copy, pods);
      // Without Events the pods are named all the same.
      return trouble ?? (await refusal(canary, who, since, signal).catch(unlessForbidden));
    } catch (error) {
      signal.throwIfAborted();
      if (isForbidden(error)) return "forbidden";
      // The release does not depend on it: the next look asks again.
      log.warn({ canary: canary.ref.name, namespace, err: error }, "the pods that do not start could not be listed");
      return undefined;
    }
  }

  /** Events outlive their cause by an hour: only those of this wait count. */
  async function refusal({ ref, spec }: Canary, { copy }: Waiting, since: number, signal: AbortSignal) {
    const { kind } = spec.targetRef;
    const name = copy === "primary" ? primaryName(spec) : spec.targetRef.name;
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name},reason=FailedCreate`;
    const events = await list(RESOURCES.event, ref.namespace, { fieldSelector, limit: MOST_PODS }, signal);
    const [last] = events.filter((event) => timeOf(event) >= since).sort((a, b) => timeOf(b) - timeOf(a));
    return last && refusedPods(`${kind.toLowerCase()} ${name}.${ref.namespace}`, lasting(last["message"]));
  }

  return async (canary, seen, now, signal) => {
    const who = waitingOf(seen);
    if (who === undefined) {
      waits.delete(canary.ref);
      return {};
    }
    const of = `${who.copy} ${canary.status.phase} ${seen.target.revision.spec}`;
    const before = waits.get(canary.ref);
    if (before?.of !== of) {
      const lookAt = now + QUIET_MS;
      waits.set(canary.ref, { of, lookAt, pauseMs: FIRST_PAUSE_MS, since: now - QUIET_MS, text: undefined });
      return { lookAgainAt: lookAt };
    }
    if (now < before.lookAt) return found(before);
    const { since, pauseMs } = before;
    const text = await ask(canary, who, since, signal);
    // A role that is mended is noticed when the next wait begins.
    const wait =
      text === "forbidden"
        ? { of, lookAt: Number.POSITIVE_INFINITY, pauseMs, since, text: undefined }
        : { of, lookAt: now + pauseMs, pauseMs: Math.min(LONGEST_PAUSE_MS, pauseMs * 2), since, text };
    waits.set(canary.ref, wait);
    return found(wait);
  };
}

function unlessForbidden(error: unknown): undefined {
  if (!isForbidden(error)) throw error;
}

/** Each attempt names another pod, and would be announced anew. */
const lasting = (message: unknown): string =>
  String(message ?? "")
    .replace(/^\(combined from similar events\): /, "")
    .replace(/pods "[^"]*" is forbidden/, "pods are forbidden");

const timeOf = ({ lastTimestamp, eventTime, metadata }: KubeObject): number =>
  Date.parse(lastTimestamp ?? eventTime ?? metadata["creationTimestamp"] ?? "");

function found({ text, lookAt }: Wait): Troubles {
  return { ...(text === undefined ? {} : { text }), ...(Number.isFinite(lookAt) ? { lookAgainAt: lookAt } : {}) };
}

interface Waiting {
  readonly copy: "canary" | "primary";
  readonly labels: Labels;
}

function waitingOf({ target, primary, selector }: Seen): Waiting | undefined {
  if (selector === undefined) return undefined;
  const isMissed = primary.exists && primary.emptied !== true;
  if (isMissed && primary.readiness.kind !== "ready") return { copy: "primary", labels: selector.primary };
  if (!target.scaledDown && target.readiness.kind !== "ready") return { copy: "canary", labels: selector.target };
  return undefined;
}

/** @returns undefined when no pod says that it cannot start */
export function troubleOf(copy: string, pods: readonly KubeObject[]): string | undefined {
  const troubles = [...new Set(pods.flatMap((pod) => podTroubles(pod)))].sort();
  if (troubles.length === 0) return undefined;
  const more = troubles.length > MOST_TROUBLES ? `; and ${troubles.length - MOST_TROUBLES} more` : "";
  return `${copy} pods cannot start: ${troubles.slice(0, MOST_TROUBLES).join("; ")}${more}`;
}

const MOST_TROUBLES = 3;
const MOST_CHARACTERS = 160;

function podTroubles({ metadata, status = {} }: KubeObject): readonly string[] {
  if (metadata.deletionTimestamp !== undefined) return [];
  const unscheduled = (status.conditions ?? []).find(
    ({ type, status: is, reason }: KubeFields) =>
      type === "PodScheduled" && is === "False" && reason === "Unschedulable",
  );
  if (unscheduled !== undefined) return [`Unschedulable: ${plain(unscheduled.message)}`];
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].flatMap(containerTrouble);
}

/** Reasons of the kubelet, beside those that every pod goes through ("ContainerCreating", "PodInitializing"). */
const OF_IMAGES = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"];
const OF_CONTAINERS = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

function containerTrouble({ name, image, state, lastState, restartCount }: KubeFields): readonly string[] {
  const { reason, message } = state?.waiting ?? {};
  // The kubelet changes between the two, and the text would change with it.
  if (reason === "ErrImagePull") return [`ImagePullBackOff ${plain(image)}`];
  if (OF_IMAGES.includes(reason)) return [`${reason} ${plain(image)}`];
  if (OF_CONTAINERS.includes(reason)) return [`${reason} of container ${plain(name)}: ${plain(message)}`];
  if (reason !== "CrashLoopBackOff") return [];
  const { exitCode, reason: why } = lastState?.terminated ?? {};
  const killed = why === "OOMKilled" ? ", it ran out of memory" : "";
  const code = exitCode === undefined ? "" : `, exit code ${plain(exitCode)}${killed}`;
  return restartCount === 0 ? [] : [`CrashLoopBackOff of container ${plain(name)}${code}`];
}

/** Messages of the kubelet and of programs are indented and broken into lines. */
const plain = (text: unknown): string =>
  clean(String(text ?? ""), MOST_CHARACTERS)
    .replace(/ +/g, " ")
    .trim();
