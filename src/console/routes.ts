/** The REST routes of the console. Each row names the right that it needs: a route without one does not exist. */
import { act, freeze, thaw } from "./act.ts";
import { canaries, canary, me, rights, series } from "./canaries.ts";
import { checks, freezes, insights } from "./overview.ts";
import type { Route } from "./route.ts";
import { run, runs } from "./runs.ts";

const CANARY = "/api/v1/canaries/:namespace/:name";
const FREEZES = "/api/v1/freezes";

export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/api/v1/me", right: undefined, handle: me },
  { method: "GET", path: "/api/v1/rights", right: undefined, handle: rights },
  { method: "GET", path: "/api/v1/canaries", right: undefined, handle: canaries },
  { method: "GET", path: CANARY, right: { verb: "get", resource: "canaries" }, handle: canary },
  { method: "GET", path: `${CANARY}/series`, right: { verb: "get", resource: "canaries" }, handle: series },
  { method: "GET", path: "/api/v1/runs", right: undefined, handle: runs },
  { method: "GET", path: "/api/v1/runs/:namespace/:name", right: { verb: "get", resource: "canaryruns" }, handle: run },
  { method: "GET", path: "/api/v1/insights", right: undefined, handle: insights },
  { method: "GET", path: FREEZES, right: undefined, handle: freezes },
  // The findings name objects of all namespaces.
  { method: "GET", path: "/api/v1/checks", right: { verb: "list", resource: "canaries" }, handle: checks },
  // The verb of the action itself is checked by the handler: its name is in the body.
  { method: "POST", path: `${CANARY}/actions`, right: { verb: "get", resource: "canaries" }, handle: act },
  {
    method: "POST",
    path: `${FREEZES}/:namespace`,
    right: { verb: "create", resource: "canaryfreezes" },
    handle: freeze,
  },
  {
    method: "POST",
    path: `${FREEZES}/:namespace/:name/thaw`,
    right: { verb: "delete", resource: "canaryfreezes" },
    handle: thaw,
  },
];
