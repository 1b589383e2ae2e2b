/** Whether an applied object has become what was asked for, as Flux's health checks judge it. */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";

/** @returns why the object is not ready yet; undefined when it is ready */
export function notReady(object: KubeObject): string | undefined {
  const { kind, metadata, spec = {}, status = {} } = object;
  const name = `${kind}/${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined) return `${name} is being deleted`;
  const observed: number | undefined = status.observedGeneration;
  if (observed !== undefined && observed < (metadata.generation ?? 0)) return `${name} is not observed yet`;
  const condition = (type: string): KubeFields => status.conditions?.find((each: KubeFields) => each.type === type);
  switch (kind) {
    case "CustomResourceDefinition":
      return condition("Established")?.status === "True" ? undefined : `${name} is not established`;
    case "Deployment":
    case "StatefulSet": {
      const wanted: number = spec.replicas ?? 1;
      const [updated = 0, ready = 0] = [status.updatedReplicas, status.readyReplicas];
      if (observed === undefined || updated < wanted || ready < wanted)
        return `${name} has ${ready} of ${wanted} replicas ready`;
      return undefined;
    }
    case "DaemonSet": {
      const { desiredNumberScheduled: wanted = 0, numberReady: ready = 0 } = status;
      return observed === undefined || ready < wanted ? `${name} has ${ready} of ${wanted} pods ready` : undefined;
    }
    case "Job":
      if (condition("Failed")?.status === "True") return `${name} failed`;
      return condition("Complete")?.status === "True" ? undefined : `${name} is not complete`;
    case "Namespace":
      return status.phase === "Terminating" ? `${name} is terminating` : undefined;
    default: {
      const ready = condition("Ready");
      return ready === undefined || ready.status === "True"
        ? undefined
        : `${name} is not ready: ${ready.message ?? ready.reason}`;
    }
  }
}
