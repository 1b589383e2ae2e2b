/**
 * Detects that the event loop is blocked. A separate thread counts the beats of the main thread. When the beats stop,
 * this thread pauses the main thread as a debugger does, asks whose turn is under way, writes that Canary into a file
 * and ends the process:
 *
 *   main thread   beat ── beat ── beat ── (blocked)
 *   watchdog        │       │       │     20 looks without a beat ─► pause ─► name the Canary ─► quarantine file ─► end
 *
 * The next process leaves that Canary alone, see quarantine.ts. Looks are counted, not time: a process that was
 * stopped, or a machine that slept, is not blocked.
 */
import { Worker } from "node:worker_threads";
import type { Log } from "../../ports/log.ts";

export interface WatchdogOptions {
  readonly file: string;
  readonly log: Log;
  /** Called at every beat with its delay in milliseconds; for a metric. */
  readonly onDelay?: (ms: number) => void;
  /** Looks without a beat, one each second, after which the process ends; 20 when absent. */
  readonly patience?: number;
}

/** What the thread is started with. */
export interface WatchdogData {
  readonly beats: SharedArrayBuffer;
  readonly file: string;
  readonly patience: number;
}

const BEAT_MS = 250;
const PATIENCE = 20;

/** @returns a function that stops the watchdog */
export function startWatchdog({ file, log, onDelay, patience = PATIENCE }: WatchdogOptions): () => void {
  const beats = new SharedArrayBuffer(4);
  const counter = new Int32Array(beats);
  let due = performance.now() + BEAT_MS;
  const beat = setInterval(() => {
    Atomics.add(counter, 0, 1);
    const now = performance.now();
    onDelay?.(Math.max(0, now - due));
    due = now + BEAT_MS;
  }, BEAT_MS);
  beat.unref();
  const workerData: WatchdogData = { beats, file, patience };
  const worker = new Worker(new URL("./watchdog-thread.js", import.meta.url), { workerData });
  worker.unref();
  worker.on("error", (error) => log.warn({ err: error }, "the watchdog ended: a blocked event loop is not noticed"));
  return () => {
    clearInterval(beat);
    void worker.terminate();
  };
}
