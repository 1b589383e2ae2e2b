/**
 * Pods that do not start are said by name with the optional right to list pods; without the right the operator does
 * without.
 */

import { afterAll, beforeAll, expect, it } from "vitest";
import { createPodTroubles, type Troubles } from "../../src/operator/cluster/pod-troubles.ts";
import { rightsOf } from "../../src/operator/rights.ts";
import { createSessions } from "../../src/operator/sessions.ts";
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import type { Rule } from "../../src/ports/rights.ts";
import { aCanary } from "../../src/testing/canary.ts";
import { TABLES } from "../../src/testing/tables.ts";
import { type Office, openOffice } from "./office.ts";

let office: Office;
beforeAll(async () => {
  office = await openOffice([], []);
});
afterAll(() => office.stop());

function pod(name: string, app: string, image: string): KubeObject {
  const waiting = { reason: "ImagePullBackOff", message: "Back-off pulling image" };
  return {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "test", labels: { app } } },
    spec: { containers: [{ name: "web", image }] },
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "web", image, ready: false, restartCount: 0, state: { waiting } }],
    },
  };
}

const PODS = [pod("a-1", "podinfo", "ghcr.io/x:y"), pod("b-1", "podinfo-primary", "ghcr.io/other:1")];
const SEEN = {
  target: { revision: { spec: "v2" }, readiness: { kind: "progressing", detail: "" }, available: 0, scaledDown: false },
  primary: { exists: true, readiness: { kind: "ready" }, available: 1 },
  selector: {
    ...{ label: "app", target: { app: "podinfo" }, primary: { app: "podinfo-primary" } },
    ...{ primaryServes: true, primaryPorts: [], ports: { canary: [], primary: [] } },
  },
} as const;

/** What is said after 20 seconds. */
async function said(rules: readonly Rule[], objects = PODS): Promise<Troubles> {
  let last: Troubles = {};
  await office.work(rules, objects, async ({ list, signal }) => {
    const look = createPodTroubles({ list, log: SILENT_LOG, sessions: createSessions() });
    for (const now of [0, 20_000]) last = await look(aCanary(), SEEN, now, signal);
  });
  return last;
}

const REFUSED: KubeObject = {
  ...{ apiVersion: "v1", kind: "Event", metadata: { name: "podinfo.1", namespace: "test" } },
  involvedObject: { apiVersion: "apps/v1", kind: "Deployment", namespace: "test", name: "podinfo" },
  ...{ type: "Warning", reason: "FailedCreate", message: "exceeded quota: few", lastTimestamp: "2026-01-01T00:00:00Z" },
};

it("the shipped right is enough, and pods of other workloads are not spoken of", async () => {
  const { optional } = rightsOf(TABLES);
  expect((await said(optional)).text).toBe("canary pods cannot start: ImagePullBackOff ghcr.io/x:y");
});

it("the shipped right is enough to say why there are no pods", async () => {
  const { optional } = rightsOf(TABLES);
  expect((await said(optional, [REFUSED])).text).toMatch(
    /^pods of deployment podinfo.test cannot be created: exceeded/,
  );
});

it("without the right nothing is announced", async () => {
  expect(await said([])).toEqual({});
});
