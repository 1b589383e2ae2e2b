import { expect, it } from "vitest";
import { planFor } from "../../core/plan/plan.ts";
import { aCanary } from "../../testing/canary.ts";
import { TABLES } from "../../testing/tables.ts";
import { createSessions } from "../sessions.ts";
import { type Ports, reconcile } from "./reconcile.ts";

const NOW = Date.UTC(2026, 0, 1);
const READY = { kind: "ready" } as const;

/** A Canary on its first step, whose hold ends in a second. */
const HELD = aCanary({
  status: {
    ...{ phase: "Progressing", canaryWeight: 10, lastAppliedSpec: "b", lastPromotedSpec: "a" },
    aviary: { step: 1, plan: "canary", holdUntil: NOW + 1_000, phaseSince: NOW, prepared: true },
  },
});

it("a time that passes while the cluster is written to is due at once", async () => {
  let now = NOW;
  const plan = planFor(HELD.spec, TABLES.routers.get("istio")?.capabilities ?? expect.fail("no router"));
  const canary = { ...HELD, status: { ...HELD.status, plan: plan.name } };
  const readings = {
    target: { revision: { spec: "b" }, readiness: READY, available: 1, scaledDown: false },
    primary: { exists: true, readiness: READY, available: 1 },
    routesInForce: true,
  };
  const ports = {
    clock: { now: () => now },
    announced: createSessions().slot<number>(),
    store: { load: () => ({ kind: "valid", canary }), save: async () => expect.fail("nothing changed") },
    view: {
      observe: async () => ({ readings, plan }),
      converge: async () => {
        now += 10_000;
        return false;
      },
    },
    alerts: { delivered: () => 0, isWanted: () => true, cleared: () => {}, deliver: () => {} },
    recorder: { record: () => {} },
  } as unknown as Ports;
  const requeue = await reconcile(canary.ref, ports, new AbortController().signal);
  expect(requeue).toEqual({ kind: "at", time: NOW + 1_000 });
});
