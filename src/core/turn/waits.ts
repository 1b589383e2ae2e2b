/** Waits that end by time (ADR 0012): how they are made, when they are over, and how they are stored. */
import type { Wait } from "../phases/positions.ts";

/** There is nothing to wait for. */
export const NO_WAIT: Wait = { kind: "none" };

/** A wait that ends by time. @param at milliseconds since the epoch */
export function waitUntil(at: number): Wait {
  return { kind: "until", at };
}

/** Whether the wait has ended. A wait that counts from the routes has no end yet. */
export function isOver(wait: Wait, now: number): boolean {
  return wait.kind === "none" || (wait.kind === "until" && wait.at <= now);
}

/** When a wait ends by time alone; undefined when it does not. */
export function endOf(wait: Wait): number | undefined {
  return wait.kind === "until" ? wait.at : undefined;
}

/** When a wait ends at the earliest; one that counts from the routes may end later. 0 without a wait. */
export function earliestEnd(wait: Wait): number {
  if (wait.kind === "none") return 0;
  return wait.kind === "until" ? wait.at : wait.notBefore;
}

/** When a wait of `ms` began; for one that counts from the routes, when it would have begun without them. */
export function startOf(wait: Wait, ms: number): number {
  return wait.kind === "none" ? 0 : earliestEnd(wait) - ms;
}

/**
 * A wait lasts `ms` from when the routes are in force, and no less than it was promised before. While the routes are
 * not in force it has no end: an end that moved on at every turn would be written at every turn.
 * @returns the very wait that went in when nothing changed
 */
export function countedFromRoutes(wait: Wait, ms: number, routesInForce: boolean, now: number): Wait {
  if (wait.kind === "after-routes") return routesInForce ? waitUntil(Math.max(wait.notBefore, now + ms)) : wait;
  return routesInForce ? wait : { kind: "after-routes", notBefore: Math.max(endOf(wait) ?? 0, now) };
}

/** Releases before the union stored a wait that counts from the routes as an end a century ahead. */
const CENTURY_MS = 3_155_760_000_000;

/** @param afterRoutes whether it counts from the routes, as newer releases say beside the time */
export function readWait(time: number | undefined, afterRoutes: boolean | undefined): Wait {
  if (time === undefined) return NO_WAIT;
  if (afterRoutes === true) return { kind: "after-routes", notBefore: time };
  if (time >= CENTURY_MS) return { kind: "after-routes", notBefore: time - CENTURY_MS };
  return time > 0 ? waitUntil(time) : NO_WAIT;
}

/** The stored form of a wait. */
export function writeWait(wait: Wait): { readonly time: number; readonly afterRoutes?: true } {
  if (wait.kind === "after-routes") return { time: wait.notBefore, afterRoutes: true };
  return { time: endOf(wait) ?? 0 };
}
