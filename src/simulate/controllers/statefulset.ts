/** StatefulSets: pods with ordinals, updated one by one from the last, each only when the one before it is ready. */
import { RESOURCES } from "../../ports/kubernetes.ts";
import { availablePods, type Controller, isAvailable, noteTemplate, readyPods, type Tools } from "./pods.ts";

export const STATEFUL_SETS: Controller = {
  type: RESOURCES.statefulSet,
  look({ metadata, spec }, set, tools) {
    const { template } = spec;
    const desired: number = spec.replicas ?? 1;
    const ordered = spec.podManagementPolicy !== "Parallel";
    noteTemplate(set, template, tools.now);
    for (const pod of set.pods.filter(({ slot }) => slot >= desired)) tools.drop(pod);
    // Under OrderedReady a pod that cannot start blocks all others, and its own replacement.
    const blocked = ordered && set.pods.some(({ ready }) => !ready);
    if (!blocked) {
      for (let slot = desired - 1; slot >= 0; slot -= 1) {
        const pod = set.pods.find((candidate) => candidate.slot === slot);
        if (pod === undefined) continue;
        if (pod.template !== template) tools.drop(pod);
        else if (isAvailable(pod, spec, tools.now)) continue;
        break;
      }
    }
    startMissing(set.pods, desired, ordered, template, tools);
    const updated = set.pods.filter((pod) => pod.template === template).length;
    return {
      observedGeneration: metadata.generation ?? 0,
      replicas: set.pods.length,
      readyReplicas: readyPods(set),
      availableReplicas: availablePods(set, spec, tools.now),
      updatedReplicas: updated,
      currentReplicas: set.pods.length - updated,
    };
  },
};

function startMissing(
  pods: readonly { readonly slot: number; readonly ready: boolean }[],
  desired: number,
  ordered: boolean,
  template: unknown,
  tools: Tools,
): void {
  const taken = new Map(pods.map(({ slot, ready }) => [slot, ready]));
  for (let slot = 0; slot < desired; slot += 1) {
    if (taken.get(slot) === undefined) {
      tools.start(template, slot);
      if (ordered) return;
    } else if (ordered && taken.get(slot) === false) return;
  }
}
