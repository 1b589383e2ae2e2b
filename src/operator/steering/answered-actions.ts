/**
 * Deletes CanaryActions some time after they were answered, and marks those that no turn answers as expired.
 */
import type { ObjectCache, ObjectRemover, ObjectWriter } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import { type CanaryActionStatus, STEERING } from "../../ports/steering.ts";

export interface SweepPorts {
  readonly actions: ObjectCache;
  readonly writer: ObjectWriter & ObjectRemover;
  readonly log: Log;
  /** When an action is too late, milliseconds since the epoch. */
  readonly expiresAt: (action: KubeObject) => number;
}

/** The record of the run contains answered actions, so the objects need not stay. */
const KEPT_MS = 3_600_000;
/** In one namespace. */
const MOST_KEPT = 200;
const EVERY_MS = 60_000;
/** A turn answers the actions of its Canary first. An action without an answer after that time belongs to no Canary. */
const GRACE_MS = 120_000;

/** @returns a function that cleans up the actions of a namespace, at most once a minute */
export function createSweep({ actions, writer, log, expiresAt }: SweepPorts) {
  const sweptAt = new Map<string, number>();

  async function sweep(namespace: string, now: number, signal: AbortSignal): Promise<void> {
    const all = actions.list(namespace);
    const answered = all.filter(isAnswered).sort((a, b) => answeredAt(b) - answeredAt(a));
    const old = answered.filter((action, i) => i >= MOST_KEPT || answeredAt(action) < now - KEPT_MS);
    for (const { metadata } of old) {
      const { name, uid } = metadata;
      await writer.delete({ type: STEERING.action, namespace, name }, uid === undefined ? {} : { uid }, signal);
    }
    const late = all.filter((action) => !isAnswered(action) && expiresAt(action) + GRACE_MS < now);
    for (const { metadata } of late) {
      const at = new Date(now).toISOString();
      const status: CanaryActionStatus = { phase: "Expired", message: "it was not applied in time", at };
      const target = { type: STEERING.action, namespace, name: metadata.name };
      await writer.mergePatch(target, { status }, { subresource: "status" }, signal);
    }
  }

  return (namespace: string, now: number, signal: AbortSignal): void => {
    if (now - (sweptAt.get(namespace) ?? 0) < EVERY_MS || actions.list(namespace).length === 0) return;
    sweptAt.set(namespace, now);
    void sweep(namespace, now, signal).catch((error: unknown) => {
      if (!signal.aborted) log.debug({ namespace, err: error }, "answered actions are looked after later");
    });
  };
}

const isAnswered = ({ status }: KubeObject): boolean => status?.phase !== undefined;
const answeredAt = ({ status }: KubeObject): number => Date.parse(status?.at ?? "") || 0;
