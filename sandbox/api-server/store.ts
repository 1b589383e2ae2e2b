/**
 * The embedded cluster's memory. Every write takes the same way, whether it came over HTTP or from inside the sandbox:
 *
 *   given --metadata rules--> draft --prune, defaults, admission--> --validation--> --field owners-->
 *         --nothing changed?--> stop
 *         --commit: next resourceVersion--> collection --> watches, then consequences (CRD registered, ...)
 *
 * What never happens: a write that changes nothing but bumps a version; a status write that changes the spec.
 */
import { randomUUID } from "node:crypto";
import type { Clock, Random } from "../../src/ports/clock.ts";
import type { KubeObject, ResourceType } from "../../src/ports/kubernetes.ts";
import { machineClock, rfc3339 } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import { conflict, forbidden, noSuchResource, notFound } from "./errors.ts";
import { trackUpdate } from "./patch/index.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { apiVersionFor, type Resource, storageKey, type Target } from "./resource.ts";
import { serviceNumbers } from "./store/admission.ts";
import { createChangeLog, LIKE_KUBERNETES, type LogBounds } from "./store/change-log.ts";
import { type Collection, createCollection } from "./store/collection.ts";
import { consequences } from "./store/consequences.ts";
import { fromStorage } from "./store/conversion.ts";
import { type DeleteOptions, type Deletion, doomed } from "./store/deletion.ts";
import { copyOf, freeze, same } from "./store/json.ts";
import { isFinalized } from "./store/lifecycle.ts";
import { watchOf } from "./store/watching.ts";
import { type Core, insert, replace, type Tracker, type WriteOptions } from "./store/writes.ts";

export type { Change } from "./store/change-log.ts";
export type { Collection } from "./store/collection.ts";
export type { DeleteOptions, Deletion, Propagation } from "./store/deletion.ts";
export type { Tracker, WriteOptions } from "./store/writes.ts";

export interface StoreOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly uid?: () => string;
  /** Where cluster IPs come from; 127.255.x.y when absent. */
  readonly addresses?: { readonly service: () => string; readonly releaseService: (address: string) => void };
  /** Of the changes of each resource that a watch can resume from; LIKE_KUBERNETES when absent. */
  readonly log?: LogBounds;
  /** First resourceVersion. Let it grow from run to run: then a client of an earlier run is told to list again. */
  readonly firstVersion?: number;
}

/** The whole API server but HTTP. */
export interface Store extends Cluster {
  readonly registry: Registry;
  readonly clock: Clock;
  /** The latest resourceVersion. */
  version(): number;
  collection(resource: Pick<Resource, "storage">): Collection;
  read(target: Target, namespace: string, name: string): KubeObject | undefined;
  insert(target: Target, object: KubeObject, options: WriteOptions): KubeObject;
  replace(target: Target, object: KubeObject, options: WriteOptions): KubeObject;
  /** @throws ApiError 404, 409 when a precondition fails */
  delete(target: Target, namespace: string, name: string, options: DeleteOptions): Deletion;
}

const LASTING: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** Field manager of the sandbox's own controllers. */
const SANDBOX_MANAGER = "aviary-sandbox";

/** An empty cluster with the four namespaces that every cluster has. */
export function createStore(options: StoreOptions = {}): Store {
  const core = createCore(options);
  const store = storeOver(core);
  const namespaces = core.registry.find("", "v1", "namespaces");
  if (namespaces === undefined) throw new Error("the namespaces resource is not registered");
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    store.insert(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, {});
  }
  return store;
}

function createCore(options: StoreOptions): Core {
  const { clock = machineClock, random = Math.random, uid = randomUUID, log = LIKE_KUBERNETES } = options;
  const registry = createRegistry();
  const collections = new Map<string, Collection>();
  let version = options.firstVersion ?? 1;
  const begin = version;
  const collection: Core["collection"] = (resource) => {
    const key = storageKey(resource);
    const known = collections.get(key) ?? createCollection(createChangeLog(log, begin, clock.now));
    collections.set(key, known);
    return known;
  };
  const core: Core = {
    registry,
    clock,
    random,
    uid,
    numbers: serviceNumbers(options.addresses ?? spareAddresses()),
    now: () => rfc3339(clock.now()),
    version: () => version,
    collection,
    commit: (resource, type, draft, previous) => {
      version += 1;
      draft.metadata.resourceVersion = String(version);
      const object = freeze(draft);
      collection(resource).apply({ type, version, object, ...(previous && { previous }) });
      consequences(core, resource, object, type === "DELETED" ? undefined : object, previous);
      return object;
    },
    erase: (resource, last, previous) => core.commit(resource, "DELETED", copyOf(last), previous),
    remove: (resource, live, deletion) => remove(core, resource, live, deletion),
  };
  return core;
}

