/** Which CanaryFreeze stands for a Canary now, and when that changes: spans of time, windows by schedule, scope and labels. */
import { Cron } from "croner";
import type { CanaryRef } from "../../core/canary.ts";
import type { Freeze } from "../../core/steering.ts";
import { parseDuration } from "../../go/duration.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { CanaryFreezeSpec } from "../../ports/steering.ts";

export interface Frozen {
  readonly freeze?: Freeze;
  /** When a freeze begins or ends, milliseconds since the epoch: look again then. */
  readonly recheckAt?: number;
}

interface Span {
  readonly from: number;
  /** undefined: until the object is deleted. */
  readonly until: number | undefined;
}

/** @param home the operator's own namespace: freezes of scope `cluster` count there alone */
export function frozenBy(
  ref: CanaryRef,
  labels: Readonly<Record<string, string>>,
  freezes: ObjectCache,
  home: string,
  now: number,
): Frozen {
  const near = freezes.list(ref.namespace).filter((object) => scopeOf(object) === "namespace");
  const wide = freezes.list(home).filter((object) => scopeOf(object) === "cluster");
  const concerned = [...near, ...wide].filter((object) => concerns(object, ref.name, labels));
  const spans = concerned.flatMap((object) => spansOf(parsed(object), now).map((span) => ({ object, ...span })));
  const present = spans.find(({ from, until }) => from <= now && (until === undefined || now < until));
  const times = spans.flatMap(({ from, until }) => [from, until ?? 0]).filter((time) => time > now);
  return {
    ...(present === undefined ? {} : { freeze: freezeFrom(present.object, present.until) }),
    ...(times.length === 0 ? {} : { recheckAt: Math.min(...times) }),
  };
}

export const scopeOf = ({ spec }: KubeObject): "namespace" | "cluster" =>
  (spec as CanaryFreezeSpec).scope === "cluster" ? "cluster" : "namespace";

function concerns({ spec }: KubeObject, name: string, labels: Readonly<Record<string, string>>): boolean {
  const { canaries = [], selector } = spec as CanaryFreezeSpec;
  if (canaries.length > 0 && !canaries.includes(name)) return false;
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

/** A freeze whose texts were read. Objects of a cache are never changed, so that each is read once and not at every turn. */
interface ParsedFreeze {
  readonly whole: Span;
  /** Absent: it stands for the whole span. "unreadable": it freezes nothing; `aviary lint` and the schema say so before. */
  readonly windows?: { readonly cron: Cron; readonly lastsMs: number } | "unreadable";
}

const PARSED = new WeakMap<KubeObject, ParsedFreeze>();

function parsed(object: KubeObject): ParsedFreeze {
  const known = PARSED.get(object) ?? parse(object.spec as CanaryFreezeSpec);
  PARSED.set(object, known);
  return known;
}

function parse({ from, until, schedule, duration, timeZone }: CanaryFreezeSpec): ParsedFreeze {
  const whole = { from: timeOf(from) ?? 0, until: timeOf(until) };
  if (schedule === undefined || duration === undefined) return { whole };
  const lastsMs = parseDuration(duration);
  if (typeof lastsMs !== "number" || lastsMs <= 0) return { whole, windows: "unreadable" };
  try {
    return { whole, windows: { cron: cronOf(schedule, timeZone), lastsMs } };
  } catch {
    return { whole, windows: "unreadable" };
  }
}

/** It only tells times, and runs nothing. @throws Error when the schedule cannot be read */
function cronOf(schedule: string, timezone = "UTC"): Cron {
  return new Cron(schedule, { timezone, paused: true, mode: "5-part" });
}

/** The window that stands, or else the next one; undefined when none will come. */
export function nextWindow(spec: CanaryFreezeSpec, now: number): { readonly from: number } | undefined {
  return spansOf(parse(spec), now).at(0);
}

/** Why a schedule cannot be used; undefined when it can. */
export function scheduleProblem(schedule: string, timeZone = "UTC"): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    return `"${timeZone}" is no time zone: use a name such as Europe/Berlin`;
  }
  try {
    const next = cronOf(schedule, timeZone).nextRun();
    return next === null ? `the schedule "${schedule}" never comes` : undefined;
  } catch {
    return `"${schedule}" is no schedule: use five fields of cron, such as "0 18 * * 5" for Friday, 18:00`;
  }
}

/** The window that stands and the next one, within `from` and `until`. */
function spansOf({ whole, windows }: ParsedFreeze, now: number): readonly Span[] {
  if (windows === undefined) return [whole];
  if (windows === "unreadable") return [];
  return windowsOf(windows.cron, windows.lastsMs, now).flatMap((window) => {
    const begins = Math.max(window.from, whole.from);
    const ends = Math.min(window.until, whole.until ?? Number.POSITIVE_INFINITY);
    return begins < ends ? [{ from: begins, until: ends }] : [];
  });
}

interface Window {
  readonly from: number;
  readonly until: number;
}

function windowsOf(cron: Cron, lastsMs: number, now: number): readonly Window[] {
  try {
    // The first one that is not over yet, and the one after: windows of one schedule may overlap.
    const first = cron.nextRun(new Date(now - lastsMs));
    const second = first === null ? null : cron.nextRun(new Date(Math.max(now, first.getTime())));
    const windows = [first, second].flatMap((begin) => (begin === null ? [] : [begin.getTime()]));
    return windows.map((begin) => ({ from: begin, until: begin + lastsMs }));
  } catch {
    return []; // an unknown time zone is noticed when the first time is asked for
  }
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}

function freezeFrom({ metadata, spec }: KubeObject, until: number | undefined): Freeze {
  const { by, reason, runs = "finish" } = spec as CanaryFreezeSpec;
  return {
    ...{ name: metadata.name, by, runs },
    ...(reason === undefined ? {} : { reason }),
    ...(until === undefined ? {} : { until }),
  };
}
