/**
 * An API server for bursts and large clusters: a real HTTP server over objects in memory, as slow as a test wants. It
 * works on few requests at once, the others wait, and a request that waits for too long is answered with 504, as by a
 * starved kube-apiserver. Its Deployments become ready as soon as they are written. For small worlds see
 * toy-api-server.ts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { applyMergePatch } from "../json/merge-patch.ts";
import { apiVersionOf, type KubeFields, type KubeObject, type ResourceType } from "../ports/kubernetes.ts";
import { deletionOf, isLetGo } from "./deletion.ts";
import { selects } from "./selects.ts";

export interface StubOptions {
  /** Requests worked on at once; 1,000 when absent. */
  readonly workers?: number;
  /** The duration of one request, milliseconds; 0 when absent. Reads cost as much as writes. */
  readonly workMs?: number;
  /** A request that has not started after this time is answered with 504; 34 s when absent. */
  readonly patienceMs?: number;
  /** Completes an object when it is sent; for contents that would not fit in memory. */
  readonly fill?: (object: KubeObject) => KubeObject;
  /** How long the pods of a workload take to become ready, milliseconds; at once when absent. */
  readonly readyAfterMs?: number;
  /** How long the answer to a request is held back, milliseconds; not at all when absent or 0. */
  readonly delayMs?: (method: string, path: string) => number;
  /** Called before a request is handled; a returned value is the answer. */
  readonly intercept?: (
    method: string,
    path: string,
  ) => { readonly code: number; readonly body: KubeFields } | undefined;
}

export interface StubFigures {
  /** "GET", "LIST", "WATCH", "POST", ... and how many. */
  readonly verbs: Map<string, number>;
  /** "verb group/plural[/subresource]" of all requests. */
  readonly asked: Set<string>;
  connections: number;
  mostConnections: number;
  mostInFlight: number;
  timeouts: number;
  /** The client closed these before the answer. */
  abandoned: number;
}

export interface StubCluster {
  readonly url: string;
  readonly figures: StubFigures;
  put(type: ResourceType, object: KubeFields): KubeObject;
  get(type: ResourceType, namespace: string, name: string): KubeObject | undefined;
  list(type: ResourceType): readonly KubeObject[];
  remove(type: ResourceType, namespace: string, name: string): void;
  /** Called after every write. */
  onWrite(listener: (object: KubeObject) => void): void;
  /** Drops all versions: open watches end with 410. */
  expire(): void;
  close(): Promise<void>;
}

interface Asked {
  readonly verb: string;
  readonly collection: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly metadataOnly: boolean;
}

interface Watcher {
  readonly asked: Asked;
  readonly isWanted: (object: KubeObject) => boolean;
  readonly response: ServerResponse;
}

const collectionOf = ({ group, plural }: ResourceType) => `${group}/${plural}`;
const failure = (code: number, reason: string) => ({
  code,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: `${reason} (stub)` },
});

function readRequest(request: IncomingMessage): Asked {
  const url = new URL(request.url ?? "/", "http://stub");
  const parts = url.pathname.split("/").filter((part) => part !== "");
  const group = parts[0] === "api" ? "" : (parts[1] ?? "");
  const rest = parts.slice(parts[0] === "api" ? 2 : 3);
  const namespace = rest[0] === "namespaces" && rest.length > 2 ? (rest[1] ?? "") : "";
  const [plural = "", name = "", subresource = ""] = namespace === "" ? rest : rest.slice(2);
  const get = url.searchParams.get("watch") === "true" ? "WATCH" : name === "" ? "LIST" : "GET";
  return {
    verb: request.method === "GET" ? get : (request.method ?? ""),
    ...{ collection: `${group}/${plural}`, namespace, name, subresource, query: url.searchParams },
    metadataOnly: (request.headers.accept ?? "").includes("as=PartialObjectMetadata"),
  };
}

