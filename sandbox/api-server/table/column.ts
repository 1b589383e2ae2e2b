/** What columns are made of. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description: string;
  /** 0 always, 1 only with `-o wide`. */
  readonly priority?: number;
  cell(object: KubeObject, nowMs: number): unknown;
}

/** "age" stands for the usual Age column. */
export type ColumnList = readonly (Column | "age")[];

export const NONE = "<none>";
export const UNKNOWN = "<unknown>";
export const UNSET = "<unset>";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** "3m5s", "2d4h": two units while the greater one is small, as kubectl prints ages. */
export function duration(ms: number): string {
  const whole = (unit: number) => Math.floor(ms / unit);
  const pair = (unit: number, letter: string, small: number, smallLetter: string) => {
    const rest = Math.floor((ms % unit) / small);
    return rest === 0 ? `${whole(unit)}${letter}` : `${whole(unit)}${letter}${rest}${smallLetter}`;
  };
  if (ms < -SECOND) return "<invalid>";
  if (ms < 0) return "0s";
  if (ms < 2 * MINUTE) return `${whole(SECOND)}s`;
  if (ms < 10 * MINUTE) return pair(MINUTE, "m", SECOND, "s");
  if (ms < 3 * HOUR) return `${whole(MINUTE)}m`;
  if (ms < 8 * HOUR) return pair(HOUR, "h", MINUTE, "m");
  if (ms < 2 * DAY) return `${whole(HOUR)}h`;
  if (ms < 8 * DAY) return pair(DAY, "d", HOUR, "h");
  if (ms < 2 * YEAR) return `${whole(DAY)}d`;
  return ms < 8 * YEAR ? pair(YEAR, "y", DAY, "d") : `${whole(YEAR)}y`;
}

/** Time since a timestamp; `<unknown>` without one. */
export function ageOf(timestamp: string | undefined | null, nowMs: number): string {
  const then = timestamp ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(then) ? UNKNOWN : duration(nowMs - then);
}

/** Labels as "a=b,c=d". */
export function labelsText(labels: KubeFields): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? NONE : pairs.sort().join(",");
}

/** A column whose cell is text. */
export function text(
  name: string,
  description: string,
  cell: Column["cell"],
  options: Pick<Column, "priority" | "type"> | { priority?: number; type?: string } = {},
): Column {
  return { name, type: "string", description, cell, ...options };
}

/** A column that only `-o wide` shows. */
export function wide(name: string, description: string, cell: Column["cell"]): Column {
  return text(name, description, cell, { priority: 1 });
}
