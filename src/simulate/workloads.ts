/**
 * The cluster's controllers that run pods: each changed object is checked a moment later, and whenever its pods change.
 */
import type { KubeFields, KubeObject, ObjectRef, ResourceType } from "../ports/kubernetes.ts";
import { daemonSets, NODES } from "./controllers/daemonset.ts";
import { DEPLOYMENTS } from "./controllers/deployment.ts";
import { KNATIVE_REVISIONS, watchKnativeServices } from "./controllers/knative.ts";
import {
  type Controller,
  type ControllerPorts,
  drop,
  newPodSet,
  type PodSet,
  startPod,
  type Tools,
} from "./controllers/pods.ts";
import { STATEFUL_SETS } from "./controllers/statefulset.ts";

export interface Workloads {
  /** Pods of an object that can serve now, by image. */
  serving(ref: ObjectRef): ReadonlyMap<string, number>;
  /** Pods that can serve now and carry these labels, by image. */
  selected(namespace: string, selector: Readonly<Record<string, string>>): ReadonlyMap<string, number>;
  /** A node fails, with one pod or with all of them. No new pod gets ready within `forMs`. */
  lose(ref: ObjectRef, all: boolean, forMs: number): void;
}

const STATUS = { subresource: "status" } as const;

export function createWorkloads(ports: ControllerPorts): Workloads {
  const all: readonly Controller[] = [
    DEPLOYMENTS,
    STATEFUL_SETS,
    daemonSets(ports.scenario.nodes ?? NODES),
    KNATIVE_REVISIONS,
  ];
  const sets = new Map<ResourceType, Map<string, PodSet>>(all.map(({ type }) => [type, new Map()]));
  const controllers = new Map<ResourceType, Controller>(all.map((controller) => [controller.type, controller]));
  const setOf = ({ type, namespace, name }: ObjectRef) => sets.get(type)?.get(`${namespace}/${name}`);
  ports.api.onChange(({ type, kind, object, old }) => {
    const controller = controllers.get(kind);
    if (controller === undefined || (type === "modified" && object.spec === old?.spec)) return;
    const ref = { type: kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
    if (type === "deleted") return remove(ref);
    wake(controller, ref, 20 + ports.chance.between(0, 80));
  });
  watchKnativeServices(ports);

  function remove(ref: ObjectRef): void {
    ports.beforeChange();
    const set = setOf(ref);
    for (const pod of set?.pods ?? []) pod.cancel();
    set?.deadline();
    sets.get(ref.type)?.delete(`${ref.namespace}/${ref.name}`);
  }

  function wake(controller: Controller, ref: ObjectRef, ms: number): void {
    const set = setOf(ref) ?? newPodSet(ports.schedule.now());
    sets.get(ref.type)?.set(`${ref.namespace}/${ref.name}`, set);
    if (set.due) return;
    set.due = true;
    ports.schedule.after(ms, () => {
      set.due = false;
      const object = ports.api.get(ref);
      if (object === undefined || setOf(ref) !== set) return;
      ports.beforeChange();
      set.deadline();
      const again = () => wake(controller, ref, 0);
      const status = controller.look(object, set, toolsFor(object, set, again));
      ports.api.patch(ref, { status }, STATUS, "cluster");
    });
  }

  function toolsFor(object: KubeObject, set: PodSet, again: () => void): Tools {
    const now = ports.schedule.now();
    return {
      now,
      start: (template: KubeFields, slot = 0) => startPod(object, set, { template, slot }, ports, again),
      drop: (pod) => drop(set, pod),
      lookAgainAt(time) {
        set.deadline = ports.schedule.after(time - now, again);
      },
    };
  }

  return {
    serving: (ref) => byImage(setOf(ref)?.pods ?? []),
    selected(namespace, selector) {
      const wanted = Object.entries(selector);
      const carries = ({ template }: PodSet["pods"][number]) =>
        wanted.every(([key, value]) => template?.metadata?.labels?.[key] === value);
      const selected: PodSet["pods"] = [];
      // Asked at every change of routes or pods, so that no list is made but the last.
      for (const objects of sets.values()) {
        for (const [key, set] of objects) {
          if (key.startsWith(`${namespace}/`)) for (const pod of set.pods) if (carries(pod)) selected.push(pod);
        }
      }
      return byImage(selected);
    },
    lose(ref, all, forMs) {
      const [set, controller] = [setOf(ref), controllers.get(ref.type)];
      if (set === undefined || controller === undefined) return;
      ports.beforeChange();
      set.brokenUntil = ports.schedule.now() + forMs;
      for (const pod of all ? [...set.pods] : set.pods.slice(0, 1)) drop(set, pod);
      wake(controller, ref, 0);
    },
  };
}

function byImage(pods: PodSet["pods"]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { ready, image } of pods) if (ready) counts.set(image, (counts.get(image) ?? 0) + 1);
  return counts;
}
