/**
 * The objects of one kind as the API server has them: listed once, then followed by a watch. What the sandbox has
 * written itself is here at once, and the same change on the watch is no news.
 */
import type { Clock } from "../../src/ports/clock.ts";
import { collectionPath, type KubeObject, type ResourceType } from "../../src/ports/kubernetes.ts";
import { NO_LOG } from "../api-server/store/change-log.ts";
import { type Collection, createCollection } from "../api-server/store/collection.ts";
import { freeze } from "../api-server/store/json.ts";
import type { WatchEvent } from "../cluster.ts";
import { type Api, seen } from "./api.ts";
import type { Endpoint } from "./blocking-http.ts";
import { openStream } from "./stream.ts";

export interface Reflection {
  readonly type: ResourceType;
  get(namespace: string, name: string): KubeObject | undefined;
  /** Sorted by namespace and name. */
  list(namespace: string): readonly KubeObject[];
  /** An object as an answer of the API server showed it. @returns the object, frozen */
  saw(object: KubeObject): KubeObject;
  /** The API server has said that this object is gone. */
  lost(object: KubeObject): void;
  listen(listener: (event: WatchEvent) => void): () => void;
  /** A definition of the kind came or went. A kind that is served from now on is asked for until it answers. */
  defined(served: boolean): void;
  stop(): void;
}

export interface Source {
  readonly api: Api;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
}

const AGAIN_MS = 100;
const WATCH_SECONDS = 3_000;

const versionOf = ({ metadata }: KubeObject) => Number(metadata.resourceVersion ?? 0);

interface Memory {
  readonly objects: Collection;
  /** Uids of objects that are gone and whose end the watch has not told yet. */
  readonly gone: Set<string>;
}

export function createReflection(type: ResourceType, { api, endpoint, clock }: Source): Reflection {
  const memory: Memory = { objects: createCollection(NO_LOG), gone: new Set() };
  let stopStream: (() => void) | undefined;
  let cancelTimer = () => {};
  let stopped = false;
  let isServed = false;

  const again = () => {
    stopStream = undefined;
    if (!stopped) cancelTimer = clock.after(AGAIN_MS, begin);
  };
  const follow = (version: string) => {
    const path = `${collectionPath(type)}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}`;
    stopStream = openStream(endpoint, `${path}&resourceVersion=${version}`, {
      event: (event) => {
        // Too old a version, or a failure of the server: everything is listed anew.
        if (event.type === "ERROR") {
          stopStream?.();
          again();
          return;
        }
        if (event.type !== "BOOKMARK") tell(memory, { type: event.type, object: seen(type, event.object) });
      },
      ended: again,
    });
  };
  const begin = () => {
    cancelTimer();
    if (stopped || stopStream !== undefined) return;
    try {
      const listing = api.list(type);
      renew(memory, listing?.items ?? []);
      if (listing !== undefined) follow(listing.version);
      else if (isServed) again();
    } catch {
      // The API server is away for a moment; it is asked until it answers.
      again();
    }
  };
  begin();
  return {
    type,
    get: (namespace, name) => memory.objects.get(type.namespaced ? namespace : "", name),
    list: memory.objects.list,
    saw: (object) => {
      begin();
      tell(memory, { type: "MODIFIED", object });
      return freeze(object);
    },
    lost: (object) => {
      memory.gone.add(object.metadata.uid ?? "");
      drop(memory, object);
    },
    listen: memory.objects.listen,
    defined: (served) => {
      isServed = served;
      if (served) begin();
    },
    stop: () => {
      stopped = true;
      cancelTimer();
      stopStream?.();
    },
  };
}

function at({ objects }: Memory, { namespace = "", name }: KubeObject["metadata"]): KubeObject | undefined {
  return objects.get(namespace, name);
}

/** One change, unless it is old news. */
function tell(memory: Memory, { type, object }: WatchEvent): void {
  const { uid = "" } = object.metadata;
  const known = at(memory, object.metadata);
  if (type === "DELETED") {
    memory.gone.delete(uid);
    if (known?.metadata.uid === uid) drop(memory, known);
    return;
  }
  if (memory.gone.has(uid) || (known !== undefined && versionOf(known) >= versionOf(object))) return;
  if (known !== undefined && known.metadata.uid !== uid) drop(memory, known);
  const change = known?.metadata.uid === uid ? "MODIFIED" : "ADDED";
  memory.objects.apply({ type: change, version: versionOf(object), object: freeze(object) });
}

function drop(memory: Memory, object: KubeObject): void {
  const known = at(memory, object.metadata);
  if (known === undefined || known.metadata.uid !== object.metadata.uid) return;
  memory.objects.apply({ type: "DELETED", version: versionOf(known), object: known });
}

/** A fresh list: what is missing in it is gone. */
function renew(memory: Memory, items: readonly KubeObject[]): void {
  memory.gone.clear();
  const uids = new Set(items.map(({ metadata }) => metadata.uid));
  for (const object of memory.objects.list("")) if (!uids.has(object.metadata.uid)) drop(memory, object);
  for (const object of items) tell(memory, { type: "MODIFIED", object });
}
