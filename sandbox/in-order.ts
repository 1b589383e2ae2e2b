/** Events in the order in which they happened, each from a microtask; see Cluster.watch. */
import type { WatchEvent } from "./cluster.ts";

export interface InOrder {
  push(event: WatchEvent): void;
  /** What has not arrived yet never will. */
  stop(): void;
}

export function inOrder(listener: (event: WatchEvent) => void): InOrder {
  const queue: WatchEvent[] = [];
  let scheduled = false;
  let stopped = false;
  const deliver = () => {
    scheduled = false;
    const event = stopped ? undefined : queue.shift();
    if (event === undefined) return;
    // What comes after this event is scheduled first: it must arrive even when the listener throws.
    if (queue.length > 0) schedule();
    listener(event);
  };
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(deliver);
  };
  return {
    push(event) {
      queue.push(event);
      schedule();
    },
    stop() {
      stopped = true;
    },
  };
}
