/** Values by object. A turn looks up 30 of them: a key of text would have to be put together and hashed each time. */
import type { ObjectRef } from "../../ports/kubernetes.ts";

export interface RefMap<T> {
  readonly size: number;
  get(ref: ObjectRef): T | undefined;
  set(ref: ObjectRef, value: T): void;
  delete(ref: ObjectRef): void;
  values(): readonly T[];
}

interface Entry<T> {
  readonly type: ObjectRef["type"];
  readonly value: T;
}

export function createRefMap<T>(): RefMap<T> {
  /** By namespace and name: few kinds have an object of one name. */
  const namespaces = new Map<string, Map<string, readonly Entry<T>[]>>();
  let size = 0;

  const entriesOf = ({ namespace, name }: ObjectRef) => namespaces.get(namespace)?.get(name) ?? [];

  function drop(ref: ObjectRef): readonly Entry<T>[] {
    const entries = entriesOf(ref);
    const others = entries.filter(({ type }) => !isSameKind(type, ref.type));
    size -= entries.length - others.length;
    return others;
  }

  return {
    get size() {
      return size;
    },
    get: (ref) => entriesOf(ref).find(({ type }) => isSameKind(type, ref.type))?.value,
    set(ref, value) {
      const entries = [...drop(ref), { type: ref.type, value }];
      const inNamespace = namespaces.get(ref.namespace) ?? new Map<string, readonly Entry<T>[]>();
      namespaces.set(ref.namespace, inNamespace.set(ref.name, entries));
      size += 1;
    },
    delete(ref) {
      const inNamespace = namespaces.get(ref.namespace);
      const others = drop(ref);
      if (others.length > 0) inNamespace?.set(ref.name, others);
      else inNamespace?.delete(ref.name);
      if (inNamespace?.size === 0) namespaces.delete(ref.namespace);
    },
    values: () => [...namespaces.values()].flatMap((named) => [...named.values()].flat().map(({ value }) => value)),
  };
}

/** The version is no part of the key: an API server stores each object once. */
const isSameKind = (a: ObjectRef["type"], b: ObjectRef["type"]): boolean =>
  a === b || (a.plural === b.plural && a.group === b.group);
