import { describe, expect, it } from "vitest";
import type { Canary, CanaryStatus } from "../../core/status/canary.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { CanaryStore } from "../../ports/store.ts";
import { aCanary } from "../../testing/canary.ts";
import { ensureFinalizer, FINALIZER, removeFinalizer } from "./finalizer.ts";

const NOT_ABORTED = new AbortController().signal;

/** Notes every write of the finalizer, and every event. */
function stage() {
  const done: string[] = [];
  const store: CanaryStore = {
    load: () => undefined,
    save: () => Promise.reject(new Error("nothing is saved here")),
    refuse: () => Promise.resolve(),
    confirm: () => Promise.resolve(),
    async setFinalizer(_canary, present) {
      done.push(present ? "put on" : "taken off");
    },
  };
  const recorder: Recorder = {
    record() {},
    announce: (_canary, { message }) => void done.push(message),
    forget() {},
  };
  return { done, ports: { store, recorder } };
}

const terminating = (canary: Canary, handedBack: boolean): CanaryStatus => ({
  ...canary.status,
  phase: "Terminating",
  handedBack,
});

describe("a Canary with revertOnDeletion that is deleted", () => {
  it.each([
    { handedBack: false, goes: false, expected: [] },
    { handedBack: true, goes: true, expected: ["taken off", "Terminated canary podinfo.test"] },
  ])("goes only when everything was given back ($handedBack)", async ({ handedBack, goes, expected }) => {
    const { done, ports } = stage();
    const canary: Canary = { ...aCanary(), deleting: true };
    expect(await removeFinalizer(canary, terminating(canary, handedBack), ports, NOT_ABORTED)).toBe(goes);
    expect(done).toEqual(expected);
  });

  it("does not go on because of what a run that ended earlier says", async () => {
    const { done, ports } = stage();
    const canary: Canary = { ...aCanary(), deleting: true };
    expect(await removeFinalizer(canary, canary.status, ports, NOT_ABORTED)).toBe(false);
    expect(done).toEqual([]);
  });
});

describe("the finalizer", () => {
  const canaryOf = (revertOnDeletion: boolean, finalizers: readonly string[], deleting: boolean): Canary => {
    const canary = aCanary();
    return { ...canary, spec: { ...canary.spec, revertOnDeletion }, finalizers, deleting };
  };

  it.each([
    ["is put on when it is asked for", true, [], false, "written", ["put on"]],
    ["stays as it is asked for", true, [FINALIZER], false, "unchanged", []],
    ["is taken off when it is asked for no more", false, [FINALIZER], false, "written", ["taken off"]],
    ["is taken off also of one that leaves: it goes as it is", false, [FINALIZER], true, "written", ["taken off"]],
    ["is not put on one that leaves", true, [], true, "leaves", []],
    ["of others is not ours to serve", false, ["other.example.com/keep"], true, "leaves", []],
  ] as const)("%s", async (_what, wanted, finalizers, deleting, outcome, expected) => {
    const { done, ports } = stage();
    expect(await ensureFinalizer(canaryOf(wanted, finalizers, deleting), ports, NOT_ABORTED)).toBe(outcome);
    expect(done).toEqual(expected);
  });
});
