/**
 * Checks whether the operator's memory fits its container. An operator that is killed for its memory cannot log the
 * reason, so it warns before its memory is used up.
 */
import { readFileSync } from "node:fs";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Log } from "../../ports/log.ts";

/** All in bytes. */
export interface MemoryReading {
  /** In use after a full garbage collection. */
  readonly heap: number;
  readonly heapLimit: number;
  readonly resident: number;
  /** undefined: the container has no limit. */
  readonly containerLimit: number | undefined;
}

const HEAP_SHARE = 0.85;
const CONTAINER_SHARE = 0.9;
/** The share of a container that V8 may use. The rest is for buffers, code and stacks. */
const FITTING_SHARE = 0.75;

const mebi = (bytes: number): number => Math.round(bytes / 2 ** 20);

/** What is wrong with the limits; undefined when they fit. */
export function limitProblem({ heapLimit, containerLimit }: MemoryReading): string | undefined {
  if (containerLimit === undefined) return undefined;
  const fitting = Math.floor(mebi(containerLimit) * FITTING_SHARE);
  const advice = `set NODE_OPTIONS=--max-old-space-size=${fitting}`;
  const limits = `the heap may grow to ${mebi(heapLimit)} MiB, the container to ${mebi(containerLimit)} MiB`;
  // V8 adds its young generation to what is asked for, hence the tolerance.
  if (heapLimit > containerLimit * 0.95) return `${limits}: the container is killed before the heap is full: ${advice}`;
  return heapLimit < containerLimit * 0.6 ? `${limits}: memory is left unused: ${advice}` : undefined;
}

/** Why the operator may die soon; undefined when there is room. */
export function memoryProblem({ heap, heapLimit, resident, containerLimit }: MemoryReading): string | undefined {
  const remedy = "raise the memory limit and --max-old-space-size, or watch fewer namespaces (-namespace)";
  if (heap > heapLimit * HEAP_SHARE) {
    return `the heap is nearly full: ${mebi(heap)} of ${mebi(heapLimit)} MiB: ${remedy}`;
  }
  if (containerLimit !== undefined && resident > containerLimit * CONTAINER_SHARE) {
    return `the container's memory is nearly used up: ${mebi(resident)} of ${mebi(containerLimit)} MiB: ${remedy}`;
  }
  return undefined;
}

/** 0 when the system does not tell, e.g. without /proc. Then only the figures of the heap are checked. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/**
 * Logs at once what is wrong with the limits, and later, each time that memory runs low. @returns a function that stops
 * the watch
 */
export function watchMemory(log: Log): () => void {
  const containerLimit = readContainerLimit();
  const read = (): MemoryReading => {
    const { used_heap_size: heap, heap_size_limit: heapLimit } = getHeapStatistics();
    return { heap, heapLimit, resident: residentBytes(), containerLimit };
  };
  const wrong = limitProblem(read());
  if (wrong !== undefined) log.warn({}, wrong);
  let warned = false;
  const look = () => {
    const problem = memoryProblem(read());
    if (problem !== undefined && !warned) log.error({}, problem);
    warned = problem !== undefined;
  };
  const collections = new PerformanceObserver((list) => {
    const isFull = (entry: object) =>
      "detail" in entry && (entry.detail as { kind?: number }).kind === constants.NODE_PERFORMANCE_GC_MAJOR;
    if (list.getEntries().some(isFull)) look();
  });
  collections.observe({ entryTypes: ["gc"] });
  return () => collections.disconnect();
}

const LIMIT_FILES = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
/** Without a limit, version 1 of cgroups reports a number that is larger than the memory of any machine. */
const NO_LIMIT = 2 ** 50;

export function readContainerLimit(files: readonly string[] = LIMIT_FILES): number | undefined {
  for (const file of files) {
    try {
      const bytes = Number(readFileSync(file, "utf8").trim());
      return Number.isFinite(bytes) && bytes < NO_LIMIT ? bytes : undefined;
    } catch {
      // The other version of cgroups, or no Linux.
    }
  }
  return undefined;
}
