/** The samples of one series, oldest first, in a ring that forgets the oldest when it is full. */

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

const FIRST_CAPACITY = 32;

export class SampleRing {
  private times: Float64Array;
  private values: Float64Array;
  /** Marks the end of a series: it is absent from here on, until its next sample. */
  private stale: Uint8Array;
  private first = 0;
  private count = 0;

  /** @param limit the most samples it keeps */
  constructor(private readonly limit: number) {
    const capacity = Math.min(FIRST_CAPACITY, limit);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.stale = new Uint8Array(capacity);
  }

  /** Ignored when it is not newer than the newest, as Prometheus does. @returns whether it was taken */
  add(at: number, value: number): boolean {
    return this.push(at, value, 0);
  }

  end(at: number): void {
    this.push(at, 0, 1);
  }

  /** Time of the newest entry, end marks included; undefined when there is none. */
  newest(): number | undefined {
    return this.count === 0 ? undefined : this.times[this.slot(this.count - 1)];
  }

  /** The newest sample with from <= at <= to; undefined also when the series had ended by then. */
  latest(from: number, to: number): Sample | undefined {
    const index = this.after(to) - 1;
    if (index < 0) return undefined;
    const slot = this.slot(index);
    const at = this.times[slot] ?? 0;
    return at < from || this.stale[slot] === 1 ? undefined : { at, value: this.values[slot] ?? 0 };
  }

  /** All samples with from <= at <= to: closed at both ends, as in Prometheus 2. */
  between(from: number, to: number): Sample[] {
    const found: Sample[] = [];
    const end = this.after(to);
    for (let index = this.after(from, true); index < end; index += 1) {
      const slot = this.slot(index);
      if (this.stale[slot] === 0) found.push({ at: this.times[slot] ?? 0, value: this.values[slot] ?? 0 });
    }
    return found;
  }

  private slot(index: number): number {
    return (this.first + index) % this.times.length;
  }

  /** Index of the first entry later than `time` (or not before it). */
  private after(time: number, inclusive = false): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.times[this.slot(middle)] ?? 0;
      if (inclusive ? at >= time : at > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private push(at: number, value: number, stale: 0 | 1): boolean {
    const newest = this.newest();
    if (newest !== undefined && at <= newest) return false;
    if (this.count === this.times.length) {
      if (this.count < this.limit) this.grow();
      else {
        this.first = this.slot(1);
        this.count -= 1;
      }
    }
    const slot = this.slot(this.count);
    this.times[slot] = at;
    this.values[slot] = value;
    this.stale[slot] = stale;
    this.count += 1;
    return true;
  }

  private grow(): void {
    const capacity = Math.min(this.times.length * 2, this.limit);
    const moved = <T extends Float64Array | Uint8Array>(from: T, to: T): T => {
      for (let index = 0; index < this.count; index += 1) to[index] = from[this.slot(index)] ?? 0;
      return to;
    };
    const [times, values] = [new Float64Array(capacity), new Float64Array(capacity)];
    const next = { times: moved(this.times, times), values: moved(this.values, values) };
    this.stale = moved(this.stale, new Uint8Array(capacity));
    this.times = next.times;
    this.values = next.values;
    this.first = 0;
  }
}
