/**
 * Samples in runs: a run is one value that was seen at even intervals. Most series of a sandbox stand still most of the
 * time, so an hour of one of them takes a few bytes. No sample is changed by it.
 */

export interface Run {
  /** Milliseconds since the epoch: the time of the first sample. */
  readonly start: number;
  /** Milliseconds between two samples. */
  readonly gap: number;
  /** Number of samples; 0 marks the end of the series, at `start`. */
  readonly count: number;
  readonly value: number;
}

const FIRST_CAPACITY = 8;
const LONGEST_RUN = 0xffff;
const WIDEST_GAP = 0xffff_ffff;

export const lastTime = ({ start, gap, count }: Run): number => start + Math.max(0, count - 1) * gap;

/** A queue of runs, oldest first. It grows as it must; the writer takes old runs out. */
export class RunQueue {
  private starts = new Float64Array(FIRST_CAPACITY);
  private gaps = new Uint32Array(FIRST_CAPACITY);
  private counts = new Uint16Array(FIRST_CAPACITY);
  private values = new Float64Array(FIRST_CAPACITY);
  private first = 0;
  length = 0;

  /** Of the run with this number; 0 is the oldest. */
  at(index: number): Run {
    const slot = this.slot(index);
    return {
      start: this.starts[slot] ?? 0,
      gap: this.gaps[slot] ?? 0,
      count: this.counts[slot] ?? 0,
      value: this.values[slot] ?? 0,
    };
  }

  newest(): Run | undefined {
    return this.length === 0 ? undefined : this.at(this.length - 1);
  }

  push({ start, gap, count, value }: Run): void {
    if (this.length === this.starts.length) this.grow();
    const slot = this.slot(this.length);
    this.starts[slot] = start;
    this.gaps[slot] = gap;
    this.counts[slot] = count;
    this.values[slot] = value;
    this.length += 1;
  }

  /** Adds a sample to the newest run. @returns false when the sample does not continue that run */
  extend(at: number, value: number): boolean {
    const run = this.newest();
    if (run === undefined || run.count === 0 || run.count === LONGEST_RUN || !Object.is(run.value, value)) return false;
    const gap = run.count === 1 ? at - run.start : run.gap;
    if (at !== run.start + run.count * gap || gap > WIDEST_GAP || !Number.isInteger(gap)) return false;
    const slot = this.slot(this.length - 1);
    this.gaps[slot] = gap;
    this.counts[slot] = run.count + 1;
    return true;
  }

  /** Takes the oldest run out. */
  shift(): Run | undefined {
    if (this.length === 0) return undefined;
    const run = this.at(0);
    this.first = this.slot(1);
    this.length -= 1;
    return run;
  }

  /** The number of runs that start at `time` or before it. */
  startedBy(time: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.starts[this.slot(middle)] ?? 0) > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private slot(index: number): number {
    return (this.first + index) % this.starts.length;
  }

  private grow(): void {
    const capacity = this.starts.length * 2;
    const moved = <T extends Float64Array | Uint32Array | Uint16Array>(from: T, to: T): T => {
      for (let index = 0; index < this.length; index += 1) to[index] = from[this.slot(index)] ?? 0;
      return to;
    };
    const gaps = moved(this.gaps, new Uint32Array(capacity));
    const counts = moved(this.counts, new Uint16Array(capacity));
    const values = moved(this.values, new Float64Array(capacity));
    this.starts = moved(this.starts, new Float64Array(capacity));
    this.gaps = gaps;
    this.counts = counts;
    this.values = values;
    this.first = 0;
  }
}
