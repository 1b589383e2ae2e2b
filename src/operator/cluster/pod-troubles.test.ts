/** Pods that do not start are announced by name, by few requests, and by none at rest. */

import { describe, expect, it } from "vitest";
import type { PrimaryReading, TargetReading } from "../../core/turn/observation.ts";
import { KubeError, type ListOptions } from "../../ports/kube.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import type { PodSelector } from "../../ports/workload.ts";
import { aCanary } from "../../testing/canary.ts";
import { createSessions } from "../sessions.ts";
import { createPodTroubles, type Seen, troubleOf } from "./pod-troubles.ts";

const pod = (status: KubeFields, metadata: KubeFields = {}): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "podinfo-1", namespace: "test", ...metadata } },
  status,
});
const waiting = (reason: string, more: KubeFields = {}, message?: string): KubeObject =>
  pod({
    containerStatuses: [
      { name: "web", image: "ghcr.io/x:y", restartCount: 3, state: { waiting: { reason, message } }, ...more },
    ],
  });

describe("the text", () => {
  it.each<[string, KubeObject[], string | undefined]>([
    ["an image that cannot be pulled", [waiting("ImagePullBackOff")], "ImagePullBackOff ghcr.io/x:y"],
    ["the same, a moment before", [waiting("ErrImagePull")], "ImagePullBackOff ghcr.io/x:y"],
    [
      "two pods with one trouble",
      [waiting("ImagePullBackOff"), waiting("ErrImagePull")],
      "ImagePullBackOff ghcr.io/x:y",
    ],
    [
      "a container that ends again and again",
      [waiting("CrashLoopBackOff", { lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } })],
      "CrashLoopBackOff of container web, exit code 137, it ran out of memory",
    ],
    [
      "a ConfigMap that is missing",
      [waiting("CreateContainerConfigError", {}, 'configmap "a"\n not found')],
      'CreateContainerConfigError of container web: configmap "a" not found',
    ],
    [
      "a pod without a node",
      [
        pod({
          conditions: [
            { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes are available" },
          ],
        }),
      ],
      "Unschedulable: 0/3 nodes are available",
    ],
    ["pods that are about to start", [waiting("ContainerCreating"), waiting("PodInitializing")], undefined],
    ["a pod that goes", [pod(waiting("ImagePullBackOff")["status"], { deletionTimestamp: "2026-01-01" })], undefined],
    ["no pods", [], undefined],
  ])("of %s", (_, pods, expected) => {
    expect(troubleOf("canary", pods)).toBe(
      expected === undefined ? undefined : `canary pods cannot start: ${expected}`,
    );
  });

  it("is bounded, however many and long the troubles are", () => {
    const pods = Array.from({ length: 9 }, (_, i) =>
      waiting("ImagePullBackOff", { name: `c${i}`, image: `${i}`.repeat(999) }),
    );
    const text = troubleOf("canary", pods) ?? "";
    expect(text.length).toBeLessThan(700);
    expect(text).toContain("; and 6 more");
  });
});

const SELECTOR: PodSelector = {
  ...{ label: "app", target: { app: "podinfo" }, primary: { app: "podinfo-primary" } },
  ...{ primaryServes: true, primaryPorts: [], ports: { canary: [], primary: [] } },
};
const READY = { kind: "ready" } as const;
const WAITING = { kind: "progressing", detail: "0 of 1" } as const;

function seen(target: Partial<TargetReading> = {}, primary: Partial<PrimaryReading> = {}): Seen {
  return {
    target: { revision: { spec: "v2" }, readiness: READY, available: 1, scaledDown: false, ...target },
    primary: { exists: true, readiness: READY, available: 1, ...primary },
    selector: SELECTOR,
  };
}

/** @param answer what a list of pods gives, or throws @param events likewise, of Events */
function started(answer: () => readonly KubeObject[], events: () => readonly KubeObject[] = () => []) {
  const asked: { readonly at: number; readonly options: ListOptions }[] = [];
  const askedEvents: ListOptions[] = [];
  let now = 0;
  const list = async (type: ResourceType, _namespace: string, options: ListOptions) => {
    if (type === RESOURCES.event) {
      askedEvents.push(options);
      return events();
    }
    asked.push({ at: now / 1000, options });
    return answer();
  };
  const look = createPodTroubles({ list, log: SILENT_LOG, sessions: createSessions() });
  const canary = aCanary({ spec: { targetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "podinfo" } } });
  return {
    asked,
    askedEvents,
    /** A turn every second. */
    async wait(seconds: number, world: Seen) {
      let last = {};
      for (const end = now + seconds * 1000; now < end; now += 1000) {
        last = await look(canary, world, now, new AbortController().signal);
      }
      return last;
    },
  };
}

