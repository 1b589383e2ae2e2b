/** DaemonSets: one pod on every node that matches the template's selector, replaced node by node. */
import { SCALE_TO_ZERO_SELECTOR } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { availablePods, type Controller, countOf, noteTemplate, readyPods } from "./pods.ts";

/** How many nodes a cluster has when its scenario does not say. */
export const NODES = 2;

/** A label that no node carries. */
export const NOWHERE = "example.com/nowhere";

/** @param nodes carry every label that people use, except these: the one that scales a DaemonSet down, and `NOWHERE` */
export function daemonSets(nodes: number): Controller {
  return {
    type: RESOURCES.daemonSet,
    look({ metadata, spec }, set, tools) {
      const { template } = spec;
      const { [SCALE_TO_ZERO_SELECTOR]: down, [NOWHERE]: nowhere } = template?.spec?.nodeSelector ?? {};
      const desired = down === undefined && nowhere === undefined ? nodes : 0;
      const { maxUnavailable = 1, maxSurge = 0 } = spec.updateStrategy?.rollingUpdate ?? {};
      const surge = countOf(maxSurge, desired, Math.ceil);
      const missing = surge > 0 ? 0 : Math.max(1, countOf(maxUnavailable, desired, Math.ceil));
      const replaces = spec.updateStrategy?.type !== "OnDelete";
      noteTemplate(set, template, tools.now);
      const isOld = (pod: { readonly template: unknown }) => pod.template !== template;
      for (const pod of set.pods.filter((other) => desired === 0 || (replaces && isOld(other) && !other.ready))) {
        tools.drop(pod);
      }
      if (replaces) {
        for (let old = set.pods.find(isOld); old !== undefined; old = set.pods.find(isOld)) {
          if (availablePods(set, spec, tools.now) - 1 < desired - missing) break;
          tools.drop(old);
        }
      }
      const most = desired + (set.pods.some(isOld) && replaces ? surge : 0);
      while (set.pods.length < most) tools.start(template);
      const available = availablePods(set, spec, tools.now);
      return {
        observedGeneration: metadata.generation ?? 0,
        currentNumberScheduled: set.pods.length,
        desiredNumberScheduled: desired,
        updatedNumberScheduled: set.pods.filter((pod) => !isOld(pod)).length,
        numberReady: readyPods(set),
        numberAvailable: available,
        numberUnavailable: Math.max(0, desired - available),
      };
    },
  };
}
