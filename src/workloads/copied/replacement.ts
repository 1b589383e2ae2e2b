/** What happens to the primary's pods when its template is replaced. */

import { undoneTo } from "../../core/run/recovery.ts";
import type { Canary, Revision } from "../../core/status/canary.ts";
import { promotionId } from "../../core/turn/identity.ts";
import type { EarlierReading } from "../../core/turn/observation.ts";
import type { PodSpec, PodTemplate, WorkloadObject } from "../../ports/kubernetes-types.ts";
import { samePort } from "../pod-spec.ts";
import { keptTemplate, promotionIdOf, withTemplates } from "./kept.ts";
import type { CopiedKind } from "./kind.ts";

export interface Replacement {
  readonly canary: Canary;
  readonly primary: WorkloadObject;
  readonly target: WorkloadObject;
  /** What the target holds. */
  readonly revision: Revision;
  readonly kind: CopiedKind;
}

/**
 * Whether no pod of the primary can serve for a time while it takes over the target's template, or gets the previous
 * one back.
 */
export function leavesGap(parts: Replacement): boolean {
  const { kind, primary, target } = parts;
  return kind.hasGap(primary, target) || shrinksToGap(parts) || isScaledToGap(parts) || movesPods(parts);
}

/**
 * The primary's autoscaler may take pods away while the others are replaced, because the canary has a share of the
 * traffic. The primary then has as many as its own share needs.
 */
function isScaledToGap({ canary, primary, target, kind }: Replacement): boolean {
  const { autoscalerRef } = canary.spec;
  const replicas = primary.spec?.replicas ?? 0;
  if (autoscalerRef === undefined || replicas === 0) return false;
  const needed = Math.ceil((replicas * (100 - canary.status.canaryWeight)) / 100);
  const least = Math.max(needed, autoscalerRef.primaryScalerReplicas?.minReplicas ?? 1);
  return least < replicas && kind.hasGap({ ...primary, spec: { ...primary.spec, replicas: least } }, target);
}

/** The copy may leave the primary fewer pods than it has: as many as the target has, when no autoscaler is named. */
function shrinksToGap({ canary, primary, target, kind }: Replacement): boolean {
  const { replicas } = kind.primaryReplicas(target, canary, { primary });
  if (replicas === undefined || replicas === primary.spec?.replicas) return false;
  return kind.hasGap({ ...primary, spec: { ...primary.spec, replicas } }, target);
}

function movesPods({ canary, primary, target, revision, kind }: Replacement): boolean {
  const isCopied = promotionIdOf(primary) === promotionId(canary.uid, revision);
  const next = isCopied ? keptTemplate(primary, undoneTo(canary.status)) : (target.spec?.template ?? {});
  return next !== undefined && moverOf(canary, target, kind)(primary, next);
}

/** Whether no pod of the primary answers for a time while it takes over another template, under any strategy. */
type Mover = (primary: WorkloadObject, next: PodTemplate) => boolean;

/** Pods leave their nodes, or answer at another port: a Service leads to one port of all its pods. */
export function moverOf({ spec: { service } }: Canary, target: WorkloadObject, kind: CopiedKind): Mover {
  const portOf = (podSpec: PodSpec) => samePort(service.targetPort, target.spec?.template?.spec, podSpec);
  return (primary, next) => {
    const [from, to] = [primary.spec?.template?.spec ?? {}, next.spec ?? {}];
    const [before, after] = [portOf(from), portOf(to)];
    return kind.moves?.(from, to) === true || (before !== undefined && after !== undefined && before !== after);
  };
}

/** Which earlier revisions would let no pod of the primary serve for a time. */
export function withGaps(
  earlier: readonly EarlierReading[] | undefined,
  primary: WorkloadObject | undefined,
  moves: Mover,
): { readonly earlier?: readonly EarlierReading[] } {
  if (earlier === undefined || primary === undefined) return {};
  const moving = withTemplates(primary).filter(({ template }) => moves(primary, template));
  const gaps = new Set(moving.map((one) => one.promotionId));
  return { earlier: earlier.map((one) => (gaps.has(one.promotionId) ? { ...one, gap: true } : one)) };
}
