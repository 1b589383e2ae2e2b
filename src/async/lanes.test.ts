import { describe, expect, it } from "vitest";
import { createLanes } from "./lanes.ts";

describe("lanes", () => {
  it("are served in turns, each one in order", () => {
    const lanes = createLanes<string>();
    for (const entry of ["a1", "a2", "a3"]) lanes.push("a", entry);
    lanes.push("b", "b1");
    lanes.push("c", "c1");
    const served = Array.from({ length: 5 }, () => lanes.shift()?.entry);
    expect(served).toEqual(["a1", "b1", "c1", "a2", "a3"]);
    expect([lanes.size, lanes.shift()]).toEqual([0, undefined]);
  });

  it("let an entry of a quiet lane wait for one entry of a noisy lane at most", () => {
    const lanes = createLanes<number>();
    for (let entry = 0; entry < 1000; entry += 1) lanes.push("noisy", entry);
    lanes.shift();
    lanes.push("quiet", -1);
    expect([lanes.shift()?.lane, lanes.shift()?.lane]).toContain("quiet");
  });

  it("are skipped while they are not free", () => {
    const lanes = createLanes<string>();
    lanes.push("a", "a1");
    lanes.push("b", "b1");
    expect(lanes.shift((lane) => lane !== "a")).toEqual({ lane: "b", entry: "b1" });
    expect(lanes.shift((lane) => lane !== "a")).toBeUndefined();
    expect(lanes.sizeOf("a")).toBe(1);
  });

  it("drop an entry that is removed, and the oldest entry of the longest lane", () => {
    const lanes = createLanes<string>();
    for (const entry of ["a1", "a2", "a3"]) lanes.push("a", entry);
    lanes.push("b", "b1");
    expect([lanes.remove("a", "a2"), lanes.remove("a", "a2")]).toEqual([true, false]);
    expect(lanes.dropLongest()).toEqual({ lane: "a", entry: "a1" });
    expect(lanes.size).toBe(2);
  });
});
