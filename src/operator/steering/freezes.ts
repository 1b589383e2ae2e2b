/**
 * Finds the CanaryFreeze that is in force for a Canary now, and when that changes. A freeze has a span of time, windows
 * by schedule, a scope, and labels.
 */
import { Cron } from "croner";
import type { Freeze } from "../../core/people/steering.ts";
import type { CanaryRef } from "../../core/spec/spec.ts";
import { earliest } from "../../core/turn/earliest.ts";
import { parseDuration } from "../../go/duration.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { CanaryFreezeSpec } from "../../ports/steering.ts";

/** The freeze that counts for one Canary now. */
export interface Frozen {
  readonly freeze?: Freeze;
  /** When a freeze begins or ends, and another turn is due. Milliseconds since the epoch. */
  readonly recheckAt?: number;
}

interface Span {
  readonly from: number;
  /** undefined: until the object is deleted. */
  readonly until: number | undefined;
}

/**
 * Of several freezes that are in force, the one counts that no person has lifted, and that holds runs.
 * @param home the operator's own namespace: freezes of scope `cluster` count there alone
 * @param lifted names of the freezes that a person has overridden for this Canary
 */
export function frozenBy(
  ref: CanaryRef,
  labels: Readonly<Record<string, string>>,
  freezes: Pick<ObjectCache, "list">,
  home: string,
  now: number,
  lifted: readonly string[] = [],
): Frozen {
  const ofNamespace = freezes.list(ref.namespace).filter((object) => scopeOf(object) === "namespace");
  if (ofNamespace.length > MOST_FREEZES) return { freeze: tooMany(ofNamespace.length) };
  const ofCluster = freezes.list(home).filter((object) => scopeOf(object) === "cluster");
  const applying = [...ofNamespace, ...ofCluster].filter((object) => appliesTo(object, ref.name, labels));
  const spans = applying.flatMap((object) => spansOf(parsed(object), now).map((span) => ({ object, ...span })));
  const [present] = spans
    .filter(({ from, until }) => from <= now && (until === undefined || now < until))
    .sort((a, b) => precedenceOf(b.object, lifted) - precedenceOf(a.object, lifted));
  const recheckAt = earliest(...spans.flatMap(({ from, until }) => [from, until ?? 0]).filter((time) => time > now));
  return {
    ...(present === undefined ? {} : { freeze: freezeFrom(present.object, present.until) }),
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}

/** Freezes that no person has lifted come first, and of them those that hold runs. */
function precedenceOf(object: KubeObject, lifted: readonly string[]): number {
  const { runs } = object.spec as CanaryFreezeSpec;
  return (lifted.includes(nameOf(object)) ? 0 : 2) + (runs === "hold" ? 1 : 0);
}

/** A freeze of the cluster is named with its namespace: one of the Canary's own namespace may have the same name. */
const nameOf = (object: KubeObject): string =>
  scopeOf(object) === "cluster" ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name;

/**
 * Every freeze makes every turn slower. A namespace with more freezes than this is frozen as a whole, so that no freeze
 * is ignored.
 */
const MOST_FREEZES = 200;

const tooMany = (count: number): Freeze => ({
  ...{ name: "too many", by: "aviary", runs: "finish" },
  reason: `the namespace has ${count} freezes, and ${MOST_FREEZES} can be read: delete those that are over`,
});

/** Whether a CanaryFreeze concerns its own namespace, or every namespace. */
export const scopeOf = ({ spec }: KubeObject): "namespace" | "cluster" =>
  (spec as CanaryFreezeSpec).scope === "cluster" ? "cluster" : "namespace";

function appliesTo({ spec }: KubeObject, name: string, labels: Readonly<Record<string, string>>): boolean {
  const { canaries = [], selector } = spec as CanaryFreezeSpec;
  if (canaries.length > 0 && !canaries.includes(name)) return false;
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

/**
 * A parsed freeze. Objects of a cache never change, so each is parsed once, and not at every turn.
 */
interface ParsedFreeze {
  readonly whole: Span;
  /**
   * Absent: the freeze is in force for its whole span. "unreadable": it freezes nothing, as `aviary lint` and the
   * schema say beforehand.
   */
  readonly windows?: Windows | "unreadable";
}

interface Windows {
  readonly cron: Cron;
  readonly lastsMs: number;
  /**
   * The windows that were found last. The schedule is searched again when a window begins or ends, and not at every
   * turn.
   */
  found?: { readonly windows: readonly Window[]; readonly from: number; readonly until: number };
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

class NeverComes extends RangeError {
  constructor(schedule: string) {
    super(`the schedule "${schedule}" never comes`);
  }
}

/**
 * The Cron object only computes times; it runs nothing.
 * @throws Error when the schedule cannot be read, or never comes
 */
function cronOf(schedule: string, timezone = "UTC"): Cron {
  // A question mark would stand for the moment at which the schedule is parsed.
  if (schedule.includes("?")) throw new RangeError("a schedule has no question mark");
  if (neverComes(schedule)) throw new NeverComes(schedule);
  return new Cron(schedule, { timezone, paused: true, mode: "5-part" });
}

/** The longest that each month can be. */
const MONTH_LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MONTH_NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * Whether the days of the month that a schedule names are in none of its months, as in "0 0 31 2 *". Croner would
 * search such a day through thousands of years, and block the event loop meanwhile. @throws RangeError for months that
 * cannot be read
 */
function neverComes(schedule: string): boolean {
  const [, , days = "*", months = "*", weekdays = "*"] = schedule.trim().split(/\s+/);
  const first = Math.min(...days.split(",").map((part) => Number(/^\d+/.exec(part)?.[0] ?? 1)));
  const longest = Math.max(
    ...months
      .split(",")
      .flatMap(monthsOf)
      .map((month) => MONTH_LENGTHS[month - 1] ?? 0),
  );
  // A day of the week counts beside the days of the month, unless a plus sign makes both necessary.
  return first > longest && (weekdays === "*" || weekdays.startsWith("+"));
}

/** Of "*", "2", "feb", "2-4", "2/3" or "2-12/5". */
function monthsOf(part: string): readonly number[] {
  const [, from = "", to, step = "1"] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part.toLowerCase()) ?? [];
  const begin = from === "*" ? 1 : monthOf(from);
  const open = from === "*" || (to === undefined && part.includes("/"));
  const end = open ? 12 : monthOf(to ?? from);
  if (Number(step) < 1) throw new RangeError(`"${part}" is no month`);
  return MONTH_LENGTHS.map((_, i) => i + 1).filter(
    (month) => begin <= month && month <= end && (month - begin) % Number(step) === 0,
  );
}

function monthOf(text: string): number {
  const month = /^\d+$/.test(text) ? Number(text) : MONTH_NAMES.indexOf(text) + 1;
  if (month < 1 || month > 12) throw new RangeError(`"${text}" is no month`);
  return month;
}

/** The present window, or else the next one; undefined when there is none. */
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
    return next === null ? new NeverComes(schedule).message : undefined;
  } catch (error) {
    if (error instanceof NeverComes) return error.message;
    return `"${schedule}" is no schedule: use five fields of cron, such as "0 18 * * 5" for Friday, 18:00`;
  }
}

