/**
 * Watches: a stream of JSON lines, one per change.
 *
 *   resourceVersion absent or 0:  ADDED for what exists, then changes
 *   resourceVersion n:            changes after n, from memory; 410 when they are forgotten
 *   selectors:                    an object that begins to match is ADDED, one that ceases to is DELETED
 */
import type { ServerResponse } from "node:http";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { expired, statusOf } from "../errors.ts";
import { apiVersionFor } from "../resource.ts";
import { fromStorage } from "../store/conversion.ts";
import type { Change } from "../store.ts";
import type { Wish } from "./accept.ts";
import { type Answer, type Call, flag } from "./call.ts";
import { presentObject, wishOrRefuse } from "./present.ts";
import { checkVersion } from "./reading.ts";
import type { Route } from "./route.ts";
import { type Selector, selectorOf } from "./selectors.ts";

const BOOKMARK_MS = 60_000;
/** Watches without a time limit end after half an hour, as on a real API server: clients must cope. */
const DEFAULT_TIMEOUT_MS = 1_800_000;
/** A client that reads slower than things change is cut off; it will list again. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

interface Watch {
  readonly call: Call;
  readonly route: Route;
  readonly selector: Selector;
  readonly wish: Wish;
  readonly bookmarks: boolean;
}

/**
 * Answers until the client leaves, `timeoutSeconds` pass or the server stops.
 * @throws ApiError before the stream begins
 */
export function watchObjects(call: Call, route: Route): Answer {
  const { query, server, response } = call;
  const { target, namespace, name } = route;
  const matches = selectorOf(target, query);
  const watch: Watch = {
    call,
    route,
    wish: wishOrRefuse(call),
    bookmarks: flag(query, "allowWatchBookmarks"),
    selector: (object) =>
      (namespace === "" || object.metadata.namespace === namespace) &&
      (name === undefined || object.metadata.name === name) &&
      matches(object),
  };
  const collection = server.store.collection(target.resource);
  const from = query.get("resourceVersion") ?? "";
  const anew = from === "" || from === "0" || flag(query, "sendInitialEvents");
  const missed = anew ? undefined : changesAfter(watch, from);
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
  response.flushHeaders();
  if (missed === "forgotten") {
    const words = `too old resource version: ${from} (${server.store.version()})`;
    response.end(line("ERROR", statusOf(expired(words))));
    return undefined;
  }
  if (missed === undefined) sendExisting(watch);
  else for (const change of missed) send(watch, change);
  const stop = collection.listen((change) => send(watch, change));
  endInTime(watch, stop);
  return undefined;
}

function changesAfter(watch: Watch, from: string): readonly Change[] | "forgotten" {
  const { call, route } = watch;
  try {
    const version = checkVersion(call, from);
    return call.server.store.collection(route.target.resource).since(version) ?? "forgotten";
  } catch (error) {
    // Versions of a server before this one: the client has to list again, and 410 is how it learns.
    if (error instanceof ApiError && error.code === 504) return "forgotten";
    throw error;
  }
}

function sendExisting(watch: Watch): void {
  const { call, route } = watch;
  const { resource } = route.target;
  for (const object of call.server.store.collection(resource).list(route.namespace)) {
    const seen = converted(watch, object);
    if (watch.selector(seen)) write(watch, "ADDED", seen);
  }
  if (flag(call.query, "sendInitialEvents")) bookmark(watch, { "k8s.io/initial-events-end": "true" });
}

const converted = ({ route: { target } }: Watch, object: KubeObject) =>
  fromStorage(target.resource, target.version.name, object);

function send(watch: Watch, change: Change): void {
  const object = converted(watch, change.object);
  const before = change.previous && converted(watch, change.previous);
  const matched = before !== undefined && watch.selector(before);
  const matches = change.type !== "DELETED" && watch.selector(object);
  if (matches) write(watch, matched ? "MODIFIED" : "ADDED", object);
  else if (matched) write(watch, "DELETED", change.type === "DELETED" ? object : lastMatch(before, object));
}

/** The state that still matched, with the version of the change that ended it. */
function lastMatch(before: KubeObject, now: KubeObject): KubeObject {
  const { resourceVersion = "" } = now.metadata;
  return { ...before, metadata: { ...before.metadata, resourceVersion } };
}

/** The object that a watch has sent last. */
let latest: { readonly object: KubeObject; readonly text: string } | undefined;

/** All watches hear of a change one after the other: its text is made once, and kept until there is another one. */
function textOf(object: KubeObject): string {
  if (latest?.object !== object) latest = { object, text: JSON.stringify(object) };
  return latest.text;
}

const line = (type: string, object: unknown) => `{"type":"${type}","object":${JSON.stringify(object)}}\n`;

function write(watch: Watch, type: Change["type"], object: KubeObject): void {
  const { call, route, wish } = watch;
  const plain = wish.form === "json";
  put(
    call.response,
    plain
      ? `{"type":"${type}","object":${textOf(object)}}\n`
      : line(type, presentObject(call, route.target, object, singular(wish))),
  );
}

/** In a watch, the list form means single objects. */
function singular(wish: Wish): Wish {
  return wish.form === "PartialObjectMetadataList" ? { ...wish, form: "PartialObjectMetadata" } : wish;
}

function put(response: ServerResponse, text: string): void {
  if (response.destroyed || response.writableEnded) return;
  response.write(text);
  if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy();
}

/** Tells the client how far it has come, so that it can resume from there. */
function bookmark({ call, route, wish }: Watch, annotations?: Record<string, string>): void {
  const { resource, version } = route.target;
  const resourceVersion = String(call.server.store.version());
  const metadata = { resourceVersion, creationTimestamp: null, ...(annotations && { annotations }) };
  const object = { kind: resource.kind, apiVersion: apiVersionFor(resource, version.name), metadata };
  put(call.response, line("BOOKMARK", wish.form === "json" ? object : bookmarkIn(wish, object)));
}

function bookmarkIn(wish: Wish, object: { readonly metadata: { readonly resourceVersion: string } }): unknown {
  const apiVersion = `meta.k8s.io/${wish.version}`;
  if (wish.form !== "Table") return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata };
  const { resourceVersion } = object.metadata;
  return {
    kind: "Table",
    apiVersion,
    metadata: { resourceVersion },
    columnDefinitions: null,
    rows: [{ cells: null, object }],
  };
}

function endInTime(watch: Watch, stop: () => void): void {
  const { call, bookmarks } = watch;
  const seconds = Number(call.query.get("timeoutSeconds") ?? 0);
  const timeoutMs = seconds > 0 ? seconds * 1000 : DEFAULT_TIMEOUT_MS;
  const interval = bookmarks ? setInterval(() => bookmark(watch), BOOKMARK_MS) : undefined;
  const timeout = setTimeout(() => {
    if (bookmarks) bookmark(watch);
    call.response.end();
  }, timeoutMs);
  // Ends the watches of a kind whose definition is deleted: their clients ask again and get a 404.
  const { resource, version } = watch.route.target;
  const { registry } = call.server.store;
  const forget = registry.onChange(() => {
    if (registry.find(resource.group, version.name, resource.plural) === undefined) call.response.end();
  });
  call.response.once("close", () => {
    stop();
    forget();
    clearInterval(interval);
    clearTimeout(timeout);
  });
}
