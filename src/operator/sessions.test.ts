import { describe, expect, it } from "vitest";
import { createSessions } from "./sessions.ts";

const podinfo = { namespace: "test", name: "podinfo" };
const other = { namespace: "other", name: "podinfo" };

describe("the session of a Canary", () => {
  it("keeps the slots of all modules apart, and those of other Canaries", () => {
    const sessions = createSessions();
    const [numbers, texts] = [sessions.slot<number>(), sessions.slot<string>()];
    numbers.set(podinfo, 1);
    texts.set(podinfo, "one");
    numbers.set(other, 2);
    expect([numbers.get(podinfo), texts.get(podinfo), numbers.get(other), texts.get(other)]).toEqual([
      1,
      "one",
      2,
      undefined,
    ]);
  });

  it("is forgotten as a whole, with what modules keep elsewhere", () => {
    const sessions = createSessions();
    const [numbers, texts] = [sessions.slot<number>(), sessions.slot<string>()];
    const left: string[] = [];
    sessions.onForget(({ namespace }) => left.push(namespace));
    numbers.set(podinfo, 1);
    texts.set(podinfo, "one");
    numbers.set(other, 2);
    sessions.forget(podinfo);
    expect([numbers.get(podinfo), texts.get(podinfo), numbers.get(other)]).toEqual([undefined, undefined, 2]);
    expect([sessions.size, left]).toEqual([1, ["test"]]);
  });

  it("ends when its last slot is emptied", () => {
    const sessions = createSessions();
    const numbers = sessions.slot<number>();
    numbers.set(podinfo, 1);
    numbers.delete(podinfo);
    expect(sessions.size).toBe(0);
  });
});
