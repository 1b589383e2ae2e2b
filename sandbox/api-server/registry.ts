/** Which resources the API server serves right now: the built-in ones, and those that CRDs add and remove. */
import { BUILTIN_RESOURCES } from "./builtin-resources.ts";
import type { Resource, Target } from "./resource.ts";

export interface Registry {
  /** undefined when the resource is unknown or not served in this version. */
  find(group: string, version: string, plural: string): Target | undefined;
  all(): readonly Resource[];
  /** Replaces the resource of the same group and plural. */
  register(resource: Resource): void;
  unregister(group: string, plural: string): void;
  /** Grows with every change: documents computed from the registry are valid for one revision. */
  revision(): number;
  /** Calls `listener` after every change. @returns stops listening */
  onChange(listener: () => void): () => void;
}

/** A registry with the built-in resources. */
export function createRegistry(): Registry {
  const resources = new Map<string, Resource>();
  const listeners = new Set<() => void>();
  let revision = 0;
  const changed = () => {
    revision += 1;
    for (const listener of [...listeners]) listener();
  };
  const idOf = (group: string, plural: string) => `${group}/${plural}`;
  const versionOf = (resource: Resource | undefined, name: string): Target | undefined => {
    const version = resource?.versions.find((candidate) => candidate.name === name);
    return resource === undefined || version === undefined ? undefined : { resource, version };
  };
  for (const resource of BUILTIN_RESOURCES) resources.set(idOf(resource.group, resource.plural), resource);
  return {
    find: (group, version, plural) => versionOf(resources.get(idOf(group, plural)), version),
    all: () => [...resources.values()],
    register: (resource) => {
      resources.set(idOf(resource.group, resource.plural), resource);
      changed();
    },
    unregister: (group, plural) => {
      if (resources.delete(idOf(group, plural))) changed();
    },
    revision: () => revision,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
