import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Recorder } from "../../ports/recorder.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { createTables } from "../adapters.ts";
import { warnOfDeletion } from "./deleted-canary.ts";

function said(object: KubeObject, primary?: KubeObject): readonly string[] {
  const messages: string[] = [];
  const recorder: Recorder = {
    record: () => {},
    forget: () => {},
    announce: (_about, { message }) => messages.push(message),
  };
  const seen = { get: () => primary, list: () => [] };
  warnOfDeletion({ type: "deleted", object, old: object }, createTables().workloads, seen, recorder);
  return messages;
}

const promoted = { phase: "Succeeded", lastPromotedSpec: "v1" };
const targetRef = (kind: string) => ({ targetRef: { apiVersion: "apps/v1", kind, name: "web" } });
const primary: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web-primary" },
  spec: { replicas: 3 },
};

describe("a Canary that is deleted without revertOnDeletion", () => {
  it("says that nothing serves, and the command that mends it, with the size of the primary", () => {
    expect(said(aWireCanary({ status: promoted, spec: targetRef("Deployment") }), primary)).toEqual([
      "Canary podinfo.test was deleted without revertOnDeletion: its primary, Services and routes go with it, unless it was " +
        "deleted with --cascade=orphan, and Deployment web is scaled to zero. Nothing serves until you run: " +
        "kubectl -n test scale deployment/web --replicas=3",
    ]);
    expect(said(aWireCanary({ status: promoted, spec: targetRef("StatefulSet") }))[0]).toContain(
      "statefulset/web --replicas=1",
    );
    expect(said(aWireCanary({ status: promoted, spec: targetRef("DaemonSet") }))[0]).toContain(
      "remove the node selector",
    );
  });

  it.each([
    ["gives everything back", aWireCanary({ status: promoted, spec: { revertOnDeletion: true } })],
    ["was never initialised", aWireCanary({ status: { phase: "Initializing" } })],
    ["releases a Service, which has no size", aWireCanary({ status: promoted, spec: targetRef("Service") })],
  ])("says nothing when it %s", (_, object) => expect(said(object)).toEqual([]));
});
