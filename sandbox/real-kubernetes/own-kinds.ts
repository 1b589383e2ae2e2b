/**
 * Kinds that the sandbox keeps to itself beside a real API server. Kubernetes refuses loopback addresses in Endpoints
 * and EndpointSlices, and the sandbox's pods have no others.
 */
import { randomUUID } from "node:crypto";
import { type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { alreadyExists, modified, notFound } from "../api-server/errors.ts";
import { NO_LOG } from "../api-server/store/change-log.ts";
import { type Collection, createCollection } from "../api-server/store/collection.ts";
import { freeze } from "../api-server/store/json.ts";
import type { WatchEvent } from "../cluster.ts";

export const isOwnKind = ({ plural, group }: ResourceType): boolean =>
  [RESOURCES.endpoints, RESOURCES.endpointSlice].some((own) => own.plural === plural && own.group === group);

export interface OwnKinds {
  reflection(type: ResourceType): Pick<Collection, "get" | "list" | "listen">;
  create(type: ResourceType, object: KubeObject): KubeObject;
  update(type: ResourceType, object: KubeObject): KubeObject;
  remove(type: ResourceType, namespace: string, name: string): void;
}

export function createOwnKinds(): OwnKinds {
  const collections = new Map<string, Collection>();
  let version = 1;
  const of = (type: ResourceType): Collection => {
    const known = collections.get(type.plural) ?? createCollection(NO_LOG);
    collections.set(type.plural, known);
    return known;
  };
  const keep = (type: ResourceType, change: WatchEvent["type"], object: KubeObject): KubeObject => {
    version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const kept = freeze(structuredClone({ ...object, metadata }));
    of(type).apply({ type: change, version, object: kept });
    return kept;
  };
  return {
    reflection: of,
    create: (type, object) => {
      const { namespace = "", name } = object.metadata;
      if (of(type).get(namespace, name) !== undefined) throw alreadyExists(type, name);
      return keep(type, "ADDED", { ...object, metadata: { ...object.metadata, uid: randomUUID() } });
    },
    update: (type, object) => {
      const { namespace = "", name, resourceVersion } = object.metadata;
      const live = of(type).get(namespace, name);
      if (live === undefined) throw notFound(type, name);
      if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
        throw modified(type, name);
      }
      return keep(type, "MODIFIED", object);
    },
    remove: (type, namespace, name) => {
      const live = of(type).get(namespace, name);
      if (live !== undefined) keep(type, "DELETED", live);
    },
  };
}
