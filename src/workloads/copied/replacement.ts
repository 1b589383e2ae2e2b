/** What happens to the primary's pods when its template is replaced. */
import type { Canary, CanaryStatus, Revision } from "../../core/canary.ts";
import { promotionId } from "../../core/identity.ts";
import type { EarlierReading } from "../../core/observation.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import { promotionIdOf, restoredPrimary } from "./kept.ts";
import type { CopiedKind } from "./kind.ts";

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
  const isCopied = promotionIdOf(primary) === promotionId(canary.uid, revision);
  const next = isCopied ? restoredPrimary(primary, earlierOf(canary.status)) : target;
  return movesTo(kind, primary, next);
}

/** The earlier promotion to which a person goes back. */
function earlierOf(status: CanaryStatus): string | undefined {
  return status.phase === "Failed" && status.recovery.kind === "undoing" ? status.recovery.to : undefined;
}

/** Which earlier revisions would let no pod of the primary serve for a time. */
export function withGaps(
  earlier: readonly EarlierReading[] | undefined,
  primary: WorkloadObject | undefined,
  kind: CopiedKind,
): { readonly earlier?: readonly EarlierReading[] } {
  if (earlier === undefined || primary === undefined || kind.moves === undefined) return {};
  const moves = (to: string) => movesTo(kind, primary, restoredPrimary(primary, to));
  return { earlier: earlier.map((one) => (moves(one.promotionId) ? { ...one, gap: true } : one)) };
}

function movesTo(kind: CopiedKind, primary: WorkloadObject, next: WorkloadObject | undefined): boolean {
  if (kind.moves === undefined) return false;
  return next !== undefined && kind.moves(primary.spec?.template?.spec ?? {}, next.spec?.template?.spec ?? {});
}
