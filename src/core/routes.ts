/** The traffic that a status promises. Everything that shows or sets weights asks here. */

import { rulesOf } from "./phases/table.ts";
import type { Plan } from "./plan/plan.ts";
import type { CanaryStatus, Routes } from "./status/canary.ts";

/** @returns undefined while the engine does not own the routes: before the first initialisation, and while leaving */
export function routesFor(plan: Plan, status: CanaryStatus): Routes | undefined {
  return rulesOf(status.phase).routes(plan, status);
}
