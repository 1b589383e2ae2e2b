/**
 * The asynchronous tasks. A canary's rollout hook asks for the same load at every analysis; the queue keeps at most one
 * generator per canary and command running:
 *
 *   add --(100 ms)--> identical one running?  yes: dropped   no: started, each on its own
 *    `-- an identical one still waiting is replaced
 */

import { deadline } from "../async/deadline.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

const START_EVERY_MS = 100;

export interface QueuedTask {
  /** Two tasks with the same id never run at the same time. */
  readonly id: string;
  /** "name.namespace" */
  readonly canary: string;
  /** For the log: the command. */
  readonly title: string;
  /** Must not reject: its own failures are its own log lines. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface TaskQueue {
  add(task: QueuedTask): void;
  /** Tasks that wait or run. */
  size(): number;
  /** Drops what waits, aborts what runs, and resolves when all of it has ended. */
  stop(): Promise<void>;
}

export function createTaskQueue(clock: Clock, log: Log, timeoutMs: number): TaskQueue {
  const stopped = new AbortController();
  const waiting = new Map<string, QueuedTask>();
  const running = new Map<string, Promise<void>>();

  const start = (task: QueuedTask): void => {
    const { canary, title } = task;
    if (running.has(task.id)) {
      log.info({ canary }, `command skipped ${title} is already running`);
      return;
    }
    log.info({ canary }, `task starting ${title}`);
    const limit = deadline(clock, timeoutMs, stopped.signal);
    const ended = task
      .run(limit.signal)
      .catch((error: unknown) => log.error({ canary, error: String(error) }, `task broke ${title}`))
      .finally(() => {
        limit.clear();
        running.delete(task.id);
      });
    running.set(task.id, ended);
  };

  const startAll = (): void => {
    const tasks = [...waiting.values()];
    waiting.clear();
    tasks.forEach(start);
  };

  return {
    add(task) {
      if (stopped.signal.aborted) return;
      const isFirst = waiting.size === 0;
      waiting.set(task.id, task);
      if (isFirst) void clock.sleep(START_EVERY_MS, stopped.signal).then(startAll, () => waiting.clear());
    },
    size: () => waiting.size + running.size,
    async stop() {
      stopped.abort(new Error("the load tester is stopping"));
      await Promise.all(running.values());
    },
  };
}
