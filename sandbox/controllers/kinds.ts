/** Which kinds there are right now: the built-in ones, and those of the CustomResourceDefinitions. */
import { type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { BUILT_IN, NODE } from "./types.ts";

export interface Kinds {
  /** All kinds, each in the one version that is stored. */
  all(): readonly ResourceType[];
  /** The kind an owner reference means; undefined when no such kind is registered. */
  find(apiVersion: string, kind: string): ResourceType | undefined;
  stop(): void;
}

/** @param appeared called once for every kind, as soon as it is there */
export function watchKinds(cluster: Cluster, appeared: (type: ResourceType) => void): Kinds {
  const kinds = new Map<string, ResourceType>();
  const id = (group: string, kind: string) => `${group}/${kind}`;
  const add = (type: ResourceType) => {
    if (kinds.has(id(type.group, type.kind))) return;
    kinds.set(id(type.group, type.kind), type);
    appeared(type);
  };
  for (const type of [...BUILT_IN, NODE, RESOURCES.namespace, RESOURCES.crd]) add(type);
  const stop = cluster.watch(RESOURCES.crd, ({ type, object }) => {
    const described = typeOf(object);
    if (type === "DELETED") kinds.delete(id(described.group, described.kind));
    else add(described);
  });
  return {
    all: () => [...kinds.values()],
    // Any served version names the same objects.
    find: (apiVersion, kind) => kinds.get(id(apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "", kind)),
    stop,
  };
}

function typeOf(crd: KubeObject): ResourceType {
  const { group, names, scope, versions } = crd.spec;
  const stored = versions.find((version: { storage?: boolean }) => version.storage === true) ?? versions[0];
  return { group, version: stored.name, plural: names.plural, kind: names.kind, namespaced: scope === "Namespaced" };
}