/** Admits few requests at once. */
function createDesk({ workers = 1000, workMs = 0, patienceMs = 34_000 }: StubOptions) {
  const waiting: (() => void)[] = [];
  let busy = 0;
  const leave = () => {
    busy -= 1;
    waiting.shift()?.();
  };
  return {
    get load() {
      return busy + waiting.length;
    },
    /** @returns whether the work was done in time */
    async work(): Promise<boolean> {
      if (busy >= workers) {
        const came = performance.now();
        await new Promise<void>((begin) => waiting.push(begin));
        if (performance.now() - came > patienceMs) {
          busy += 1;
          leave();
          return false;
        }
      }
      busy += 1;
      if (workMs > 0) await new Promise((resolve) => setTimeout(resolve, workMs));
      leave();
      return true;
    },
  };
}

function createObjects() {
  const collections = new Map<string, Map<string, KubeObject>>();
  let version = 1000;
  const inside = (collection: string) => {
    const found = collections.get(collection) ?? new Map<string, KubeObject>();
    collections.set(collection, found);
    return found;
  };
  return {
    version: () => String(version),
    inside,
    store(collection: string, object: KubeFields): { readonly object: KubeObject; readonly old?: KubeObject } {
      version += 1;
      const { namespace = "", name } = object.metadata;
      const old = inside(collection).get(`${namespace}/${name}`);
      const sameSpec = JSON.stringify(old?.["spec"]) === JSON.stringify(object.spec);
      const metadata = {
        ...object.metadata,
        uid: old?.metadata.uid ?? `uid-${version}`,
        generation: (old?.metadata.generation ?? 0) + (sameSpec && old !== undefined ? 0 : 1),
        creationTimestamp: old?.metadata["creationTimestamp"] ?? "2026-01-01T00:00:00Z",
        resourceVersion: String(version),
      };
      const stored = { ...object, metadata } as KubeObject;
      inside(collection).set(`${namespace}/${name}`, stored);
      return old === undefined ? { object: stored } : { object: stored, old };
    },
  };
}

