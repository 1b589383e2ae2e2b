/** Watches from inside the sandbox: no HTTP, but the same order of events. */
import type { KubeObject, ResourceType } from "../../../src/ports/kubernetes.ts";
import type { WatchEvent } from "../../cluster.ts";
import { inOrder } from "../../in-order.ts";
import type { Resource } from "../resource.ts";
import { fromStorage } from "./conversion.ts";
import type { Core } from "./writes.ts";

/** See Cluster.watch. */
export function watchOf(core: Core, type: ResourceType, listener: (event: WatchEvent) => void): () => void {
  const { push, stop } = inOrder(listener);
  const seen = (object: KubeObject) => fromStorage(resourceFor(core, type), type.version, object);
  const collection = core.collection(resourceFor(core, type));
  for (const object of collection.list("")) push({ type: "ADDED", object: seen(object) });
  const unlisten = collection.listen((change) => push({ type: change.type, object: seen(change.object) }));
  return () => {
    stop();
    unlisten();
  };
}

/** The kind's resource, or a stand-in with the same storage place while its CRD is not there. */
function resourceFor(core: Core, type: ResourceType): Pick<Resource, "group" | "plural" | "storage"> {
  return core.registry.find(type.group, type.version, type.plural)?.resource ?? { ...type, storage: type };
}
