/**
 * ControllerRevisions: the remembered templates of DaemonSets and StatefulSets, as `kubectl rollout history` reads
 * them.
 */
import { equal } from "../../src/json/merge-patch.ts";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { ApiError } from "../cluster.ts";
import type { ControllerContext } from "./context.ts";
import { controllerRef, edit, isControlledBy, namespaceOf, templateHash } from "./objects.ts";
import { CONTROLLER_REVISION } from "./types.ts";

export const REVISION_HASH = "controller-revision-hash";

export interface Revisions {
  /** The hash that pods of the current template carry. */
  readonly hash: string;
  /** Name of the current ControllerRevision: "web-7c8d". */
  readonly name: string;
  /** All of them, oldest first. */
  readonly all: readonly KubeObject[];
}

/** Records the owner's current template as its newest revision, creating it where needed. */
export function recordRevision({ cluster }: ControllerContext, owner: KubeObject): Revisions {
  const data = { spec: { template: { ...owner.spec?.template, $patch: "replace" } } };
  const own = cluster
    .list(CONTROLLER_REVISION, namespaceOf(owner))
    .filter((revision) => isControlledBy(revision, owner))
    .sort((a, b) => a["revision"] - b["revision"]);
  const latest: number = own.at(-1)?.["revision"] ?? 0;
  const known = own.find((revision) => equal(revision.data, data));
  if (known !== undefined) {
    const hash = known.metadata.labels?.[REVISION_HASH] ?? "";
    if (known["revision"] !== latest) {
      edit(cluster, CONTROLLER_REVISION, known, (copy) => {
        copy["revision"] = latest + 1;
      });
    }
    return { hash, name: known.metadata.name, all: own };
  }
  for (let collisions = 0; ; collisions += 1) {
    const hash = templateHash(owner.spec?.template, collisions);
    const name = `${owner.metadata.name}-${hash}`;
    const labels = { ...owner.spec?.selector?.matchLabels, [REVISION_HASH]: hash };
    const metadata = { name, namespace: namespaceOf(owner), labels, ownerReferences: [controllerRef(owner)] };
    const body = { apiVersion: "apps/v1", kind: "ControllerRevision", metadata, data, revision: latest + 1 };
    try {
      return { hash, name, all: [...own, cluster.create(CONTROLLER_REVISION, structuredClone(body))] };
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
    }
  }
}

/** Revisions beyond the limit go, oldest first; those that pods still run stay. */
export function forgetRevisions(
  { cluster }: ControllerContext,
  owner: KubeObject,
  revisions: Revisions,
  pods: readonly KubeObject[],
): void {
  const live = new Set([revisions.hash, ...pods.map((pod) => pod.metadata.labels?.[REVISION_HASH])]);
  const idle = revisions.all.filter((revision) => !live.has(revision.metadata.labels?.[REVISION_HASH]));
  const limit: number = owner.spec?.revisionHistoryLimit ?? 10;
  for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
    cluster.remove(CONTROLLER_REVISION, namespaceOf(owner), revision.metadata.name);
  }
}
