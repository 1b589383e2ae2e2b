/** Which resources the API server serves right now: the built-in ones, and those that CRDs add and remove. */
import { BUILTIN_RESOURCES } from "./builtin-resources.ts";
import type { Resource, Target } from "./resource.ts";

export interface Registry {
  /** undefined when the resource is unknown or not served in this version. */
  find(group: string, version: string, plural: string): Target | undefined;
  /** By kind, for objects that only name their apiVersion and kind. */
  findKind(group: string, version: string, kind: string): Target | undefined;
  all(): readonly Resource[];
  /** Replaces the resource of the same group and plural. */
  register(resource: Resource): void;
  unregister(group: string, plural: string): void;
  /** Grows with every change: documents computed from the registry are valid for one revision. */
  revision(): number;
}

/** A registry with the built-in resources. */
export function createRegistry(): Registry {
  const resources = new Map<string, Resource>();
  let revision = 0;
  const idOf = (group: string, plural: string) => `${group}/${plural}`;
  const versionOf = (resource: Resource | undefined, name: string): Target | undefined => {
    const version = resource?.versions.find((candidate) => candidate.name === name);
    return resource === undefined || version === undefined ? undefined : { resource, version };
  };
  for (const resource of BUILTIN_RESOURCES) resources.set(idOf(resource.group, resource.plural), resource);
  return {
    find: (group, version, plural) => versionOf(resources.get(idOf(group, plural)), version),
    findKind: (group, version, kind) => {
      const found = [...resources.values()].filter((entry) => entry.group === group && entry.kind === kind);
      return found.map((entry) => versionOf(entry, version)).find((target) => target !== undefined);
    },
    all: () => [...resources.values()],
    register: (resource) => {
      resources.set(idOf(resource.group, resource.plural), resource);
      revision += 1;
    },
    unregister: (group, plural) => {
      if (resources.delete(idOf(group, plural))) revision += 1;
    },
    revision: () => revision,
  };
}
