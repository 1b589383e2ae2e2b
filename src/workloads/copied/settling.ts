/** After a promotion: a failed one is rolled back; after a successful one the copies for a rollback are removed. */
import type { Canary } from "../../core/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { forgottenConfigs, returnedConfigs } from "./previous.ts";
import { promotionIdOf, restoredPrimary, withoutKeptTemplate } from "./primary.ts";

/** The primary as it was before the promotion `from`: first the configs that its pods read, then the pods. */
export function restored(canary: Canary, primary: KubeObject, from: string, seen: Snapshot): readonly KubeObject[] {
  if (promotionIdOf(primary) !== from) return abandoned(canary, primary, seen);
  const template = restoredPrimary(primary);
  // Without the previous template, the primary keeps the configs that belong to its current one.
  return template === undefined ? [] : [...returnedConfigs(canary, primary, { failed: from }, seen), template];
}

/** The primary as it is, without the remains of promotions that are over. */
export function settled(canary: Canary, primary: KubeObject, seen: Snapshot): readonly KubeObject[] {
  const carried = promotionIdOf(primary);
  const returned = abandoned(canary, primary, seen);
  // Until the promotion is over it can still fail.
  const going = canary.status.phase === "Finalising";
  const forgotten = forgottenConfigs(canary, primary, seen, going && carried !== undefined ? { keepFor: carried } : {});
  return [...returned, ...forgotten, going ? primary : withoutKeptTemplate(primary)];
}

/** For promotions that changed configs, but never the template. */
function abandoned(canary: Canary, primary: KubeObject, seen: Snapshot): readonly KubeObject[] {
  return returnedConfigs(canary, primary, { carried: promotionIdOf(primary) }, seen);
}
