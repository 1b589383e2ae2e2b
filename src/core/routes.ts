/** The traffic that a status promises. Everything that shows or sets weights asks here. */
import type { CanaryStatus, Routes, StatusIn } from "./canary.ts";
import { type Phase, rulesOf } from "./phases/table.ts";
import type { Plan } from "./plan.ts";

export { ALL_TO_PRIMARY } from "./steps.ts";

/** @returns undefined while the engine does not own the routes: before the first initialisation, and while leaving */
export function routesFor(plan: Plan, status: CanaryStatus): Routes | undefined {
  return routesIn(plan, status);
}

function routesIn<P extends Phase>(plan: Plan, status: StatusIn<P>): Routes | undefined {
  return rulesOf<P>(status.phase).routes(plan, status);
}
