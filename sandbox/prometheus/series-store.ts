/** All series in memory: what a time series database is to one sandbox. */
import { keyOf, type Labels, NAME } from "./promql/labels.ts";
import type { Matcher } from "./promql/tree.ts";
import { SampleRing } from "./samples.ts";

export interface Series {
  readonly labels: Labels;
  readonly samples: SampleRing;
}

export interface SeriesStoreOptions {
  /** The most samples per series; older ones are forgotten. */
  readonly samplesPerSeries?: number;
  /** A series without a sample for this long is forgotten. */
  readonly forgetAfterMs?: number;
}

/** Two hours of scrapes every second. */
const SAMPLES_PER_SERIES = 7200;
const FORGET_AFTER_MS = 2 * 3_600_000;

export class SeriesStore {
  private readonly byKey = new Map<string, Series>();
  private readonly byName = new Map<string, Set<Series>>();
  private readonly samplesPerSeries: number;
  private readonly forgetAfterMs: number;

  constructor(options: SeriesStoreOptions = {}) {
    this.samplesPerSeries = options.samplesPerSeries ?? SAMPLES_PER_SERIES;
    this.forgetAfterMs = options.forgetAfterMs ?? FORGET_AFTER_MS;
  }

  get size(): number {
    return this.byKey.size;
  }

  /** The series with these labels, made when it is new. `key` is their keyOf, when known. */
  series(labels: Labels, key = keyOf(labels)): Series {
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const made: Series = { labels, samples: new SampleRing(this.samplesPerSeries) };
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

  /** Drops what nobody has written for long. */
  forget(now: number): void {
    for (const [key, series] of this.byKey) {
      if ((series.samples.newest() ?? 0) >= now - this.forgetAfterMs) continue;
      this.byKey.delete(key);
      this.byName.get(series.labels.get(NAME) ?? "")?.delete(series);
    }
  }
}
