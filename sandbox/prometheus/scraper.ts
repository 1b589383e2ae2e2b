/**
 * Fetches the metrics of targets at an interval and writes them into the store, with Prometheus' rules for series that
 * end.
 */
import { Agent } from "undici";
import { withOwnSignal } from "../../src/async/own-signal.ts";
import { detached, expositionReader, labelSet } from "./exposition.ts";
import { fetchBlocks } from "./fetch-text.ts";
import type { Series, SeriesStore } from "./series-store.ts";

export interface ScraperOptions {
  readonly store: SeriesStore;
  /** URLs, e.g. "http://127.64.0.3:9100/metrics". Read anew for every scrape. */
  readonly targets: () => readonly string[];
  readonly intervalMs: number;
  /**
   * The interval when absent. It may be longer, which Prometheus refuses: a late answer skips the next scrapes instead
   * of ending all series, because a busy machine answers late for a moment.
   */
  readonly timeoutMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told when a scrape could not even begin (targets that are no URLs); a process warning when absent. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface TargetState {
  readonly url: string;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  /** Milliseconds since the epoch; 0 before the first scrape. */
  readonly lastScrape: number;
  readonly lastDurationMs: number;
}

export interface Scraper {
  /** Scrapes every target once, now. */
  scrape(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
  states(): readonly TargetState[];
}

export const JOB = "sandbox";

interface Target {
  readonly url: string;
  state: TargetState;
  /** Series as written -> where its samples go. */
  readonly known: Map<string, Series>;
  /** Series of the last scrape: those that the next one lacks have ended. */
  live: Set<Series>;
  /** What the last scrape found, when its page had an ETag: a sandbox at rest has the same page again. */
  last: Found | undefined;
  readonly own: (name: string) => Series;
}

/** The series of a page and their values, side by side. */
interface Found {
  readonly tag: string | undefined;
  readonly series: readonly Series[];
  readonly values: readonly number[];
}

const OWN_SERIES = ["up", "scrape_duration_seconds", "scrape_samples_scraped"];
const LARGEST_MIB = 64;
/** The part of an interval by which a scrape may be late and still count as in time. */
const TOLERANCE = 0.1;

export function createScraper(options: ScraperOptions): Scraper {
  const { store, intervalMs } = options;
  const now = options.now ?? Date.now;
  const log = options.log ?? ((line: string) => process.emitWarning(line));
  const timeoutMs = options.timeoutMs ?? intervalMs;
  const agent = new Agent({ connect: { timeout: timeoutMs }, keepAliveTimeout: intervalMs * 4 });
  const targets = new Map<string, Target>();
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const alignedTime = alignedTimes(now, intervalMs);

  const scrape = async (): Promise<void> => {
    const urls = new Set(options.targets());
    const at = alignedTime();
    for (const [url, target] of targets) {
      if (urls.has(url)) continue;
      targets.delete(url);
      endAll(target, at);
      for (const name of OWN_SERIES) target.own(name).samples.end(at);
    }
    const current = [...urls].map((url) => {
      const target = targets.get(url) ?? newTarget(store, url);
      targets.set(url, target);
      return target;
    });
    await Promise.all(current.map((target) => scrapeTarget(target, at)));
    store.forget(at);
  };

  const scrapeTarget = async (target: Target, at: number): Promise<void> => {
    const began = performance.now();
    let samples = 0;
    let failure = "";
    try {
      samples = await withOwnSignal(stopped.signal, async (own) => {
        const signal = AbortSignal.any([own, AbortSignal.timeout(timeoutMs)]);
        const page = await fetchBlocks(target.url, agent, { signal, largest: LARGEST_MIB, known: target.last?.tag });
        if (page.kind === "unchanged") return repeat(target, at);
        return write(store, target, page.tag, await read(target, page.blocks), at);
      });
    } catch (error) {
      if (stopped.signal.aborted) return;
      failure = error instanceof Error ? error.message || String(error.cause ?? error.name) : String(error);
      endAll(target, at);
    }
    const lastDurationMs = performance.now() - began;
    target.state = {
      ...target.state,
      health: failure === "" ? "up" : "down",
      lastError: failure,
      lastScrape: at,
      lastDurationMs,
    };
    target.own("up").samples.add(at, failure === "" ? 1 : 0);
    target.own("scrape_duration_seconds").samples.add(at, lastDurationMs / 1000);
    target.own("scrape_samples_scraped").samples.add(at, samples);
  };

  const loop = (due: number): void => {
    running = scrape().catch((error: unknown) =>
      log(`cannot scrape: ${error instanceof Error ? error.message : error}`),
    );
    void running.then(() => {
      if (stopped.signal.aborted) return;
      // Turns that would already be past are left out, as Prometheus does.
      const behind = Math.max(0, Math.floor((performance.now() - due) / intervalMs));
      const next = due + (behind + 1) * intervalMs;
      timer = setTimeout(() => loop(next), Math.max(0, next - performance.now()));
    });
  };

  return {
    scrape,
    start: () => loop(performance.now()),
    stop: async () => {
      stopped.abort();
      clearTimeout(timer);
      await running;
      await agent.destroy();
    },
    states: () => [...targets.values()].map(({ state }) => state),
  };
}

/**
 * Times of scrapes are a whole number of intervals apart, as Prometheus aligns them, when the clock is next to that: a
 * value that stands still is then one run, however unevenly a busy machine scrapes. The first is aligned with nothing:
 * a time to come would hide its samples until then.
 */
function alignedTimes(now: () => number, intervalMs: number): () => number {
  let latest: number | undefined;
  return () => {
    const time = now();
    const intervals = latest === undefined ? 0 : Math.max(1, Math.round((time - latest) / intervalMs));
    const aligned = (latest ?? time) + intervals * intervalMs;
    latest = Math.abs(aligned - time) <= intervalMs * TOLERANCE ? aligned : time;
    return latest;
  };
}

function newTarget(store: SeriesStore, url: string): Target {
  const { host } = new URL(url);
  const own = (name: string) =>
    store.series(
      new Map([
        ["__name__", name],
        ["instance", host],
        ["job", JOB],
      ]),
    );
  const state: TargetState = { url, health: "unknown", lastError: "", lastScrape: 0, lastDurationMs: 0 };
  return { url, state, known: new Map(), live: new Set(), last: undefined, own };
}

/** A line of a page. The text is there when the series is new. */
interface Line {
  readonly series: Series | string;
  readonly value: number;
  readonly at: number | undefined;
}

/** Reads all of a page, or throws: a page that cannot be read to its end counts for nothing. */
async function read(target: Target, blocks: AsyncIterable<string>): Promise<readonly Line[]> {
  const samplesOf = expositionReader((series) => target.known.has(series));
  const lines: Line[] = [];
  for await (const block of blocks) {
    for (const { series, value, at } of samplesOf(block)) {
      lines.push({ series: target.known.get(series) ?? detached(series), value, at });
    }
  }
  return lines;
}

/** @returns the number of samples */
function write(
  store: SeriesStore,
  target: Target,
  tag: string | undefined,
  lines: readonly Line[],
  now: number,
): number {
  const { host } = new URL(target.url);
  const added = [
    { name: "instance", value: host },
    { name: "job", value: JOB },
  ];
  const live = new Set<Series>();
  const found = { tag, series: [] as Series[], values: [] as number[] };
  for (const { series: known, value, at } of lines) {
    const series = typeof known === "string" ? store.series(labelSet(known, added)) : known;
    if (typeof known === "string") target.known.set(known, series);
    series.samples.add(at ?? now, value);
    found.series.push(series);
    found.values.push(value);
    // A series that brings its own times ends by growing old, not by a mark.
    if (at === undefined) live.add(series);
  }
  for (const series of target.live) if (!live.has(series)) series.samples.end(now);
  target.live = live;
  target.last = tag === undefined || live.size < lines.length ? undefined : found;
  if (target.known.size > 2 * lines.length + 100) target.known.clear();
  return lines.length;
}

/** Writes the values of the last page once more. @returns the number of samples */
function repeat(target: Target, at: number): number {
  const { series = [], values = [] } = target.last ?? {};
  for (const [i, one] of series.entries()) one.samples.add(at, values[i] ?? 0);
  return series.length;
}

function endAll(target: Target, at: number): void {
  for (const series of target.live) series.samples.end(at);
  target.live = new Set();
  target.last = undefined;
}
