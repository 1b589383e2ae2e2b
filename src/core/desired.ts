/** What should be true of the cluster, given a status. The shell compares and repairs; it never decides. */
import type { CanaryStatus, Revision, Routes } from "./canary.ts";
import { promotionId } from "./identity.ts";
import type { Plan } from "./plan.ts";
import { routesFor } from "./routes.ts";

export type DesiredPrimary =
  /** Exists; made from the target when missing, else left as it is. */
  | { readonly kind: "present" }
  /** Carries the target's template, provided that the target still holds `revision`. */
  | { readonly kind: "promoted"; readonly id: string; readonly revision: Revision }
  /** Carries the template it had before its last promotion. */
  | { readonly kind: "restored"; readonly from: string };

export interface DesiredWorld {
  /** False: touch nothing at all. */
  readonly engaged: boolean;
  readonly primary: DesiredPrimary;
  /** `as-is`: it is not ours to scale now. */
  readonly target: "up" | "down" | "as-is";
  /** Primary scaler follows its source (promotion) or is only made when missing. */
  readonly syncScaler: boolean;
  /** The apex Service and the mesh send traffic to the primary; `released`: as if we had never been here. */
  readonly traffic: Routes | "before-us" | "released";
}

const HANDS_OFF: DesiredWorld = {
  engaged: false,
  primary: { kind: "present" },
  target: "as-is",
  syncScaler: false,
  traffic: "before-us",
};

export function desired(
  canary: { readonly uid: string; readonly plan: Plan; readonly suspended: boolean },
  status: CanaryStatus,
): DesiredWorld {
  if (canary.suspended) return HANDS_OFF;
  const world = (target: DesiredWorld["target"], primary: DesiredPrimary = { kind: "present" }): DesiredWorld => ({
    engaged: true,
    primary,
    target,
    syncScaler: primary.kind === "promoted",
    traffic: routesFor(canary.plan, status) ?? "before-us",
  });
  const promoted = (): DesiredPrimary =>
    status.applied === undefined
      ? { kind: "present" }
      : { kind: "promoted", id: promotionId(canary.uid, status.applied), revision: status.applied };
  switch (status.phase) {
    case "":
    case "Terminated":
      return HANDS_OFF;
    case "Initializing":
      return world("as-is", status.renew ? promoted() : { kind: "present" });
    case "Initialized":
    case "Succeeded":
      return world(status.drainUntil > 0 ? "as-is" : "down");
    case "Waiting":
      return world("as-is");
    case "Progressing":
    case "WaitingPromotion":
      return world("up");
    case "Promoting":
      return world("up", promoted());
    case "Finalising":
      return world("up");
    case "Failed":
      return failedWorld(world, status, canary.uid);
    case "Terminating":
      return { ...world("up"), traffic: status.released ? "released" : "before-us" };
  }
}

function failedWorld(
  world: (target: DesiredWorld["target"], primary?: DesiredPrimary) => DesiredWorld,
  status: Extract<CanaryStatus, { phase: "Failed" }>,
  uid: string,
): DesiredWorld {
  // Never initialised: users are still served by the target (Q19).
  if (status.promotedSpec === "") return world("as-is");
  if (status.restoring) {
    const from = status.applied === undefined ? "" : promotionId(uid, status.applied);
    return world(status.canaryWeight > 0 ? "up" : "as-is", { kind: "restored", from });
  }
  return world(status.drainUntil > 0 ? "as-is" : "down");
}

/** When the status alone, without any news from the cluster, asks for another turn. Milliseconds since the epoch. */
export function nextTurnAt(status: CanaryStatus): number | undefined {
  const times = [
    "holdUntil" in status && status.holdUntil > 0 ? status.holdUntil : undefined,
    "drainUntil" in status && status.drainUntil > 0 ? status.drainUntil : undefined,
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}
