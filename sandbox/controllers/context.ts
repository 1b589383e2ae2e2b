/** What a controller is given, and the one shape all of them have: watches feed a queue, the queue feeds `sync`. */
import type { Clock, Random } from "../../src/ports/clock.ts";
import type { KubeObject, ResourceType } from "../../src/ports/kubernetes.ts";
import type { Cluster, WatchEvent } from "../cluster.ts";
import { type EventRecorder, eventRecorder } from "./events.ts";
import { controllerOf, keyOf, namespaceOf } from "./objects.ts";
import { type WorkQueue, workQueue } from "./queue.ts";

export interface ControllerContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: Random;
  /** Receives what went wrong and will be tried again, one line each. */
  readonly report: (message: string) => void;
}

/** Stops a controller at once: work is synchronous, so nothing is ever half done. */
export type Stop = () => void;

export interface Wiring {
  readonly queue: WorkQueue;
  readonly events: EventRecorder;
  /** Watches a kind; the keys that `listener` answers are queued. */
  on(type: ResourceType, listener: (object: KubeObject, event: WatchEvent["type"]) => readonly string[]): void;
  /** Queues the objects themselves. */
  onSelf(type: ResourceType): void;
  /** Queues the controlling owner of this kind, and unowned objects' possible owners by selector. */
  onOwned(type: ResourceType, owner: ResourceType): void;
}

/**
 * Starts one controller.
 * @param component its name in events, e.g. "replicaset-controller"
 * @param wire sets up the watches and answers the function that brings one object in order
 */
export function startController(
  context: ControllerContext,
  component: string,
  wire: (wiring: Wiring) => (key: string) => void,
): Stop {
  const { cluster, clock, report } = context;
  const watches: Stop[] = [];
  let sync: (key: string) => void = () => {};
  const queue = workQueue(
    clock,
    (key) => sync(key),
    (message) => report(`${component}: ${message}`),
  );
  const on: Wiring["on"] = (type, listener) => {
    watches.push(
      cluster.watch(type, (event) => {
        for (const key of listener(event.object, event.type)) queue.add(key);
      }),
    );
  };
  sync = wire({
    queue,
    events: eventRecorder(cluster, clock, component),
    on,
    onSelf: (type) => on(type, (object) => [keyOf(object)]),
    onOwned: (type, owner) => on(type, (object) => ownersOf(cluster, object, owner)),
  });
  return () => {
    for (const stop of watches) stop();
    queue.stop();
  };
}

/** An object without controller concerns every workload that might adopt it. */
function ownersOf(cluster: Cluster, object: KubeObject, type: ResourceType): readonly string[] {
  const owner = controllerOf(object);
  if (owner === undefined) return cluster.list(type, namespaceOf(object)).map(keyOf);
  return owner.kind === type.kind ? [`${namespaceOf(object)}/${owner.name}`] : [];
}
