/** The two kinds of Flux that the sandbox's own controllers serve, with the parts of their objects that count. */
import { parseDuration } from "../../src/go/duration.ts";
import type { KubeObject, ResourceType } from "../../src/ports/kubernetes.ts";

export const GIT_REPOSITORY: ResourceType = {
  group: "source.toolkit.fluxcd.io",
  version: "v1",
  plural: "gitrepositories",
  kind: "GitRepository",
  namespaced: true,
};

export const KUSTOMIZATION: ResourceType = {
  group: "kustomize.toolkit.fluxcd.io",
  version: "v1",
  plural: "kustomizations",
  kind: "Kustomization",
  namespaced: true,
};

/** Flux's annotation that asks for a reconciliation now; its answer is status.lastHandledReconcileAt. */
export const REQUESTED_AT = "reconcile.fluxcd.io/requestedAt";

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** A copy of the conditions with one of them set. The transition time changes only when the status changes. */
export function withCondition(
  object: KubeObject,
  next: Omit<Condition, "lastTransitionTime">,
  now: string,
): Condition[] {
  const before: Condition[] = object.status?.conditions ?? [];
  const same = before.find(({ type }) => type === next.type);
  const lastTransitionTime = same?.status === next.status ? same.lastTransitionTime : now;
  return [...before.filter(({ type }) => type !== next.type), { ...next, lastTransitionTime }];
}

export function isReady(object: KubeObject | undefined): boolean {
  const conditions: Condition[] = object?.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === "Ready");
  return ready?.status === "True" && object?.status?.observedGeneration === object?.metadata.generation;
}

/** "1m30s" in milliseconds. @throws Error for text that is no duration of Go */
export function durationMs(text: unknown, fallback: number): number {
  if (text === undefined) return fallback;
  const parsed = parseDuration(String(text));
  if (typeof parsed !== "number") throw new Error(`"${String(text)}" is no duration: write for example 1m30s`);
  return parsed;
}
