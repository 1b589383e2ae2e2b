/** Watches from inside the sandbox: no HTTP, but the same order of events. */
import type { KubeObject, ResourceType } from "../../../src/ports/kubernetes.ts";
import type { WatchEvent } from "../../cluster.ts";
import type { Resource } from "../resource.ts";
import { fromStorage } from "./conversion.ts";
import type { Core } from "./writes.ts";

/** See Cluster.watch. */
export function watchOf(core: Core, type: ResourceType, listener: (event: WatchEvent) => void): () => void {
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
  const seen = (object: KubeObject) => fromStorage(resourceFor(core, type), type.version, object);
  const push = (kind: WatchEvent["type"], object: KubeObject) => {
    queue.push({ type: kind, object: seen(object) });
    schedule();
  };
  const collection = core.collection(resourceFor(core, type));
  for (const object of collection.list("")) push("ADDED", object);
  const stop = collection.listen((change) => push(change.type, change.object));
  return () => {
    stopped = true;
    stop();
  };
}

/** The kind's resource, or a stand-in with the same storage place while its CRD is not there. */
function resourceFor(core: Core, type: ResourceType): Pick<Resource, "group" | "plural" | "storage"> {
  return core.registry.find(type.group, type.version, type.plural)?.resource ?? { ...type, storage: type };
}
