/** What should be true of the cluster, given a status. The shell compares and repairs; it never decides. */

import type { DesiredPrimary, DesiredTarget } from "./phases/phase.ts";
import { rulesOf } from "./phases/table.ts";
import type { Plan } from "./plan/plan.ts";
import { routesFor } from "./routes.ts";
import type { CanaryStatus, Routes } from "./status/canary.ts";
import { earliest } from "./turn/earliest.ts";
import type { Transition } from "./turn/turn.ts";
import { endOf } from "./turn/waits.ts";

/** The desired state of the cluster for one Canary. */
export interface DesiredState {
  /** False: touch nothing at all. */
  readonly engaged: boolean;
  readonly primary: DesiredPrimary;
  readonly target: DesiredTarget;
  /**
   * True: the primary's autoscaler is updated from its source, as in a promotion. False: it is only made when missing.
   */
  readonly syncScaler: boolean;
  /**
   * Where apex Service and mesh send the traffic. `untouched`: Aviary does not own the routes yet, and leaves them as
   * they are. `handed-back`: Aviary restores the original routes.
   */
  readonly traffic: Routes | "untouched" | "handed-back";
  /**
   * The spec names other routes than before. Aviary makes the former routes send all traffic to the primary, and writes
   * nothing else.
   */
  readonly leaving?: true;
}

const HANDS_OFF: DesiredState = {
  engaged: false,
  primary: { kind: "present" },
  target: "as-is",
  syncScaler: false,
  traffic: "untouched",
};

/** The desired state of the cluster that a status promises. */
export function desired(
  canary: { readonly uid: string; readonly plan: Plan; readonly suspended: boolean },
  status: CanaryStatus,
): DesiredState {
  const wanted = canary.suspended ? "hands-off" : rulesOf(status.phase).desired(status, canary.uid);
  if (wanted === "hands-off") return HANDS_OFF;
  const { target, primary, traffic = routesFor(canary.plan, status) ?? "untouched" } = wanted;
  const state = { engaged: true, primary, target, syncScaler: primary.kind === "promoted", traffic };
  return status.names?.leaveAt === undefined ? state : { ...state, leaving: true };
}

/**
 * When the next turn is due, even if nothing changes in the cluster: the earliest time of the decision that is still to
 * come. Milliseconds since the epoch.
 */
export function nextTurnAt({ status, lookAgainAt }: Decided, now: number): number | undefined {
  const waits = [...("hold" in status ? [status.hold] : []), ...("drain" in status ? [status.drain] : [])];
  const others = [status.names?.leaveAt, status.paused?.until, lookAgainAt];
  return earliest(...[...waits.map(endOf), ...others].filter((time) => time !== undefined && time > now));
}

type Decided = Pick<Transition, "status" | "lookAgainAt">;
