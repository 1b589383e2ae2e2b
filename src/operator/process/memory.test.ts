import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { limitProblem, type MemoryReading, memoryProblem, readContainerLimit } from "./memory.ts";

const MiB = 2 ** 20;
const reading = (parts: Partial<MemoryReading>): MemoryReading => ({
  ...{ heap: 100 * MiB, heapLimit: 390 * MiB, resident: 200 * MiB, containerLimit: 512 * MiB, ...parts },
});

describe("the memory of the operator", () => {
  it.each([
    [{}, undefined],
    [{ containerLimit: undefined, heapLimit: 4096 * MiB }, undefined],
    [{ heapLimit: 260 * MiB }, "memory is left unused: set NODE_OPTIONS=--max-old-space-size=384"],
    [{ heapLimit: 2096 * MiB }, "killed before the heap is full: set NODE_OPTIONS=--max-old-space-size=384"],
  ] as const)("with limits of %j: %s", (parts, problem) => {
    if (problem === undefined) expect(limitProblem(reading(parts))).toBeUndefined();
    else expect(limitProblem(reading(parts))).toContain(problem);
  });

  it.each([
    [{}, undefined],
    [{ heap: 340 * MiB }, "the heap is nearly full: 340 of 390 MiB: raise"],
    [{ resident: 470 * MiB }, "the container's memory is nearly used up: 470 of 512 MiB: raise"],
    [{ resident: 4700 * MiB, containerLimit: undefined }, undefined],
  ] as const)("with %j in use: %s", (parts, problem) => {
    if (problem === undefined) expect(memoryProblem(reading(parts))).toBeUndefined();
    else expect(memoryProblem(reading(parts))).toContain(problem);
  });

  it("is limited by the cgroup, in both versions, or not at all", async () => {
    const folder = await mkdtemp(join(tmpdir(), "aviary-memory-"));
    const file = join(folder, "limit");
    const limits: unknown[] = [];
    for (const text of ["536870912\n", "max\n", "9223372036854771712\n"]) {
      await writeFile(file, text);
      limits.push(readContainerLimit([join(folder, "missing"), file]));
    }
    expect(limits).toEqual([512 * MiB, undefined, undefined]);
    await rm(folder, { recursive: true });
  });
});
