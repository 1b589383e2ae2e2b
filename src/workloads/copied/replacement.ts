/** What happens to the primary's pods when its template is replaced. */
import type { Canary, Revision } from "../../core/canary.ts";
import { promotionId } from "../../core/identity.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { CopiedKind } from "./kind.ts";
import { promotionIdOf, restoredPrimary } from "./primary.ts";

export interface Replacement {
  readonly canary: Canary;
  readonly primary: WorkloadObject;
  readonly target: WorkloadObject;
  /** What the target holds. */
  readonly revision: Revision;
  readonly kind: CopiedKind;
}

/** Whether no pod of the primary can serve for a time while it takes over the target's template, or gets the previous one back. */
export function leavesGap(parts: Replacement): boolean {
  return parts.kind.hasGap(parts.primary, parts.target) || shrinksToGap(parts) || movesPods(parts);
}

/** The copy may leave the primary fewer pods than it has: as many as the target has, when no autoscaler is named. */
function shrinksToGap({ canary, primary, target, kind }: Replacement): boolean {
  const { replicas } = kind.primaryReplicas(target, canary, { primary });
  if (replicas === undefined || replicas === primary.spec?.replicas) return false;
  return kind.hasGap({ ...primary, spec: { ...primary.spec, replicas } }, target);
}

function movesPods({ canary, primary, target, revision, kind }: Replacement): boolean {
  if (kind.moves === undefined) return false;
  const isCopied = promotionIdOf(primary) === promotionId(canary.uid, revision);
  const next = isCopied ? restoredPrimary(primary) : target;
  return next !== undefined && kind.moves(primary.spec?.template?.spec ?? {}, next.spec?.template?.spec ?? {});
}
