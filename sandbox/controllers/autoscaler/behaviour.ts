/** `spec.behavior`: how fast an autoscaler may follow what its metrics propose. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

export interface Recommendation {
  /** When it was made last. */
  readonly at: number;
  readonly replicas: number;
}

/** One change of size: positive when growing. */
export interface ScaleChange {
  readonly at: number;
  readonly delta: number;
}

export interface Memory {
  /** Newest last. */
  readonly recommendations: readonly Recommendation[];
  readonly changes: readonly ScaleChange[];
}

export interface Bounded {
  readonly replicas: number;
  /** Why less was done than proposed; undefined: nothing held it back. */
  readonly held?: "ScaleUpStabilized" | "ScaleDownStabilized" | "ScaleUpLimit" | "ScaleDownLimit";
}

const UP = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Percent", value: 100, periodSeconds: 15 },
    { type: "Pods", value: 4, periodSeconds: 15 },
  ],
};
const DOWN = {
  stabilizationWindowSeconds: 300,
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

/** No recommendation or change is remembered longer than any window can be. */
export const MEMORY_MS = 3_600_000;

/**
 * What was recommended so far, and now `replicas`. Of each number the latest time is enough, because windows ask for
 * the lowest and the highest: an autoscaler at rest remembers one recommendation, and not one for each second.
 */
export function recommended(past: readonly Recommendation[], replicas: number, now: number): readonly Recommendation[] {
  const others = past.filter((each) => each.replicas !== replicas && each.at > now - MEMORY_MS);
  return [...others, { at: now, replicas }];
}

/** @param proposed what the metrics ask for @param now milliseconds since 1970 */
export function bounded(behavior: KubeFields, current: number, proposed: number, memory: Memory, now: number): Bounded {
  const up = { ...UP, ...behavior?.scaleUp };
  const down = { ...DOWN, ...behavior?.scaleDown };
  const recent = (seconds: number) =>
    memory.recommendations.filter(({ at }) => at > now - seconds * 1000).map(({ replicas }) => replicas);
  const lowest = Math.min(proposed, ...recent(up.stabilizationWindowSeconds));
  const highest = Math.max(proposed, ...recent(down.stabilizationWindowSeconds));
  // Growing waits for the lowest of the recent proposals, shrinking for the highest.
  const stable = Math.min(Math.max(current, lowest), highest);
  if (stable > current) {
    const limit = upperLimit(up, current, memory.changes, now);
    if (stable > limit) return { replicas: Math.max(current, limit), held: "ScaleUpLimit" };
  } else if (stable < current) {
    const limit = lowerLimit(down, current, memory.changes, now);
    if (stable < limit) return { replicas: Math.min(current, limit), held: "ScaleDownLimit" };
  }
  if (stable === proposed) return { replicas: stable };
  return { replicas: stable, held: proposed > stable ? "ScaleUpStabilized" : "ScaleDownStabilized" };
}

function upperLimit(rules: KubeFields, current: number, changes: readonly ScaleChange[], now: number): number {
  if (rules.selectPolicy === "Disabled") return current;
  const limits = (rules.policies as KubeFields[]).map(({ type, value, periodSeconds }) => {
    const grown = sum(changes, periodSeconds, now, (delta) => Math.max(0, delta));
    const before = current - grown;
    return type === "Pods" ? before + value : Math.ceil(before * (1 + value / 100));
  });
  return rules.selectPolicy === "Min" ? Math.min(...limits) : Math.max(...limits);
}

function lowerLimit(rules: KubeFields, current: number, changes: readonly ScaleChange[], now: number): number {
  if (rules.selectPolicy === "Disabled") return current;
  const limits = (rules.policies as KubeFields[]).map(({ type, value, periodSeconds }) => {
    const shrunk = sum(changes, periodSeconds, now, (delta) => Math.max(0, -delta));
    const before = current + shrunk;
    return type === "Pods" ? before - value : Math.floor(before * (1 - value / 100));
  });
  return rules.selectPolicy === "Min" ? Math.max(...limits) : Math.min(...limits);
}

function sum(changes: readonly ScaleChange[], seconds: number, now: number, part: (delta: number) => number): number {
  return changes.filter(({ at }) => at > now - seconds * 1000).reduce((total, { delta }) => total + part(delta), 0);
}
