/** Reads of the cluster that several commands need. What is not installed or not permitted reads as empty. */
import { didYouMean } from "../../core/spec/nearest.ts";
import { isForbidden, isNotFound, type ListOptions } from "../../ports/kube.ts";
import { type KubeObject, labelText, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { canarySelector, isOfCanary, STEERING } from "../../ports/steering.ts";
import { primaryNameOf } from "../../workloads/metadata.ts";
import type { ClusterClient } from "../cluster.ts";
import { UserError } from "../command.ts";
import { kindOf, knownKind, objectWords } from "../kinds.ts";

export interface CanaryName {
  readonly namespace: string;
  readonly name: string;
}

/** "canary/podinfo", "canary podinfo" or "podinfo". @throws UserError (exit code 2) */
export function canaryWord(words: readonly string[]): string {
  if (words.length === 1 && words[0] !== undefined && !words[0].includes("/")) return words[0];
  const { kind, name } = objectWords(words);
  if (kindOf(kind) !== RESOURCES.canary) throw new UserError(`name a Canary, found ${kind}/${name}`, 2);
  return name;
}

/**
 * "canary/podinfo WORD", "canary podinfo WORD" or "podinfo WORD": the Canary, and the word after it if there is one.
 * @throws UserError (exit code 2)
 */
export function canaryAndWord(words: readonly string[]): { readonly name: string; readonly word: string | undefined } {
  const [first = ""] = words;
  const length = knownKind(first) === RESOURCES.canary ? 2 : 1;
  return words.length === length + 1
    ? { name: canaryWord(words.slice(0, length)), word: words[length] }
    : { name: canaryWord(words), word: undefined };
}

/** @throws UserError when there is none */
export async function canaryOf({ kube }: ClusterClient, at: CanaryName, signal: AbortSignal): Promise<KubeObject> {
  const canary = await kube.get({ type: RESOURCES.canary, ...at }, signal);
  if (canary !== undefined) return canary;
  // A person who may read this one Canary may have no right to list.
  const others = await kube.list(RESOURCES.canary, at.namespace, {}, signal).catch((error: unknown) => {
    if (isForbidden(error)) return [];
    throw error;
  });
  const hint = didYouMean(
    at.name,
    others.map(({ metadata }) => metadata.name),
  );
  throw new UserError(`canary "${at.name}" not found in namespace ${at.namespace}${hint}`);
}

export async function listed(
  { kube }: ClusterClient,
  type: ResourceType,
  namespace: string,
  options: ListOptions,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  return await orNothing(kube.list(type, namespace, options, signal));
}

/** Nothing where the kind is not installed, or may not be seen. */
export const orNothing = (listing: Promise<readonly KubeObject[]>): Promise<readonly KubeObject[]> =>
  listing.catch((error: unknown) => {
    if (isNotFound(error) || isForbidden(error)) return [];
    throw error;
  });

/** CanaryRuns of a Canary, newest first. */
export async function runsOf(
  client: ClusterClient,
  at: CanaryName,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const labelSelector = canarySelector(at.name);
  const runs = await listed(client, STEERING.run, at.namespace, { labelSelector }, signal);
  return runs.filter((run) => isOfCanary(run, at.name)).sort(byStart);
}

/** CanaryFreezes of the cluster, or of the namespace where the user may list no other. */
export async function freezesOf({ kube }: ClusterClient, namespace: string, signal: AbortSignal) {
  const listIn = (where: string) => kube.list(STEERING.freeze, where, {}, signal);
  const all = listIn("").catch((error: unknown) => {
    if (isForbidden(error)) return listIn(namespace);
    throw error;
  });
  return await orNothing(all);
}

const startOf = ({ spec }: KubeObject): string => String(spec?.startedAt ?? "");
/** Of CanaryRuns: newest first. */
export const byStart = (a: KubeObject, b: KubeObject): number => (startOf(a) < startOf(b) ? 1 : -1);

/** Events of an object, oldest first. */
export async function eventsOf(client: ClusterClient, object: KubeObject, signal: AbortSignal) {
  const { namespace = "", uid } = object.metadata;
  const fieldSelector = `involvedObject.uid=${uid}`;
  const events = await listed(client, RESOURCES.event, namespace, { fieldSelector }, signal);
  return [...events].sort((a, b) => timeOf(a) - timeOf(b));
}

export const timeOf = (event: KubeObject): number =>
  Date.parse(event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp ?? "") || 0;

export interface Copy {
  readonly name: string;
  readonly images: readonly string[];
  readonly pods: readonly KubeObject[];
}

const TARGETS: readonly ResourceType[] = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];

/** A workload of the target's kind. @returns undefined when there is none, or when the kind has no pods */
async function workloadOf({ kube }: ClusterClient, canary: KubeObject, name: string, signal: AbortSignal) {
  const type = TARGETS.find(({ kind }) => kind === canary.spec?.targetRef?.kind);
  if (type === undefined) return undefined;
  return await kube.get({ type, namespace: canary.metadata.namespace ?? "", name }, signal);
}

/** The primary of a target that has pods. @returns undefined when there is none */
export const primaryOf = (client: ClusterClient, canary: KubeObject, signal: AbortSignal) =>
  workloadOf(client, canary, primaryNameOf(canary.spec?.targetRef?.name), signal);

/** Target and primary with their pods; absent where there is no such workload. */
export async function copiesOf(client: ClusterClient, canary: KubeObject, signal: AbortSignal) {
  const { name } = canary.spec?.targetRef ?? {};
  const { namespace = "" } = canary.metadata;
  const read = async (wanted: string): Promise<Copy | undefined> => {
    const workload = await workloadOf(client, canary, wanted, signal);
    if (workload === undefined) return undefined;
    const labelSelector = labelText(workload.spec?.selector?.matchLabels ?? {});
    const pods = await listed(client, RESOURCES.pod, namespace, { labelSelector }, signal);
    return { name: wanted, images: imagesOf(workload), pods };
  };
  const [canaryCopy, primary] = await Promise.all([read(name), read(primaryNameOf(name))]);
  return { canary: canaryCopy, primary };
}

export const imagesOf = (workload: KubeObject): readonly string[] =>
  (workload.spec?.template?.spec?.containers ?? []).map(({ image }: { image?: string }) => image ?? "");

/** "1/1 Running", with the reason why a container waits, e.g. ImagePullBackOff. */
export function podText({ metadata, status }: KubeObject): string {
  const containers = [...(status?.containerStatuses ?? [])];
  const ready = containers.filter((one) => one.ready === true).length;
  const waiting = containers.map((one) => one.state?.waiting).find((state) => state !== undefined && state !== null);
  const restarts = containers.reduce((sum, one) => sum + (one.restartCount ?? 0), 0);
  const state =
    metadata.deletionTimestamp === undefined ? (waiting?.reason ?? status?.phase ?? "Unknown") : "Terminating";
  const why = waiting?.message ? `: ${String(waiting.message).slice(0, 120)}` : "";
  const again = restarts > 0 ? `, ${restarts} restarts` : "";
  return `${metadata.name}  ${ready}/${containers.length} ${state}${again}${why}`;
}
