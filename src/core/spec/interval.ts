/** The analysis interval, and the times that follow from it: how long a drain is, and when a wait is announced. */
import { parseDuration } from "../../go/duration.ts";
import type { CanarySpec } from "./spec.ts";

const ONE_MINUTE = 60_000;

/** `analysis.interval` in milliseconds; one minute when it is empty or no duration. */
export function intervalOrDefault(text: string): number {
  const parsed = parseDuration(text);
  return typeof parsed === "number" && text !== "" ? parsed : ONE_MINUTE;
}

/** No drain is longer, however long the analysis interval is. */
export const LONGEST_DRAIN_MS = 5_000;

/**
 * How long a workload that lost its traffic is kept: proxies learn of new routes a moment after they are written.
 * Milliseconds; a fifth of the analysis interval when that is shorter, so that drains hardly lengthen a rollout.
 */
export function drainOf(intervalMs: number): number {
  return Math.min(LONGEST_DRAIN_MS, intervalMs / 5);
}

/**
 * How long a workload may take to become ready before the operator announces the wait, in milliseconds: an analysis
 * interval (Flagger looks for the first time after that), a minute at most. It is half of the deadline at most, because
 * the deadline counts from the last announcement.
 */
export function patienceOf({ analysis, progressDeadlineSeconds }: CanarySpec): number {
  return Math.min(analysis.intervalMs, ONE_MINUTE, progressDeadlineSeconds * 500);
}