describe("the pods", () => {
  it("are not listed while everything is ready, nor while a copy is scaled down, nor in the first seconds", async () => {
    const { asked, wait } = started(() => []);
    await wait(600, seen());
    await wait(600, seen({ readiness: WAITING, scaledDown: true }));
    await wait(600, seen({}, { readiness: WAITING, emptied: true }));
    await wait(10, seen({ readiness: WAITING }));
    expect(asked).toEqual([]);
  });

  it("of a canary that does not get ready are listed once, and then ever more rarely", async () => {
    const { asked, wait } = started(() => [waiting("ImagePullBackOff")]);
    const { text } = (await wait(600, seen({ readiness: WAITING }))) as { readonly text?: string };
    expect(text).toBe("canary pods cannot start: ImagePullBackOff ghcr.io/x:y");
    expect(asked.map(({ at }) => at)).toEqual([10, 40, 100, 220, 460]);
    expect(asked[0]?.options).toEqual({ labelSelector: "app=podinfo", limit: 20 });
  });

  it("of a primary that does not get ready are those with the primary's labels; a new wait begins anew", async () => {
    const { asked, wait } = started(() => []);
    await wait(30, seen({}, { readiness: WAITING }));
    await wait(30, seen());
    await wait(30, seen({}, { readiness: WAITING }));
    expect(asked.map(({ options }) => options.labelSelector)).toEqual(["app=podinfo-primary", "app=podinfo-primary"]);
  });

  it("are not listed again in a wait in which the role does not allow it, and nothing is announced", async () => {
    const { asked, wait } = started(() => {
      throw new KubeError(403, "Forbidden", 'pods is forbidden: cannot list resource "pods"');
    });
    expect(await wait(900, seen({ readiness: WAITING }))).toEqual({});
    expect(asked).toHaveLength(1);
  });

  it("are listed still where the role does not allow to list Events", async () => {
    const denied = () => {
      throw new KubeError(403, "Forbidden", 'events is forbidden: cannot list resource "events"');
    };
    const { asked, wait } = started(() => [], denied);
    expect(await wait(900, seen({ readiness: WAITING }))).not.toHaveProperty("text");
    expect(asked.length).toBeGreaterThan(2);
  });

  it("that the API server refuses are named by the Events of this wait", async () => {
    const refused = (name: string) => `Error creating: pods "${name}" is forbidden: exceeded quota: few`;
    const event = (at: number, message: string): KubeObject => ({
      ...{ apiVersion: "v1", kind: "Event", metadata: { name: `e-${at}`, namespace: "test" } },
      ...{ message, lastTimestamp: new Date(at * 1000).toISOString(), eventTime: null },
    });
    const before = [event(-3600, "long ago")];
    const { askedEvents, wait } = started(
      () => [],
      () => before,
    );
    expect(await wait(15, seen({}, { readiness: WAITING }))).not.toHaveProperty("text");
    before.push(event(20, refused("podinfo-a")), event(18, "another quota"));
    const text =
      "pods of statefulset podinfo-primary.test cannot be created: Error creating: pods are forbidden: " +
      "exceeded quota: few: raise the quota, or delete pods that use it up";
    expect(await wait(30, seen({}, { readiness: WAITING }))).toMatchObject({ text });
    // The same again, in the words of a controller that has counted it.
    before.push(event(80, `(combined from similar events): ${refused("podinfo-b")}`));
    expect(await wait(90, seen({}, { readiness: WAITING }))).toMatchObject({ text });
    const fieldSelector = "involvedObject.kind=StatefulSet,involvedObject.name=podinfo-primary,reason=FailedCreate";
    expect(askedEvents[0]).toEqual({ fieldSelector, limit: 20 });
  });

  it("that cannot be listed are asked for again, and the turn goes on", async () => {
    const { asked, wait } = started(() => {
      throw new KubeError(500, "InternalError", "etcd is away");
    });
    await wait(60, seen({ readiness: WAITING }));
    expect(asked).toHaveLength(2);
  });
});
