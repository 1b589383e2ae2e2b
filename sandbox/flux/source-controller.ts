/** The sandbox's source-controller: fetches each GitRepository and says in its status which commit there is. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import type { ControllerContext } from "../controllers/context.ts";
import { type EventRecorder, eventRecorder } from "../controllers/events.ts";
import { editStatus, getByKey, keyOf } from "../controllers/objects.ts";
import { type Artifact, fetchArtifact } from "./git.ts";
import { startLoop } from "./loop.ts";
import { type Condition, durationMs, GIT_REPOSITORY, REQUESTED_AT, withCondition } from "./types.ts";

const DEFAULT_INTERVAL_MS = 60_000;

export interface SourceController {
  /** The files of the last fetched commit; undefined when there is none yet. */
  artifact(key: string): Artifact | undefined;
  stop(): void;
}

/** @param cache the folder for fetched repositories */
export function startSourceController(context: ControllerContext, cache: string): SourceController {
  const { cluster, clock, report } = context;
  const artifacts = new Map<string, Artifact>();
  const events = eventRecorder(cluster, clock, "source-controller");
  const seen = new Map<string, string>();

  const loop = startLoop(
    clock,
    async (key) => {
      const repository = getByKey(cluster, GIT_REPOSITORY, key);
      if (repository === undefined) {
        artifacts.delete(key);
        return undefined;
      }
      if (repository.spec?.suspend === true) return undefined;
      const interval = durationMs(repository.spec?.interval, DEFAULT_INTERVAL_MS);
      try {
        const folder = createHash("sha256").update(`${key} ${repository.spec?.url}`).digest("hex").slice(0, 16);
        const artifact = await fetchArtifact(repository.spec?.url, repository.spec?.ref ?? {}, join(cache, folder));
        artifacts.set(key, artifact);
        succeed(context, events, repository, artifact);
      } catch (error) {
        fail(context, events, repository, error instanceof Error ? error.message : String(error));
      }
      return interval;
    },
    (message) => report(`source-controller: ${message}`),
  );
  // The status that this controller writes is no reason to fetch again: only a new generation or a request is.
  const unwatch = cluster.watch(GIT_REPOSITORY, ({ object }) => {
    const asked = `${object.metadata.uid} ${object.metadata.generation} ${object.metadata.annotations?.[REQUESTED_AT] ?? ""}`;
    if (seen.get(keyOf(object)) === asked) return;
    seen.set(keyOf(object), asked);
    loop.add(keyOf(object));
  });
  return {
    artifact: (key) => artifacts.get(key),
    stop: () => {
      unwatch();
      loop.stop();
    },
  };
}

function succeed(
  { cluster, clock }: ControllerContext,
  events: EventRecorder,
  repository: KubeObject,
  artifact: Artifact,
): void {
  const isNew = repository.status?.artifact?.revision !== artifact.revision;
  const message = `stored artifact for revision '${artifact.revision}'`;
  const now = rfc3339(clock.now());
  editStatus(cluster, GIT_REPOSITORY, repository, (copy) => {
    const generation = copy.metadata.generation ?? 0;
    copy.status = {
      ...copy.status,
      observedGeneration: generation,
      ...(isNew ? { artifact: { revision: artifact.revision, lastUpdateTime: now, path: "", url: "" } } : {}),
      ...handled(copy),
      conditions: withCondition(copy, ready("True", "Succeeded", message, generation), now),
    };
  });
  if (isNew) events.normal(repository, "NewArtifact", message);
}

function fail(
  { cluster, clock }: ControllerContext,
  events: EventRecorder,
  repository: KubeObject,
  message: string,
): void {
  const now = rfc3339(clock.now());
  editStatus(cluster, GIT_REPOSITORY, repository, (copy) => {
    const generation = copy.metadata.generation ?? 0;
    const conditions = withCondition(copy, ready("False", "GitOperationFailed", message, generation), now);
    copy.status = { ...copy.status, observedGeneration: generation, ...handled(copy), conditions };
  });
  events.warning(repository, "GitOperationFailed", message);
}

const ready = (
  status: Condition["status"],
  reason: string,
  message: string,
  observedGeneration: number,
): Omit<Condition, "lastTransitionTime"> => ({ type: "Ready", status, reason, message, observedGeneration });

function handled(object: KubeObject): { lastHandledReconcileAt?: string } {
  const asked = object.metadata.annotations?.[REQUESTED_AT];
  return asked === undefined ? {} : { lastHandledReconcileAt: asked };
}