/** Addresses that are unused in the sandbox, for stores without an address block of their own. */
function spareAddresses() {
  let next = 0;
  return {
    service: () => {
      next += 1;
      return `127.255.${Math.floor(next / 254) % 255}.${1 + (next % 254)}`;
    },
    releaseService: () => {},
  };
}

function remove(core: Core, resource: Resource, live: KubeObject, options: DeleteOptions): Deletion {
  const draft = doomed(live, options, core.now());
  if (options.dryRun === true) return { object: freeze(draft), removed: false };
  if (isFinalized(draft)) return { object: core.erase(resource, live, live), removed: true };
  if (same(draft, live)) return { object: live, removed: false };
  return { object: core.commit(resource, "MODIFIED", draft, live), removed: false };
}

function storeOver(core: Core): Store {
  const { registry } = core;
  const known = (type: ResourceType) => registry.find(type.group, type.version, type.plural);
  const targetOf = (type: ResourceType): Target => {
    const target = known(type);
    if (target === undefined) throw noSuchResource();
    return target;
  };
  const seen = ({ resource, version }: Target, object: KubeObject) => fromStorage(resource, version.name, object);
  const read: Store["read"] = (target, namespace, name) => {
    const object = core.collection(target.resource).get(target.resource.namespaced ? namespace : "", name);
    return object && seen(target, object);
  };
  const store: Store = {
    registry,
    clock: core.clock,
    version: core.version,
    collection: core.collection,
    read,
    insert: (target, object, options) => insert(core, target, object, options),
    replace: (target, object, options) => replace(core, target, object, options),
    delete: (target, namespace, name, options) => {
      const { resource } = target;
      const live = core.collection(resource).get(resource.namespaced ? namespace : "", name);
      if (live === undefined) throw notFound(resource, name);
      if (resource.kind === "Namespace" && LASTING.has(name)) {
        throw forbidden(resource, name, "this namespace may not be deleted");
      }
      checkDeletion(resource, live, options);
      const { object, removed } = core.remove(resource, live, options);
      return { object: seen(target, object), removed };
    },
    // Kinds that are not installed (yet) have no objects.
    get: (type, namespace, name) => {
      const target = known(type);
      return target && read(target, namespace, name);
    },
    list: (type, namespace = "") => {
      const target = known(type);
      if (target === undefined) return [];
      return core
        .collection(target.resource)
        .list(namespace)
        .map((object) => seen(target, object));
    },
    create: (type, object) => insert(core, targetOf(type), object, {}),
    update: (type, object) => {
      const target = targetOf(type);
      return replace(core, target, object, { trusted: true, ...ownTracker(core, target, object) });
    },
    updateStatus: (type, object) => replace(core, targetOf(type), object, { part: "status", trusted: true }),
    remove: (type, namespace, name) => {
      const target = known(type);
      if (target !== undefined && read(target, namespace, name) !== undefined)
        store.delete(target, namespace, name, {});
    },
    watch: (type, listener) => watchOf(core, type, listener),
  };
  return store;
}

/**
 * The sandbox's parts own fields of objects that have owners on record: an applier must see the conflict. What only the
 * sandbox writes (pods, ReplicaSets) needs no records.
 */
function ownTracker(core: Core, { resource, version }: Target, { metadata }: KubeObject): { track?: Tracker } {
  const stored = core.collection(resource).get(metadata.namespace ?? "", metadata.name);
  const schema = version.schema();
  if (stored?.metadata["managedFields"] === undefined || schema === undefined) return {};
  const apiVersion = apiVersionFor(resource, version.name);
  const owner = { schema, manager: SANDBOX_MANAGER, now: core.now(), apiVersion };
  return { track: (live, updated) => trackUpdate({ ...owner, live, updated }) };
}

function checkDeletion(resource: Resource, live: KubeObject, { uid, resourceVersion }: DeleteOptions): void {
  const failed = (field: string, wanted: string, found = "") => {
    const why = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${found}`;
    return conflict(resource, live.metadata.name, why);
  };
  if (uid !== undefined && uid !== live.metadata.uid) {
    throw failed("UID", uid, live.metadata.uid);
  }
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
    throw failed("ResourceVersion", resourceVersion, live.metadata.resourceVersion);
  }
}