export async function startStubCluster(options: StubOptions = {}): Promise<StubCluster> {
  const objects = createObjects();
  const watchers = new Set<Watcher>();
  const listeners: ((object: KubeObject) => void)[] = [];
  const figures = createFigures();
  const desk = createDesk(options);
  const whole = options.fill ?? ((object: KubeObject) => object);
  const shown = (object: KubeObject, { metadataOnly }: Asked) =>
    metadataOnly
      ? { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata }
      : whole(object);

  function tell(collection: string, type: string, object: KubeObject): void {
    for (const { asked, isWanted, response } of watchers) {
      if (asked.collection !== collection || !isWanted(object)) continue;
      if (asked.namespace !== "" && asked.namespace !== object.metadata.namespace) continue;
      if (!response.writableEnded) response.write(`${JSON.stringify({ type, object: shown(object, asked) })}\n`);
    }
  }

  function save(collection: string, fields: KubeFields): KubeObject {
    const { object, old } = objects.store(collection, fields);
    tell(collection, old === undefined ? "ADDED" : "MODIFIED", object);
    for (const listen of listeners) listen(object);
    const isNew = old?.metadata.generation !== object.metadata.generation;
    if (collection.startsWith("apps/") && isNew) roll(collection, object);
    return object;
  }

  /**
   * As the controllers of workloads do. What was written meanwhile is kept, and a newer template has its own rollout.
   */
  function roll(collection: string, { metadata: { namespace, name, generation } }: KubeObject): void {
    const { readyAfterMs } = options;
    const saveAs = (state: (object: KubeObject) => KubeFields): void => {
      const now = objects.inside(collection).get(`${namespace}/${name}`);
      if (now !== undefined && now.metadata.generation === generation) save(collection, state(now));
    };
    setImmediate(() => {
      if (readyAfterMs === undefined) return saveAs(ready);
      saveAs(unready);
      // Only now: on a busy machine a timer may come before an immediate that was set earlier.
      setTimeout(() => saveAs(ready), readyAfterMs).unref();
    });
  }

  function write(asked: Asked, body: KubeFields): { readonly code: number; readonly body: KubeFields } {
    const { verb, collection, namespace, name, subresource } = asked;
    if (verb === "POST") {
      const key = `${namespace}/${body.metadata.name}`;
      if (objects.inside(collection).has(key)) return failure(409, "AlreadyExists");
      // The status is written by its own path.
      const { status: _status, ...rest } = body;
      return { code: 201, body: save(collection, { ...rest, metadata: { ...body.metadata, namespace } }) };
    }
    const old = objects.inside(collection).get(`${namespace}/${name}`);
    if (old === undefined) return failure(404, "NotFound");
    if (verb === "DELETE") {
      const deletion = deletionOf(old, body?.preconditions?.uid);
      if (deletion.kind === "conflict") return failure(409, "Conflict");
      if (deletion.kind === "gone") return erase(collection, old);
      return { code: 200, body: deletion.marked === undefined ? old : save(collection, deletion.marked) };
    }
    const guard = body.metadata?.resourceVersion;
    if (guard !== undefined && guard !== old.metadata.resourceVersion) return failure(409, "Conflict");
    const wanted: KubeFields = verb === "PUT" ? body : applyMergePatch(old, body);
    const next = subresource === "status" ? { ...old, status: wanted.status } : { ...wanted, status: old["status"] };
    const isSame = JSON.stringify({ ...next, metadata: 0 }) === JSON.stringify({ ...old, metadata: 0 });
    const sameMetadata = JSON.stringify(wanted.metadata) === JSON.stringify(old.metadata);
    if (isSame && sameMetadata) return { code: 200, body: old };
    if (isLetGo(next as KubeObject)) return erase(collection, next as KubeObject);
    return { code: 200, body: save(collection, next) };
  }

  function erase(collection: string, last: KubeObject): { readonly code: number; readonly body: KubeFields } {
    const { namespace = "", name } = last.metadata;
    objects.inside(collection).delete(`${namespace}/${name}`);
    tell(collection, "DELETED", last);
    return { code: 200, body: last };
  }

  function read(asked: Asked): { readonly code: number; readonly body: KubeFields } {
    const { collection, namespace, name, query } = asked;
    if (name !== "") {
      const found = objects.inside(collection).get(`${namespace}/${name}`);
      return found === undefined ? failure(404, "NotFound") : { code: 200, body: shown(found, asked) };
    }
    const isWanted = selects(query);
    const all = [...objects.inside(collection).values()].filter(
      (object) => (namespace === "" || object.metadata.namespace === namespace) && isWanted(object),
    );
    const from = Number(query.get("continue") ?? 0);
    const limit = Number(query.get("limit") ?? all.length);
    const page = all.slice(from, from + limit).map((object) => shown(object, asked));
    const more = from + limit < all.length ? { continue: String(from + limit) } : {};
    const kind = asked.metadataOnly ? "PartialObjectMetadataList" : "List";
    return { code: 200, body: { kind, metadata: { resourceVersion: objects.version(), ...more }, items: page } };
  }

  function watch(asked: Asked, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const since = Number(asked.query.get("resourceVersion") ?? 0);
    const isWanted = selects(asked.query);
    const watcher = { asked, isWanted, response };
    watchers.add(watcher);
    response.on("close", () => watchers.delete(watcher));
    // Deletions between the list and the watch are not recorded: tests do not delete then.
    for (const object of objects.inside(asked.collection).values()) {
      const isNewer = Number(object.metadata.resourceVersion) > since;
      if (isNewer && isWanted(object) && (asked.namespace === "" || asked.namespace === object.metadata.namespace)) {
        response.write(`${JSON.stringify({ type: "MODIFIED", object: shown(object, asked) })}\n`);
      }
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = readRequest(request);
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const body: KubeFields = text === "" ? undefined : JSON.parse(text);
    figures.count(asked);
    const delayMs = options.delayMs?.(request.method ?? "", request.url ?? "") ?? 0;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    const send = (end: { readonly code: number; readonly body: KubeFields }) => {
      if (response.destroyed) figures.abandoned += 1;
      response.writeHead(end.code, { "content-type": "application/json" });
      if (Array.isArray(end.body?.items)) return sendItems(end.body, response);
      response.end(JSON.stringify(end.body));
      return undefined;
    };
    const intercepted = options.intercept?.(request.method ?? "", request.url ?? "");
    if (intercepted !== undefined) return send(intercepted);
    if (request.url === "/version") return send({ code: 200, body: { gitVersion: "v1.34.0" } });
    if (asked.verb === "WATCH") return watch(asked, response);
    figures.mostInFlight = Math.max(figures.mostInFlight, desk.load + 1);
    if (!(await desk.work())) {
      figures.timeouts += 1;
      return send(failure(504, "Timeout"));
    }
    await send(request.method === "GET" ? read(asked) : write(asked, body));
  }

  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const sockets = figures.watchSockets();
  server.on("connection", sockets);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    figures,
    put: (type, object) => save(collectionOf(type), { apiVersion: apiVersionOf(type), kind: type.kind, ...object }),
    get: (type, namespace, name) => objects.inside(collectionOf(type)).get(`${namespace}/${name}`),
    list: (type) => [...objects.inside(collectionOf(type)).values()],
    remove(type, namespace, name) {
      write({ ...EMPTY, verb: "DELETE", collection: collectionOf(type), namespace, name }, undefined);
    },
    onWrite: (listener) => void listeners.push(listener),
    expire() {
      for (const { response } of watchers) {
        response.end(`${JSON.stringify({ type: "ERROR", object: failure(410, "Expired").body })}\n`);
      }
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Item by item: a page may be larger than a text can be, and its reader may have enough of it. */
async function sendItems({ items, ...list }: KubeFields, response: ServerResponse): Promise<void> {
  const closed = new Promise((resolve) => response.once("close", resolve));
  response.write(`${JSON.stringify(list).slice(0, -1)},"items":[`);
  for (const [i, item] of items.entries()) {
    if (response.destroyed) return;
    const hasRoom = response.write(`${i === 0 ? "" : ","}${JSON.stringify(item)}`);
    if (!hasRoom) await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
  }
  response.end("]}");
}

const EMPTY: Asked = {
  ...{ verb: "", collection: "", namespace: "", name: "", subresource: "" },
  ...{ query: new URLSearchParams(), metadataOnly: false },
};

/** The state of a Deployment whose pods are all ready. */
function ready(object: KubeObject): KubeFields {
  const replicas = object["spec"]?.replicas ?? 1;
  const counts = { replicas, readyReplicas: replicas, updatedReplicas: replicas, availableReplicas: replicas };
  // Of DaemonSets and StatefulSets.
  const scheduled = { desiredNumberScheduled: 1, numberReady: 1, updatedNumberScheduled: 1, numberAvailable: 1 };
  const revisions = { currentReplicas: replicas, currentRevision: "r", updateRevision: "r" };
  const observedGeneration = object.metadata.generation;
  return { ...object, status: { ...counts, ...scheduled, ...revisions, observedGeneration, conditions: [] } };
}

/** Its pods are started, and none is ready yet. */
function unready(object: KubeObject): KubeFields {
  const replicas = object["spec"]?.replicas ?? 1;
  const lastUpdateTime = new Date().toISOString();
  const conditions = [
    { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", lastUpdateTime },
    { type: "Available", status: "False", reason: "MinimumReplicasUnavailable", lastUpdateTime },
  ];
  const counts = { replicas, readyReplicas: 0, updatedReplicas: replicas, availableReplicas: 0 };
  return { ...object, status: { ...counts, observedGeneration: object.metadata.generation, conditions } };
}

function createFigures() {
  return {
    verbs: new Map<string, number>(),
    asked: new Set<string>(),
    ...{ connections: 0, mostConnections: 0, mostInFlight: 0, timeouts: 0, abandoned: 0 },
    count({ verb, collection, subresource }: Asked): void {
      this.verbs.set(verb, (this.verbs.get(verb) ?? 0) + 1);
      this.asked.add(`${verb} ${collection}${subresource === "" ? "" : `/${subresource}`}`);
    },
    watchSockets() {
      return (socket: Socket) => {
        this.connections += 1;
        this.mostConnections = Math.max(this.mostConnections, this.connections);
        socket.on("close", () => {
          this.connections -= 1;
        });
      };
    },
  };
}
