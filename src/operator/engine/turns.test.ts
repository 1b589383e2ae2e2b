import { expect, it } from "vitest";
import type { CanaryRef } from "../../core/spec/spec.ts";
import { ReadFailure } from "../cluster/read-failure.ts";
import type { Ports } from "../reconcile/reconcile.ts";
import { createSessions } from "../sessions.ts";
import type { Complaints } from "./complaints.ts";
import { createTurns } from "./turns.ts";

/** Turns that fail with the error, and what they say and wake. */
function turnsThatFail(error: Error) {
  const woken: CanaryRef[] = [];
  const said: string[] = [];
  const store = {
    load: () => {
      throw error;
    },
  };
  const complaints = { unreadable: (key: string) => void said.push(key) };
  const turns = createTurns({
    ports: { store } as unknown as Ports,
    complaints: complaints as unknown as Complaints,
    wake: (ref) => void woken.push(ref),
    sessions: createSessions(),
  });
  const take = (key: string) => turns.take(key, new AbortController().signal);
  return { take, woken, said };
}

it("a Canary whose objects cannot be read yet waits for them without another turn, and is woken once", async () => {
  let fill = () => {};
  const filled = new Promise<void>((resolve) => {
    fill = resolve;
  });
  const { take, woken, said } = turnsThatFail(new ReadFailure("deployments are not listed yet", filled));
  // An edit of the Canary asks for turns in between.
  for (let turn = 0; turn < 3; turn += 1) expect(await take("test/podinfo")).toBeUndefined();
  expect(await take("test/other")).toBeUndefined();
  expect([woken, said.length]).toEqual([[], 4]);
  fill();
  await filled;
  expect(woken).toEqual([
    { namespace: "test", name: "podinfo" },
    { namespace: "test", name: "other" },
  ]);
});

it("a Canary that was woken waits again when its objects went away again", async () => {
  const { take, woken } = turnsThatFail(new ReadFailure("deployments are not listed yet", Promise.resolve()));
  for (let turn = 1; turn <= 2; turn += 1) {
    await take("test/podinfo");
    expect(woken).toHaveLength(turn);
  }
});

it("a Canary that does not fit into memory says so, takes no turn, and looks for room after a minute", async () => {
  const said: string[] = [];
  let why: string | undefined = "its namespace stores too much";
  const loads: unknown[] = [];
  const store = { load: (ref: CanaryRef) => void loads.push(ref) };
  const turns = createTurns({
    ports: { store, clock: { now: () => 1000 }, forget: () => undefined } as unknown as Ports,
    complaints: { leftOut: (...args: string[]) => said.push(args.join(": ")), settled: () => undefined } as never,
    wake: () => undefined,
    sessions: createSessions(),
    leftOut: async () => why,
  });
  const { signal } = new AbortController();
  expect(await turns.take("test/podinfo", signal)).toEqual({ kind: "at", time: 61_000 });
  expect([said, loads]).toEqual([["test/podinfo: its namespace stores too much"], []]);
  why = undefined;
  expect(await turns.take("test/podinfo", signal)).toEqual({ kind: "forget" });
  expect(loads).toEqual([{ namespace: "test", name: "podinfo" }]);
});

it("a failure that no cache ends is thrown, so that the turn is taken again after a while", async () => {
  const { take, woken } = turnsThatFail(new ReadFailure("the answer has no items"));
  await expect(take("test/podinfo")).rejects.toThrow("the answer has no items");
  expect(woken).toEqual([]);
});
