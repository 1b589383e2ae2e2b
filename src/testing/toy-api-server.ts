/**
 * A small real HTTP server with the part of the Kubernetes API that a client needs: create, read, list in pages,
 * replace, merge-patch, delete, and watches with bookmarks and 410. A test can kill it, restart it, or make it silent
 * or rude. The sandbox's API server answers like a full cluster.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { applyMergePatch } from "../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { deletionOf, isLetGo } from "./deletion.ts";
import { selects } from "./selects.ts";

/**
 * normal; silent: accepts connections and does not answer; deaf: answers everything but watches; rude: answers every
 * watch and closes it at once; withholding: as behind a proxy that sends the head of an answer together with its first
 * bytes.
 */
export type Manners = "normal" | "silent" | "deaf" | "rude" | "withholding";

interface Change {
  readonly version: number;
  readonly collection: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

export interface ToyApiServer {
  readonly url: string;
  manners: Manners;
  /** "METHOD path?query" of every request so far. */
  readonly requests: string[];
  /** The content types of these requests. */
  readonly contentTypes: string[];
  /** Watches that are open now. */
  watches(): number;
  /** Collections (last path segment, e.g. "virtualservices") that are answered with 404. */
  readonly missing: Set<string>;
  /** Called before a request is answered; a returned value is the answer. */
  intercept: ((method: string, path: string, headers: IncomingHttpHeaders) => Intercepted | undefined) | undefined;
  /** Writes as another client would. @param path of the collection, e.g. "/api/v1/namespaces/test/configmaps" */
  put(path: string, object: KubeFields): KubeObject;
  remove(path: string, name: string): void;
  objects(path: string): readonly KubeObject[];
  bookmark(): void;
  /** Sends every open watch this event. */
  say(event: KubeFields): void;
  /** Drops the history: versions before now are answered with 410. */
  compact(): void;
  /** Ends every open watch regularly. */
  endWatches(): void;
  /** Breaks all connections and stops listening. */
  kill(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
}

export interface Intercepted {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: KubeFields;
}

const SUBRESOURCES = new Set(["status", "scale"]);
/** Kinds whose status has a path of its own. */
const SEPARATE_STATUS = new Set(["canaries", "deployments"]);

function statusOf(code: number, reason: string, message: string): Intercepted {
  return { code, body: { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message } };
}

/** Whether a path names the collection, or that of all namespaces. */
const isWithin = (collection: string, path: string): boolean =>
  collection === path || collection.replace(/\/namespaces\/[^/]+(?=\/)/, "") === path;

/** The memory: objects by collection path, and every change since the last compaction. */
function createMemory() {
  const collections = new Map<string, Map<string, KubeObject>>();
  const changes: Change[] = [];
  const followers = new Set<(change: Change) => void>();
  let version = 100;
  let compacted = 0;
  const inside = (path: string) => {
    const found = collections.get(path) ?? new Map<string, KubeObject>();
    collections.set(path, found);
    return found;
  };
  const note = (change: Change) => {
    changes.push(change);
    for (const follow of followers) follow(change);
  };
  return {
    changes,
    followers,
    version: () => version,
    isTooOld: (from: number) => from < compacted,
    compact() {
      version += 1;
      compacted = version;
      changes.length = 0;
    },
    find: (path: string, name: string) => inside(path).get(name),
    list: (path: string) =>
      [...collections].flatMap(([collection, objects]) => (isWithin(collection, path) ? [...objects.values()] : [])),
    put(path: string, fields: KubeFields): KubeObject {
      version += 1;
      const old = inside(path).get(fields.metadata.name);
      const { creationTimestamp = "2026-01-01T00:00:00Z", generation = 0 } = old?.metadata ?? {};
      const own = {
        uid: old?.metadata.uid ?? fields.metadata.uid ?? `uid-${version}`,
        resourceVersion: String(version),
        creationTimestamp,
        generation: isDeepStrictEqual(old?.["spec"], fields.spec) && old !== undefined ? generation : generation + 1,
      };
      const object = { ...fields, metadata: { ...fields.metadata, ...own } };
      inside(path).set(object.metadata.name, object);
      note({ version, collection: path, type: old === undefined ? "ADDED" : "MODIFIED", object });
      return object;
    },
    remove(path: string, name: string): KubeObject | undefined {
      const old = inside(path).get(name);
      if (old === undefined) return undefined;
      inside(path).delete(name);
      version += 1;
      const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } };
      note({ version, collection: path, type: "DELETED", object });
      return object;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<KubeFields> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? undefined : JSON.parse(text);
}

type Memory = ReturnType<typeof createMemory>;

function write(memory: Memory, method: string, path: string, body: KubeFields): Intercepted {
  if (method === "POST") {
    const name = body.metadata.name;
    if (memory.find(path, name)) return statusOf(409, "AlreadyExists", `"${name}" already exists`);
    const { status, ...rest } = body;
    const isApart = status !== undefined && SEPARATE_STATUS.has(path.split("/").at(-1) ?? "");
    return { code: 201, body: memory.put(path, isApart ? rest : body) };
  }
  const parts = path.split("/");
  const isStatus = parts.at(-1) === "status";
  if (SUBRESOURCES.has(parts.at(-1) ?? "")) parts.pop();
  const name = parts.pop() ?? "";
  const collection = parts.join("/");
  const old = memory.find(collection, name);
  if (old === undefined) return statusOf(404, "NotFound", `"${name}" not found`);
  const isApart = SEPARATE_STATUS.has(collection.split("/").at(-1) ?? "");
  if (method === "DELETE") return remove(memory, collection, old, body?.preconditions?.uid);
  const wanted = body.metadata?.resourceVersion;
  if (wanted !== undefined && wanted !== old.metadata.resourceVersion) {
    return statusOf(409, "Conflict", `Operation cannot be fulfilled on "${name}": the object has been modified`);
  }
  const wished: KubeFields = method === "PUT" ? body : applyMergePatch(old, body);
  const stored = isApart
    ? isStatus
      ? { ...old, status: wished.status }
      : { ...wished, status: old["status"] }
    : wished;
  // A patch that changes nothing makes no new version.
  const isSame = isDeepStrictEqual(JSON.parse(JSON.stringify(stored)), JSON.parse(JSON.stringify(old)));
  if (isSame) return { code: 200, body: old };
  if (isLetGo(stored as KubeObject)) return { code: 200, body: memory.remove(collection, name) };
  return { code: 200, body: memory.put(collection, stored) };
}

/** An object with finalizers stays, and says when its deletion was asked for. */
function remove(memory: Memory, collection: string, old: KubeObject, uid: string | undefined): Intercepted {
  const { name } = old.metadata;
  const deletion = deletionOf(old, uid);
  if (deletion.kind === "conflict") return statusOf(409, "Conflict", `the UID of "${name}" differs`);
  if (deletion.kind === "gone") return { code: 200, body: memory.remove(collection, name) };
  return { code: 200, body: deletion.marked === undefined ? old : memory.put(collection, deletion.marked) };
}

function read(memory: Memory, path: string, query: URLSearchParams): Intercepted {
  const plural = path.split("/").at(-1) ?? "";
  const isCollection = plural.endsWith("s") && memory.find(path.slice(0, path.lastIndexOf("/")), plural) === undefined;
  if (!isCollection) {
    const cut = path.lastIndexOf("/");
    const found = memory.find(path.slice(0, cut), path.slice(cut + 1));
    return found === undefined ? statusOf(404, "NotFound", `"${plural}" not found`) : { code: 200, body: found };
  }
  const all = memory.list(path).filter(selects(query));
  const from = Number(query.get("continue") ?? 0);
  const limit = Number(query.get("limit") ?? all.length);
  const more = limit > 0 && from + limit < all.length;
  // Like the real server, it leaves the kind out of items.
  const items = all.slice(from, more ? from + limit : undefined).map(({ kind: _k, apiVersion: _v, ...rest }) => rest);
  const metadata = { resourceVersion: String(memory.version()), ...(more ? { continue: String(from + limit) } : {}) };
  return { code: 200, body: { kind: "List", apiVersion: "v1", metadata, items } };
}

/** Settings that a test may change while the server runs. */
type Temper = Pick<ToyApiServer, "manners" | "intercept" | "missing" | "requests" | "contentTypes">;

function send(response: ServerResponse, answer: Intercepted): void {
  response.writeHead(answer.code, { "content-type": "application/json", ...answer.headers });
  response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
}

/** Undefined, once the watch has ended. */
function tellOne(response: ServerResponse, event: KubeFields): void {
  if (!response.writableEnded) response.write(`${JSON.stringify(event)}\n`);
}

/** Answers requests from the memory; `open` holds the watches. */
function createFront(memory: Memory, temper: Temper, open: Set<ServerResponse>) {
  function watch(response: ServerResponse, path: string, query: URLSearchParams): void {
    const from = Number(query.get("resourceVersion") ?? 0);
    const isWanted = selects(query);
    if (memory.isTooOld(from)) {
      send(response, statusOf(410, "Expired", "too old resource version"));
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    if (temper.manners !== "withholding") response.flushHeaders();
    if (temper.manners === "rude") {
      response.end();
      return;
    }
    const tell = (change: Change) => {
      if (!isWithin(change.collection, path) || change.version <= from || !isWanted(change.object)) return;
      tellOne(response, { type: change.type, object: change.object });
    };
    memory.changes.forEach(tell);
    memory.followers.add(tell);
    open.add(response);
    response.on("close", () => {
      memory.followers.delete(tell);
      open.delete(response);
    });
  }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://toy");
    const method = request.method ?? "GET";
    const path = url.pathname;
    temper.requests.push(`${method} ${request.url}`);
    temper.contentTypes.push(request.headers["content-type"] ?? "");
    const body = await bodyOf(request);
    if (temper.manners === "silent") return;
    const intercepted = temper.intercept?.(method, request.url ?? "", request.headers);
    if (intercepted !== undefined) return send(response, intercepted);
    const unknown = path.split("/").some((part) => temper.missing.has(part));
    if (unknown) return send(response, { code: 404, body: "404 page not found\n" });
    if (method !== "GET") return send(response, write(memory, method, path, body));
    if (url.searchParams.get("watch") === "true") {
      return temper.manners === "deaf" ? undefined : watch(response, path, url.searchParams);
    }
    send(response, read(memory, path, url.searchParams));
  };
}

/** @param onPort of 127.0.0.1; a free one when absent */
export async function startToyApiServer(onPort = 0): Promise<ToyApiServer> {
  const memory = createMemory();
  const open = new Set<ServerResponse>();
  const temper: Temper = {
    manners: "normal",
    intercept: undefined,
    missing: new Set(),
    requests: [],
    contentTypes: [],
  };
  const front = createFront(memory, temper, open);

  async function listen(port: number): Promise<Server> {
    const next = createServer((request, response) => {
      front(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => next.listen(port, "127.0.0.1", resolve));
    return next;
  }
  let server = await listen(onPort);
  const { port } = server.address() as AddressInfo;
  const say = (event: KubeFields) => {
    for (const response of open) tellOne(response, event);
  };

  return Object.assign(temper, {
    url: `http://127.0.0.1:${port}`,
    watches: () => open.size,
    put: memory.put,
    remove: memory.remove,
    objects: memory.list,
    bookmark: () => say({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(memory.version()) } } }),
    say,
    compact: memory.compact,
    endWatches() {
      for (const response of open) response.end();
    },
    async kill() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    async restart() {
      server = await listen(port);
    },
  });
}
