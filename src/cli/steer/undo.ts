/** What an undo will bring back: the primary itself says which revisions it keeps. */
import { earlierRevision, REVERT_INSTEAD } from "../../core/intents/undo.ts";
import { isForbidden } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { keptContent, keptRevisions, promotionIdOf } from "../../workloads/copied/kept.ts";
import type { ClusterClient } from "../cluster.ts";
import { primaryOf } from "./seen.ts";

/** Instead of the words for any undo, see `previewOf`. */
export interface UndoPreview {
  readonly text?: string;
  readonly refusal?: string;
}

export async function undoPreview(
  client: ClusterClient,
  canary: KubeObject,
  toRun: string | undefined,
  signal: AbortSignal,
): Promise<UndoPreview> {
  const primary = await primaryOf(client, canary, signal).catch((error: unknown) => {
    // Who may undo need not be allowed to read the workload; the operator decides.
    if (isForbidden(error)) return undefined;
    throw error;
  });
  return primary === undefined ? {} : undoPreviewOf(primary, toRun);
}

export function undoPreviewOf(primary: KubeObject, toRun: string | undefined): UndoPreview {
  const promotionId = promotionIdOf(primary);
  const kept = { ...keptRevisions(primary), ...(promotionId === undefined ? {} : { promotionId }) };
  const found = earlierRevision(kept, toRun);
  if (typeof found === "string") return { refusal: `${found}: ${REVERT_INSTEAD}` };
  const content = keptContent(primary, found.to);
  if (content === undefined) return {};
  const { images, configs, run } = content;
  const configuration = configs.length === 0 ? "" : `, and reads ${configs.join(", ")} as in that release`;
  return {
    text: `gets ${images.join(", ")} back${run === undefined ? "" : ` (run ${run})`}${configuration}; the target stays as it is in Git`,
  };
}
