/** Namespaces that are being deleted: their content is deleted first, then their finalizer is removed. */
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import { watchKinds } from "./kinds.ts";
import { edit, getByKey, isTerminating } from "./objects.ts";

const FINALIZER = "kubernetes";

export function startNamespaces(context: ControllerContext): Stop {
  const { cluster } = context;
  let stopKinds: Stop = () => {};
  const stop = startController(context, "namespace-controller", (wiring) => {
    wiring.onSelf(RESOURCES.namespace);
    const kinds = watchKinds(cluster, (type) => {
      // What is removed from a dying namespace may have been its last content.
      if (type.namespaced) wiring.on(type, (object, event) => (event === "DELETED" ? dying(context, object) : []));
    });
    stopKinds = kinds.stop;
    return (name) => {
      const namespace = getByKey(cluster, RESOURCES.namespace, name);
      if (namespace === undefined || !isTerminating(namespace)) return;
      let left = 0;
      for (const type of kinds.all().filter((kind) => kind.namespaced)) {
        for (const object of cluster.list(type, name)) {
          if (!isTerminating(object)) cluster.remove(type, name, object.metadata.name);
          if (cluster.get(type, name, object.metadata.name) !== undefined) left += 1;
        }
      }
      if (left === 0) letGo(context, namespace);
    };
  });
  return () => {
    stopKinds();
    stop();
  };
}

function dying({ cluster }: ControllerContext, object: KubeObject): readonly string[] {
  const name = object.metadata.namespace ?? "";
  const namespace = cluster.get(RESOURCES.namespace, "", name);
  return namespace !== undefined && isTerminating(namespace) ? [name] : [];
}

function letGo({ cluster }: ControllerContext, namespace: KubeObject): void {
  edit(cluster, RESOURCES.namespace, namespace, (copy) => {
    copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
    if (copy.spec?.finalizers !== undefined) {
      copy.spec.finalizers = copy.spec.finalizers.filter((name: string) => name !== FINALIZER);
    }
  });
  // This removes a namespace without further finalizers; others wait for the clients that added theirs.
  const left = cluster.get(RESOURCES.namespace, "", namespace.metadata.name);
  if (left !== undefined && (left.metadata.finalizers ?? []).length === 0) {
    cluster.remove(RESOURCES.namespace, "", namespace.metadata.name);
  }
}
