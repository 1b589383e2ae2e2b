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

const FIRST_CAPACITY = 2;
/** Room for a quarter more: a queue that has grown keeps a tenth of its room empty on average. */
const GROWTH = 1.25;
const LONGEST_RUN = 0xffff;
const WIDEST_GAP = 0xffff_ffff;
/** Gap and count share a number: 32 and 16 bits of the 53 that a number holds. */
const COUNTS = LONGEST_RUN + 1;

const countIn = (steps: number): number => steps % COUNTS;
const gapIn = (steps: number): number => Math.floor(steps / COUNTS);

/** Numbers of one run: start, gap and count, value. One array holds them all: each array costs some 300 bytes more. */
const NUMBERS = 3;
const STEPS = 1;
const VALUE = 2;

export const lastTime = ({ start, gap, count }: Run): number => start + Math.max(0, count - 1) * gap;

/** A queue of runs, oldest first. It grows as it must; the writer takes old runs out. */
export class RunQueue {
  private numbers = new Float64Array(FIRST_CAPACITY * NUMBERS);
  private capacity = FIRST_CAPACITY;
  private first = 0;
  length = 0;

  /** Of the run with this number; 0 is the oldest. */
  at(index: number): Run {
    const place = this.place(index);
    const steps = this.numbers[place + STEPS] ?? 0;
    return {
      start: this.numbers[place] ?? 0,
      gap: gapIn(steps),
      count: countIn(steps),
      value: this.numbers[place + VALUE] ?? 0,
    };
  }

  /** Time of the last sample of a run. Called for each sample of each scrape, so it makes no object. */
  lastTimeAt(index: number): number {
    const place = this.place(index);
    const steps = this.numbers[place + STEPS] ?? 0;
    return (this.numbers[place] ?? 0) + Math.max(0, countIn(steps) - 1) * gapIn(steps);
  }

  newest(): Run | undefined {
    return this.length === 0 ? undefined : this.at(this.length - 1);
  }

  push({ start, gap, count, value }: Run): void {
    if (this.length === this.capacity) this.grow();
    const place = this.place(this.length);
    this.numbers[place] = start;
    this.numbers[place + STEPS] = gap * COUNTS + count;
    this.numbers[place + VALUE] = value;
    this.length += 1;
  }

  /** Adds a sample to the newest run. @returns false when the sample does not continue that run */
  extend(at: number, value: number): boolean {
    if (this.length === 0) return false;
    const place = this.place(this.length - 1);
    const steps = this.numbers[place + STEPS] ?? 0;
    const count = countIn(steps);
    if (count === 0 || count === LONGEST_RUN || !Object.is(this.numbers[place + VALUE], value)) return false;
    const start = this.numbers[place] ?? 0;
    const gap = count === 1 ? at - start : gapIn(steps);
    if (at !== start + count * gap || gap <= 0 || gap > WIDEST_GAP || !Number.isInteger(gap)) return false;
    this.numbers[place + STEPS] = gap * COUNTS + count + 1;
    return true;
  }

  /** Takes the oldest run out. */
  shift(): Run | undefined {
    if (this.length === 0) return undefined;
    const run = this.at(0);
    this.first = (this.first + 1) % this.capacity;
    this.length -= 1;
    return run;
  }

  /** The number of runs that start at `time` or before it. */
  startedBy(time: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.numbers[this.place(middle)] ?? 0) > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Where the numbers of a run begin. */
  private place(index: number): number {
    return ((this.first + index) % this.capacity) * NUMBERS;
  }

  private grow(): void {
    const capacity = Math.ceil(this.capacity * GROWTH) + 1;
    const numbers = new Float64Array(capacity * NUMBERS);
    const begun = this.numbers.subarray(this.first * NUMBERS);
    numbers.set(begun);
    numbers.set(this.numbers.subarray(0, this.first * NUMBERS), begun.length);
    this.numbers = numbers;
    this.capacity = capacity;
    this.first = 0;
  }
}
