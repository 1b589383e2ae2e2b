/** Where single users are sent, for strategies that distinguish them. */
import { RESOURCES } from "../../ports/kubernetes.ts";
import { MESHES } from "../meshes/table.ts";
import { type Visit, watchVisitors } from "../visitors.ts";
import type { Universe } from "../watcher.ts";
import { type Invariant, type Report, SETTLING_MS, usersDo } from "./invariant.ts";

export const visitorsStay: Invariant = {
  name: "visitors-stay",
  rule:
    "With session affinity, a user of the canary stays on it as long as it has traffic. In an A/B test, all users who match " +
    "get the canary and no others. No user gets a canary that has no traffic. All but the latter is suspended while the primary " +
    "has no pods.",
  why: "Users who switch between versions lose their work, and falsify the measurements.",
  watch(universe, report) {
    const { canary, users } = universe.scenario;
    const { sessionAffinity, match } = canary.spec?.analysis ?? {};
    const tampered = usersDo(universe.scenario, "edit-routes", "delete-routes", "edit-canary", "delete-canary");
    const isTold = MESHES[canary.spec?.provider]?.knowsVisitors === true;
    if (!isTold || tampered || users.length > MANY) return {};
    const isDisplaced = watchStandIn(universe);
    if (match?.length > 0)
      watchVisitors(universe, exactHeaders(match), (visit) => isDisplaced() || judgeMatched(visit, universe, report));
    else if (sessionAffinity !== undefined) watchVisitors(universe, {}, judgeSticky(universe, report, isDisplaced));
    return {};
  },
};

/**
 * Whether the canary serves everyone, or did a moment ago. A canary may stand in for less time than passes between two
 * visits.
 */
function watchStandIn({ api, schedule }: Universe): () => boolean {
  let standsIn = false;
  let until = Number.NEGATIVE_INFINITY;
  api.onChange(({ kind, object }) => {
    if (kind !== RESOURCES.canary) return;
    const now = object.status?.aviary?.standsIn === true;
    if (standsIn && !now) until = schedule.now() + SETTLING_MS;
    standsIn = now;
  });
  return () => standsIn || schedule.now() < until;
}

/** Beyond this time there is always interference. */
const MANY = 8;

/**
 * The canary covers for a primary that is replaced, or that could not be replaced; proxies learn a moment later that
 * this is over.
 */
const COVERED: ReadonlySet<string> = new Set(["Promoting", "Finalising", "Succeeded", "Failed"]);

function judgeMatched({ visitor, role, share, everyone }: Visit, { canary }: Universe, report: Report): void {
  if (everyone && COVERED.has(canary()?.status?.phase)) return;
  const matches = Object.keys(visitor.headers).length > 0;
  if (role === "canary" && (!matches || share === 0))
    report(
      `${visitor.name}, who ${matches ? "came when the canary had no traffic" : "does not match"}, met the canary`,
    );
  if (role === "primary" && matches && share === 100) report(`${visitor.name}, who matches, met the primary`);
}

/** @param isDisplaced the canary serves everyone, or did a moment ago, because the primary has no pods */
function judgeSticky(
  { schedule, canary }: Universe,
  report: Report,
  isDisplaced: () => boolean,
): (visit: Visit) => void {
  const met = new Map<string, number>();
  let [exposed, cookie, newSince] = [false, "", 0];
  return ({ visitor, role, share }) => {
    if (isDisplaced()) return met.clear();
    const given: string = canary()?.status?.sessionAffinityCookie ?? "";
    if (given !== cookie) newSince = schedule.now();
    // A newer revision, and a canary that returns, set cookies of their own as soon as their routes apply.
    if (exposed !== share > 0 || schedule.now() - newSince < SETTLING_MS) met.clear();
    exposed = share > 0;
    cookie = given;
    const since = met.get(visitor.name);
    if (role === "canary" && !exposed) report(`${visitor.name} met the canary when it had no traffic`);
    if (role === "primary" && since !== undefined) {
      report(`${visitor.name}, who met the canary ${(schedule.now() - since) / 1000} s before, met the primary`);
    }
    if (role === "canary" && since === undefined) met.set(visitor.name, schedule.now());
  };
}

/** `[{ headers: { "x-canary": { exact: "1" } } }]` as a request has it. */
function exactHeaders(match: readonly { readonly headers?: Readonly<Record<string, { readonly exact?: string }>> }[]) {
  const headers = Object.entries(match[0]?.headers ?? {});
  return Object.fromEntries(headers.map(([name, { exact = "" }]) => [name.toLowerCase(), exact]));
}