/** The present window and the next one, within `from` and `until`. */
function spansOf({ whole, windows }: ParsedFreeze, now: number): readonly Span[] {
  if (windows === undefined) return [whole];
  if (windows === "unreadable") return [];
  return windowsAt(windows, now).flatMap((window) => {
    const begins = Math.max(window.from, whole.from);
    const ends = Math.min(window.until, whole.until ?? Number.POSITIVE_INFINITY);
    return begins < ends ? [{ from: begins, until: ends }] : [];
  });
}

interface Window {
  readonly from: number;
  readonly until: number;
}

function windowsAt(of: Windows, now: number): readonly Window[] {
  const { found } = of;
  if (found !== undefined && found.from <= now && now < found.until) return found.windows;
  const windows = windowsOf(of, now);
  const changes = windows.flatMap(({ from, until }) => [from, until]).filter((time) => time > now);
  of.found = { windows, from: now, until: Math.min(...changes) };
  return windows;
}

function windowsOf({ cron, lastsMs }: Windows, now: number): readonly Window[] {
  try {
    // The first one that is not over yet, and the one after: windows of one schedule may overlap.
    const first = cron.nextRun(new Date(now - lastsMs));
    const second = first === null ? null : cron.nextRun(new Date(Math.max(now, first.getTime())));
    const windows = [first, second].flatMap((begin) => (begin === null ? [] : [begin.getTime()]));
    return windows.map((begin) => ({ from: begin, until: begin + lastsMs }));
  } catch {
    // Croner notices an unknown time zone when the first time is asked for.
    return [];
  }
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}

function freezeFrom(object: KubeObject, until: number | undefined): Freeze {
  const { by, reason, runs = "finish" } = object.spec as CanaryFreezeSpec;
  return {
    ...{ name: nameOf(object), by, runs },
    ...(reason === undefined ? {} : { reason }),
    ...(until === undefined ? {} : { until }),
  };
}
