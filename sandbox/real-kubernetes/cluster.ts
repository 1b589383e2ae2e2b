/**
 * The sandbox's view of a real API server: reads come from reflections, writes go to the API server and are answered
 * before the call returns. Addresses of pods are loopback addresses, which Kubernetes refuses in Endpoints: these kinds
 * stay in the sandbox.
 */
import { equal } from "../../src/json/merge-patch.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { ApiError, type Cluster, type WatchEvent } from "../cluster.ts";
import { isTerminating } from "../controllers/objects.ts";
import { inOrder } from "../in-order.ts";
import { type Api, createApi } from "./api.ts";
import { type BlockingHttp, createBlockingHttp, type Endpoint } from "./blocking-http.ts";
import { createOwnKinds, isOwnKind } from "./own-kinds.ts";
import { createReflection, type Reflection } from "./reflection.ts";

export interface RealCluster {
  readonly cluster: Cluster;
  readonly api: Api;
  stop(): Promise<void>;
}

interface Parts {
  readonly api: Api;
  readonly http: BlockingHttp;
  reflection(type: ResourceType): Reflection;
}

export function connectRealCluster(endpoint: Endpoint, clock: Clock): RealCluster {
  const http = createBlockingHttp(endpoint);
  const api = createApi(http);
  const reflections = new Map<string, Reflection>();
  const idOf = ({ group, version, plural }: ResourceType) => `${group}/${version}/${plural}`;
  const reflection = (type: ResourceType): Reflection => {
    const known = reflections.get(idOf(type)) ?? createReflection(type, { api, endpoint, clock });
    reflections.set(idOf(type), known);
    return known;
  };
  const parts: Parts = { api, http, reflection };
  // Kinds that are not served yet are asked for again when a definition is there.
  reflection(RESOURCES.crd).listen(({ type: change, object: { spec, status } }) => {
    const conditions: readonly KubeFields[] = status?.conditions ?? [];
    const isServed =
      change !== "DELETED" && conditions.some(({ type, status }) => type === "Established" && status === "True");
    for (const { type, defined } of reflections.values())
      if (type.group === spec?.group && type.plural === spec?.names.plural) defined(isServed);
  });
  return {
    cluster: clusterOver(parts),
    api,
    stop: async () => {
      for (const each of reflections.values()) each.stop();
      await http.stop();
    },
  };
}

function clusterOver(parts: Parts): Cluster {
  const own = createOwnKinds();
  const at = (type: ResourceType) => (isOwnKind(type) ? own.reflection(type) : parts.reflection(type));
  return {
    get: (type, namespace, name) => at(type).get(namespace, name),
    list: (type, namespace = "") => at(type).list(type.namespaced ? namespace : ""),
    create: (type, object) => (isOwnKind(type) ? own.create(type, object) : create(parts, type, object)),
    update: (type, object) => (isOwnKind(type) ? own.update(type, object) : update(parts, type, object)),
    updateStatus: (type, object) => save(parts, type, object, "status"),
    remove: (type, namespace, name) => {
      if (isOwnKind(type)) own.remove(type, namespace, name);
      else remove(parts, type, namespace, name);
    },
    watch: (type, listener) => watch(at(type), listener),
  };
}

/** A kind is served a moment after its definition is accepted. */
const SERVED_MS = 15_000;
const LOOK_AGAIN_MS = 50;

function create({ api, http, reflection }: Parts, type: ResourceType, object: KubeObject): KubeObject {
  // Half of what controllers write are Events, and no controller reads them: they are not worth waiting for.
  if (type.kind === RESOURCES.event.kind && type.group === RESOURCES.event.group) {
    api.tell(type, object);
    return object;
  }
  for (let waited = 0; ; waited += LOOK_AGAIN_MS) {
    try {
      return reflection(type).saw(api.create(type, object));
    } catch (error) {
      const isDefined = () => api.get(RESOURCES.crd, "", `${type.plural}.${type.group}`) !== undefined;
      const isUnserved = error instanceof ApiError && error.code === 404 && error.details?.["name"] === undefined;
      if (!isUnserved || waited >= SERVED_MS || !isDefined()) throw error;
      http.pause(LOOK_AGAIN_MS);
    }
  }
}

