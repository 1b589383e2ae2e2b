/**
 * Delivers changes to listeners, each at its own pace: a slow listener has a longer queue, the errors of a broken one
 * are logged, and neither delays the watch or the others.
 */
import { pace } from "../async/give-way.ts";
import type { ChangeListener, ObjectChange } from "../ports/kube.ts";
import type { Log } from "../ports/log.ts";

/** A queue of this length means that a listener is too slow; that is logged once, not once per change. */
const LONG_QUEUE = 10_000;

export interface Listeners {
  emit(change: ObjectChange): void;
  /** @param backlog delivered first @returns stops delivering */
  add(listener: ChangeListener, backlog: readonly ObjectChange[]): () => void;
}

export function createListeners(log: Log): Listeners {
  const queues = new Set<(change: ObjectChange) => void>();

  function queueFor(listener: ChangeListener): { push(change: ObjectChange): void; stop(): void } {
    let waiting: ObjectChange[] = [];
    let busy = false;
    let stopped = false;
    async function drain(): Promise<void> {
      // The code that caused the change finishes first: listeners are never called re-entrantly.
      await undefined;
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        for (const change of batch) {
          const round = pace();
          if (round !== undefined) await round;
          if (stopped) return;
          try {
            const pending = listener(change);
            if (pending !== undefined) await pending;
          } catch (error) {
            log.warn({ error, change: change.type, object: nameOf(change) }, "a listener failed on a change");
          }
        }
      }
      busy = false;
    }
    return {
      push(change) {
        waiting.push(change);
        if (waiting.length === LONG_QUEUE)
          log.warn({ waiting: LONG_QUEUE }, "a listener does not keep up with changes");
        if (busy) return;
        busy = true;
        void drain();
      },
      stop() {
        stopped = true;
        waiting = [];
      },
    };
  }

  return {
    emit(change) {
      for (const push of queues) push(change);
    },
    add(listener, backlog) {
      const queue = queueFor(listener);
      for (const change of backlog) queue.push(change);
      queues.add(queue.push);
      return () => {
        queues.delete(queue.push);
        queue.stop();
      };
    },
  };
}

function nameOf({ object }: ObjectChange): string {
  return `${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
