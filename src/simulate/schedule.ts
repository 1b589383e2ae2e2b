/**
 * Virtual time in one thread: a queue of future events. Between two events every promise runs to its end, so a run
 * depends on its seed alone. No timer of the machine is used, and nothing waits in real time.
 */
import { sleepBy } from "../async/timers.ts";
import type { Clock } from "../ports/clock.ts";

export type Cancel = () => void;

export interface Schedule {
  /** Milliseconds since the epoch, as the universe has it; the clocks of operators may differ. */
  now(): number;
  /** In `ms` milliseconds of virtual time. */
  after(ms: number, happen: () => void): Cancel;
  /** The time of the next event; undefined: there is none. */
  next(): number | undefined;
  /**
   * Runs events until `until`, or until `done` returns true (checked after each event).
   * @throws Error after more than `limit` events: something repeats without end
   */
  run(until: number, limit: number, done: () => boolean): Promise<void>;
  /** The number of events so far. */
  readonly count: number;
}

interface Happening {
  readonly time: number;
  readonly order: number;
  happen: (() => void) | undefined;
}

const START = Date.UTC(2026, 0, 1);

export function createSchedule(start = START): Schedule {
  const heap: Happening[] = [];
  let now = start;
  let order = 0;
  let count = 0;

  /** Drops cancelled events. */
  function head(): Happening | undefined {
    while (heap[0] !== undefined && heap[0].happen === undefined) pop(heap);
    return heap[0];
  }

  const schedule: Schedule = {
    now: () => now,
    after(ms, happen) {
      const happening: Happening = { time: now + Math.max(0, ms), order, happen };
      order += 1;
      push(heap, happening);
      return () => {
        happening.happen = undefined;
      };
    },
    next: () => head()?.time,
    run(until, limit, done) {
      const last = count + limit;
      return new Promise((resolve, reject) => {
        function step(): void {
          try {
            const first = head();
            if (done() || first === undefined || first.time > until) {
              if (!done()) now = Math.max(now, until);
              resolve();
              return;
            }
            if (count >= last) throw new Error(`more than ${limit} events: something repeats without end`);
            pop(heap);
            count += 1;
            now = first.time;
            first.happen?.();
            whenQuiet(step);
          } catch (error) {
            reject(error);
          }
        }
        whenQuiet(step);
      });
    },
    get count() {
      return count;
    },
  };
  return schedule;
}

/** Calls back when every promise has run as far as it can: a tick requested by a microtask comes after all others. */
function whenQuiet(then: () => void): void {
  void NOW.then(() => process.nextTick(then));
}

/** Cheaper than queueMicrotask, which makes an AsyncResource for each call. */
const NOW = Promise.resolve();

const earlier = (a: Happening, b: Happening) => a.time < b.time || (a.time === b.time && a.order < b.order);

function push(heap: Happening[], happening: Happening): void {
  heap.push(happening);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !earlier(happening, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = happening;
}

function pop(heap: Happening[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const [a, b] = [heap[left], heap[left + 1]];
    if (a === undefined) break;
    const child = b !== undefined && earlier(b, a) ? b : a;
    if (!earlier(child, last)) break;
    heap[at] = child;
    at = child === a ? left : left + 1;
  }
  heap[at] = last;
}

/** The time as one process knows it. */
export interface Life {
  /** False once the process was killed: none of its sleeps ends. */
  alive: boolean;
  /** Current sleeps. */
  sleeping: number;
}

/** @param skew error of the machine's clock, milliseconds */
export function clockOf(schedule: Schedule, life: Life, skew: () => number): Clock {
  const after: Clock["after"] = (ms, run) => {
    life.sleeping += 1;
    let over = false;
    const end = () => {
      if (!over) life.sleeping -= 1;
      over = true;
    };
    const cancel = schedule.after(ms, () => {
      end();
      if (life.alive) run();
    });
    return () => {
      end();
      cancel();
    };
  };
  return { now: () => schedule.now() + skew(), after, sleep: sleepBy(after) };
}
