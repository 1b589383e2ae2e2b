/**
 * Session cookies. The canary's cookie is made when the canary first gets traffic, and retired when the canary loses
 * its traffic. The primary's cookie is never rotated (Q88), and is made only when the spec names it (R18).
 */

import { routesFor } from "../routes.ts";
import type { CanaryStatus, StatusCore } from "../status/canary.ts";
import { lettersFrom } from "./identity.ts";
import type { DecisionInput } from "./turn.ts";

/** The cookies of the status that comes next. */
export function cookiesFor(turn: DecisionInput, next: CanaryStatus): StatusCore["cookies"] {
  const affinity = turn.spec.analysis.sessionAffinity;
  const { cookies } = turn.status;
  if (affinity === undefined) return cookies;
  // The routes decide, not the recorded weight: blue/green and A/B runs record no weight.
  if ((routesFor(turn.plan, next)?.canary ?? 0) === 0) {
    return cookies.canary === "" ? cookies : { ...cookies, previous: cookies.canary, canary: "" };
  }
  const make = (name: string): string =>
    `${name}=${lettersFrom(`${turn.uid} ${name} ${next.applied?.spec} ${turn.now}`, 10)}`;
  return {
    previous: cookies.previous,
    canary: cookies.canary === "" ? make(affinity.cookieName) : cookies.canary,
    primary:
      cookies.primary === "" && affinity.primaryCookieName !== undefined
        ? make(affinity.primaryCookieName)
        : cookies.primary,
  };
}