function update(parts: Parts, type: ResourceType, object: KubeObject): KubeObject {
  const { namespace = "", name } = object.metadata;
  const live = parts.reflection(type).get(namespace, name);
  if (type.kind === "Pod" && live?.spec?.nodeName === undefined && object.spec?.nodeName !== undefined) {
    parts.api.bind(object, object.spec.nodeName);
    return save(parts, type, withFreshSpec(parts, type, object));
  }
  if (type.kind === "Namespace" && !equal(live?.spec?.finalizers, object.spec?.finalizers)) {
    return save(parts, type, object, "finalize");
  }
  return save(parts, type, object);
}

/** A pod is bound by a request of its own, which changes the version. */
function withFreshSpec({ api }: Parts, type: ResourceType, { metadata, ...rest }: KubeObject): KubeObject {
  const { name, namespace = "" } = metadata;
  const bound = api.get(type, namespace, name);
  const resourceVersion = bound?.metadata.resourceVersion;
  return {
    ...rest,
    spec: bound?.spec ?? rest.spec,
    metadata: { ...metadata, ...(resourceVersion && { resourceVersion }) },
  };
}

function save(parts: Parts, type: ResourceType, object: KubeObject, part?: "status" | "finalize"): KubeObject {
  const { api, reflection } = parts;
  const { name, namespace = "" } = object.metadata;
  try {
    const saved = api.replace(type, versioned(parts, type, object), part);
    if (part !== "status" && isTerminating(saved)) return finish(parts, type, saved);
    return reflection(type).saw(saved);
  } catch (error) {
    // The next try is to start from what the API server has now.
    if (error instanceof ApiError && error.reason === "Conflict") look(parts, type, namespace, name);
    throw error;
  }
}

/** Custom resources are replaced in a version that is named. */
function versioned({ reflection }: Parts, type: ResourceType, object: KubeObject): KubeObject {
  const { name, namespace = "", resourceVersion } = object.metadata;
  const known = resourceVersion ?? reflection(type).get(namespace, name)?.metadata.resourceVersion;
  return known === undefined ? object : { ...object, metadata: { ...object.metadata, resourceVersion: known } };
}

/** The write may have been the last one of an object that is being deleted. A pod without finalizers goes now. */
function finish(parts: Parts, type: ResourceType, saved: KubeObject): KubeObject {
  const { name, namespace = "", finalizers = [] } = saved.metadata;
  if (type.kind === "Pod" && finalizers.length === 0) parts.api.remove(type, namespace, name, true);
  parts.reflection(type).saw(saved);
  return look(parts, type, namespace, name) ?? saved;
}

/** Asks the API server itself. */
function look({ api, reflection }: Parts, type: ResourceType, namespace: string, name: string): KubeObject | undefined {
  const known = reflection(type).get(namespace, name);
  const live = api.get(type, namespace, name);
  if (live !== undefined && live.metadata.uid === known?.metadata.uid) return reflection(type).saw(live);
  if (known !== undefined) reflection(type).lost(known);
  return live === undefined ? undefined : reflection(type).saw(live);
}

function remove(parts: Parts, type: ResourceType, namespace: string, name: string): void {
  parts.api.remove(type, namespace, name);
  look(parts, type, namespace, name);
}

/** See Cluster.watch. */
function watch(reflection: Pick<Reflection, "list" | "listen">, listener: (event: WatchEvent) => void): () => void {
  const { push, stop } = inOrder(listener);
  for (const object of reflection.list("")) push({ type: "ADDED", object });
  const unlisten = reflection.listen(({ type, object }) => push({ type, object }));
  return () => {
    stop();
    unlisten();
  };
}
