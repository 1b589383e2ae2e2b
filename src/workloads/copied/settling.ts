/** After a promotion: giving back what it changed when it failed, and keeping what `undo` needs when it did not. */
import type { Canary } from "../../core/status/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { promotionIdOf, restoredPrimary, withoutKeptTemplate } from "./kept.ts";
import { forgottenConfigs, returnedConfigs } from "./previous.ts";

/**
 * The primary as it was before the promotion `from`, or earlier: first the configs that its pods read, then the pods.
 */
export function restored(
  canary: Canary,
  primary: WorkloadObject,
  { from, to }: { readonly from: string; readonly to?: string },
  seen: Snapshot,
): readonly KubeObject[] {
  if (promotionIdOf(primary) !== from) return abandoned(canary, primary, seen);
  const template = restoredPrimary(primary, to);
  // Without the previous template, the primary keeps the configs that belong to its current one.
  return template === undefined ? [] : [...returnedConfigs(canary, primary, { failed: from }, seen), template];
}

/**
 * The primary as it is, with nothing left of promotions that never happened. What `undo` needs of the last one stays.
 */
export function settled(canary: Canary, primary: WorkloadObject, seen: Snapshot): readonly KubeObject[] {
  const carried = promotionIdOf(primary);
  const returned = abandoned(canary, primary, seen);
  const forgotten = forgottenConfigs(canary, primary, seen, carried === undefined ? {} : { keepFor: carried });
  // The configs that belong to the kept template were given up for a promotion that never happened.
  return [...returned, ...forgotten, forgotten.length > 0 ? withoutKeptTemplate(primary) : primary];
}

/** For promotions that changed configs, but never the template. */
function abandoned(canary: Canary, primary: WorkloadObject, seen: Snapshot): readonly KubeObject[] {
  return returnedConfigs(canary, primary, { carried: promotionIdOf(primary) }, seen);
}
