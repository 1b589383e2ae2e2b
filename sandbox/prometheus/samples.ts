/**
 * The samples of one series, oldest first. The latest minutes are kept as they were scraped; what is older is thinned;
 * what is older still is forgotten. So a series has a largest size, however long the sandbox runs.
 */
import { lastTime, type Run, RunQueue } from "./runs.ts";

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

export interface Retention {
  /** Every sample of the latest so many milliseconds is kept. */
  readonly rawMs: number;
  /** Of older samples one is kept for each so many milliseconds. */
  readonly thinMs: number;
  /** Samples older than this are forgotten. */
  readonly keepMs: number;
}

/** Windows of up to five minutes see every sample; a graph of two hours has a point every 15 s. */
export const RETENTION: Retention = { rawMs: 5 * 60_000, thinMs: 15_000, keepMs: 2 * 3_600_000 };

export class SampleRing {
  private readonly recent = new RunQueue();
  /** Made when there is something to thin. */
  private old: RunQueue | undefined;

  constructor(private readonly retention: Retention = RETENTION) {}

  /** Ignored when it is not newer than the newest, as Prometheus does. @returns whether it was taken */
  add(at: number, value: number): boolean {
    if (!this.recent.extend(at, value)) {
      const newest = this.newest();
      if (newest !== undefined && at <= newest) return false;
      this.recent.push({ start: at, gap: 0, count: 1, value });
    }
    // A series that stands still is one run, and nothing of it is old.
    if (this.recent.length > 1 || this.old !== undefined) this.age(at);
    return true;
  }

  /** Marks the end of the series: it is absent from here on, until its next sample. */
  end(at: number): void {
    const newest = this.newest();
    if (newest !== undefined && at <= newest) return;
    this.recent.push({ start: at, gap: 0, count: 0, value: 0 });
    this.age(at);
  }

  /** Time of the newest entry, end marks included; undefined when there is none. */
  newest(): number | undefined {
    const { length } = this.recent;
    return length === 0 ? undefined : this.recent.lastTimeAt(length - 1);
  }

  /** Whether the newest entry is an end mark. */
  ended(): boolean {
    return this.recent.newest()?.count === 0;
  }

  /** The newest sample with from <= at <= to; undefined also when the series had ended by then. */
  latest(from: number, to: number): Sample | undefined {
    const queue = this.recent.startedBy(to) > 0 ? this.recent : this.old;
    const index = queue?.startedBy(to) ?? 0;
    if (queue === undefined || index === 0) return undefined;
    const run = queue.at(index - 1);
    if (run.count === 0) return undefined;
    const at = run.start + stepsWithin(run, to) * run.gap;
    return at < from ? undefined : { at, value: run.value };
  }

  /** All samples with from <= at <= to: closed at both ends, as in Prometheus 2. */
  between(from: number, to: number): Sample[] {
    const found: Sample[] = [];
    for (const queue of this.old === undefined ? [this.recent] : [this.old, this.recent]) {
      const end = queue.startedBy(to);
      for (let index = Math.max(0, queue.startedBy(from) - 1); index < end; index += 1) {
        pushSamples(found, queue.at(index), from, to);
      }
    }
    return found;
  }

  /** The number of runs in memory. */
  get size(): number {
    return this.recent.length + (this.old?.length ?? 0);
  }

  private age(now: number): void {
    const { rawMs, thinMs, keepMs } = this.retention;
    // The newest run stays, so that the next sample may continue it.
    while (this.recent.length > 1 && this.recent.lastTimeAt(0) < now - rawMs) {
      const run = this.recent.shift();
      if (run !== undefined) this.thin(run, thinMs);
    }
    while (this.old !== undefined && this.old.length > 0 && this.old.lastTimeAt(0) < now - keepMs) this.old.shift();
  }

  /** An end mark is kept, and what comes after one: else a series would seem to have gone on in between. */
  private thin(run: Run, thinMs: number): void {
    this.old ??= new RunQueue();
    const before = this.old.newest();
    const matters = before === undefined || before.count === 0 || run.count === 0;
    if (matters || lastTime(run) - lastTime(before) >= thinMs) this.old.push(run);
  }
}

/** The number of the last sample of a run that is not later than `time`; its first has the number 0. */
function stepsWithin({ start, gap, count }: Run, time: number): number {
  return gap === 0 ? 0 : Math.min(count - 1, Math.floor((time - start) / gap));
}

function pushSamples(found: Sample[], run: Run, from: number, to: number): void {
  if (run.count === 0 || to < run.start) return;
  const last = stepsWithin(run, to);
  const first = run.gap === 0 ? 0 : Math.max(0, Math.ceil((from - run.start) / run.gap));
  for (let step = first; step <= last; step += 1) {
    const at = run.start + step * run.gap;
    if (at >= from) found.push({ at, value: run.value });
  }
}
