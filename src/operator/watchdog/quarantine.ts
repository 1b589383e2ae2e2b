/**
 * Canaries whose turn blocked the operator. They are left alone for a while. The list is a file, because the blocked
 * process ends: the next process in the same place (in Kubernetes: the next container of the Pod) reads it.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Log } from "../../ports/log.ts";

export interface QuarantineEntry {
  /** namespace/name */
  readonly canary: string;
  /** How often it blocked the operator. */
  readonly strikes: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Where in the program it was stuck, for people. */
  readonly where: string;
}

export interface Quarantine {
  /**
   * Whether, and until when, the Canary is left alone: until it is changed, or its time is over.
   * @param version changes with the spec, and with a Canary that is deleted and made again
   */
  held(canary: string, version: string, now: number): { readonly until: number; readonly where: string } | undefined;
  /** For a metric. */
  readonly size: number;
}

const FIRST_MS = 3_600_000;
const LONGEST_MS = 24 * FIRST_MS;

/** How long a Canary is left alone, in milliseconds: twice as long after each strike, a day at most. */
export function quarantineMs(strikes: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(10, Math.max(0, strikes - 1)));
}

/** @returns an empty list when there is no such file; a file that cannot be read is logged and ignored */
export function readQuarantine(file: string, log: Log): readonly QuarantineEntry[] {
  try {
    const entries: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      log.warn({ file, err: error }, "cannot read the quarantine");
    return [];
  }
}

/** Adds a strike. Used by the watchdog's thread as well: everything is synchronous. */
export function addStrike(entries: readonly QuarantineEntry[], canary: string, where: string, at: number) {
  const before = entries.find((entry) => entry.canary === canary);
  const others = entries.filter((entry) => entry.canary !== canary);
  return [...others, { canary, where, at, strikes: (before?.strikes ?? 0) + 1 }];
}

export function writeQuarantine(file: string, entries: readonly QuarantineEntry[]): void {
  const draft = `${file}.tmp`;
  // Another user may have put a file or a link there. It must not be written to.
  rmSync(draft, { force: true });
  writeFileSync(draft, JSON.stringify(entries), { mode: 0o600, flag: "wx" });
  renameSync(draft, file);
}

export function createQuarantine(entries: readonly QuarantineEntry[]): Quarantine {
  const known = new Map(entries.map((entry) => [entry.canary, entry]));
  /** The version of the Canary when it was first seen after the restart. */
  const versions = new Map<string, string>();
  return {
    held(canary, version, now) {
      const entry = known.get(canary);
      if (entry === undefined) return undefined;
      const first = versions.get(canary) ?? version;
      versions.set(canary, first);
      const until = entry.at + quarantineMs(entry.strikes);
      // A clock that was set back must not keep the Canary in quarantine for longer.
      const isOver = now >= until || now < entry.at - FIRST_MS;
      if (first === version && !isOver) return { until, where: entry.where };
      known.delete(canary);
      return undefined;
    },
    get size() {
      return known.size;
    },
  };
}

function isEntry(value: unknown): value is QuarantineEntry {
  if (typeof value !== "object" || value === null) return false;
  const { canary, strikes, at, where } = value as Partial<Record<keyof QuarantineEntry, unknown>>;
  return (
    typeof canary === "string" && typeof strikes === "number" && typeof at === "number" && typeof where === "string"
  );
}
