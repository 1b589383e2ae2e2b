/** All series in memory: what a time series database is to one sandbox. */
import { keyOf, type Labels, NAME } from "./promql/labels.ts";
import type { Matcher } from "./promql/tree.ts";
import { RETENTION, type Retention, SampleRing } from "./samples.ts";

export interface Series {
  readonly labels: Labels;
  readonly samples: SampleRing;
}

export interface SeriesStoreOptions {
  /** How long samples are kept, and how densely; RETENTION when absent. */
  readonly retention?: Retention;
  /** A series that ended this long ago is forgotten, as pods and namespaces come and go. */
  readonly forgetEndedAfterMs?: number;
}

const FORGET_ENDED_AFTER_MS = 10 * 60_000;
/** How often the store looks for series to forget. */
const LOOK_EVERY_MS = 10_000;

export class SeriesStore {
  private readonly byKey = new Map<string, Series>();
  private readonly byName = new Map<string, Set<Series>>();
  private readonly retention: Retention;
  private readonly forgetEndedAfterMs: number;
  private lookedAt = 0;

  constructor(options: SeriesStoreOptions = {}) {
    this.retention = options.retention ?? RETENTION;
    this.forgetEndedAfterMs = options.forgetEndedAfterMs ?? FORGET_ENDED_AFTER_MS;
  }

  get size(): number {
    return this.byKey.size;
  }

  /** The series with these labels, made when it is new. `key` is their keyOf, when known. */
  series(labels: Labels, key = keyOf(labels)): Series {
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const made: Series = { labels, samples: new SampleRing(this.retention) };
    this.byKey.set(key, made);
    const name = labels.get(NAME) ?? "";
    const named = this.byName.get(name) ?? new Set();
    this.byName.set(name, named.add(made));
    return made;
  }

  /** Series that all matchers accept; a label that is not there counts as empty. */
  select(matchers: readonly Matcher[]): readonly Series[] {
    const name = matchers.find((matcher) => matcher.name === NAME && matcher.op === "=");
    const candidates = name === undefined ? this.byKey.values() : (this.byName.get(name.value) ?? []);
    const found: Series[] = [];
    for (const series of candidates) {
      if (matchers.every((matcher) => matcher.matches(series.labels.get(matcher.name) ?? ""))) found.push(series);
    }
    return found;
  }

  all(): Iterable<Series> {
    return this.byKey.values();
  }

  /** Drops series that ended, and series that have had no sample for as long as samples are kept. */
  forget(now: number): void {
    if (Math.abs(now - this.lookedAt) < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    for (const [key, series] of this.byKey) {
      const { samples, labels } = series;
      const longest = samples.ended() ? this.forgetEndedAfterMs : this.retention.keepMs;
      if ((samples.newest() ?? 0) >= now - longest) continue;
      this.byKey.delete(key);
      const name = labels.get(NAME) ?? "";
      const named = this.byName.get(name);
      named?.delete(series);
      if (named?.size === 0) this.byName.delete(name);
    }
  }
}
