/** DaemonSets: one pod on every node that the template's selector lets it run on, replaced one by one. */
import { SCALE_TO_ZERO_SELECTOR } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { type Controller, noteTemplate, readyPods } from "./pods.ts";

/** Nodes carry every label that people ask for, and not the one that takes a DaemonSet down. */
export const NODES = 2;

export const DAEMON_SETS: Controller = {
  type: RESOURCES.daemonSet,
  look({ metadata, spec }, set, tools) {
    const { template } = spec;
    const desired = template?.spec?.nodeSelector?.[SCALE_TO_ZERO_SELECTOR] === undefined ? NODES : 0;
    noteTemplate(set, template, tools.now);
    for (const pod of set.pods.filter((candidate) => desired === 0 || (isOld(candidate) && !candidate.ready))) {
      tools.drop(pod);
    }
    // One may be missing at a time.
    const next = readyPods(set) >= desired ? set.pods.find(isOld) : undefined;
    if (next !== undefined) tools.drop(next);
    while (set.pods.length < desired) tools.start(template);
    function isOld(pod: { readonly template: unknown }): boolean {
      return pod.template !== template;
    }
    const updated = set.pods.filter((pod) => !isOld(pod)).length;
    const ready = readyPods(set);
    return {
      observedGeneration: metadata.generation ?? 0,
      currentNumberScheduled: set.pods.length,
      desiredNumberScheduled: desired,
      updatedNumberScheduled: updated,
      numberReady: ready,
      numberAvailable: ready,
      numberUnavailable: desired - ready,
    };
  },
};
