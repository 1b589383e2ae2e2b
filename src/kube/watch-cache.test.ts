import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectCache, ObjectChange } from "../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { type Log, SILENT_LOG } from "../ports/log.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { startToyApiServer, type ToyApiServer } from "../testing/toy-api-server.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { fixedCredentials } from "./access.ts";
import { createClusterCache } from "./cluster-cache.ts";
import { WATCH_TIMING, type WatchTiming } from "./reflector.ts";
import { createTransport, type KubeTransport } from "./transport.ts";
import { type CacheScope, startWatchCache } from "./watch-cache.ts";

const PATH = "/api/v1/namespaces/test/configmaps";
/** With a real clock the tests wait for real back-offs, so the back-offs are short. */
const QUICK: WatchTiming = { ...WATCH_TIMING, backOffMinMs: 5, backOffMaxMs: 20 };

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "test" },
  data,
});

let server: ToyApiServer;
let stop: AbortController;
let transports: KubeTransport[];
let lines: string[];
const log: Log = {
  ...SILENT_LOG,
  info: (_, message) => lines.push(message),
  warn: (_, message) => lines.push(message),
};

beforeEach(async () => {
  server = await startToyApiServer();
  stop = new AbortController();
  transports = [];
  lines = [];
});

afterEach(async () => {
  stop.abort(new Error("test over"));
  await Promise.all(transports.map((transport) => transport.close()));
  await server.kill().catch(() => undefined);
});

function world(clock: Clock, timing: WatchTiming, attempts = 1) {
  const access = { server: server.url, namespace: "test", tls: {}, credentials: fixedCredentials(), source: "test" };
  const common = { clock, random: () => 0.5, log };
  const transport = createTransport({
    connect: createDispatcher,
    ...common,
    access,
    qps: 0,
    burst: 1,
    userAgent: "test",
    attempts,
  });
  transports.push(transport);
  return { ...common, transport, timing };
}

function watchConfigMaps(options: { clock?: Clock; timing?: WatchTiming; scope?: Partial<CacheScope> } = {}) {
  const scope: CacheScope = { type: RESOURCES.configMap, namespace: "test", ...options.scope };
  const cache = startWatchCache(scope, world(options.clock ?? systemClock, options.timing ?? QUICK), stop.signal);
  const changes: string[] = [];
  cache.onChange((change) => {
    changes.push(`${change.type} ${change.object.metadata.name}`);
  });
  return { cache, changes };
}

const names = (cache: ObjectCache) =>
  cache
    .list("test")
    .map((object) => object.metadata.name)
    .sort();
const watchRequests = () => server.requests.filter((request) => request.includes("watch=true"));
const listRequests = () =>
  server.requests.filter((request) => request.startsWith("GET") && !request.includes("watch="));

describe("a watch cache", () => {
  it("lists in pages, then follows every change with its old and new state", async () => {
    for (let i = 0; i < 1201; i += 1) server.put(PATH, configMap(`c${i}`));
    const seen: ObjectChange[] = [];
    const { cache } = watchConfigMaps();
    await cache.synced;
    expect(cache.list("test")).toHaveLength(1201);
    expect(listRequests()).toHaveLength(3);
    expect(cache.get("test", "c7")).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    cache.onChange((change) => {
      if (change.object.metadata.name === "new") seen.push(change);
    });
    await until("the watch is open", () => server.watches() === 1);
    server.put(PATH, configMap("new", { k: "ä1" }));
    server.put(PATH, configMap("new", { k: "ö2" }));
    server.remove(PATH, "new");
    await until("three changes", () => seen.length === 3);
    expect(seen).toMatchObject([
      { type: "added", object: { data: { k: "ä1" } } },
      { type: "modified", object: { data: { k: "ö2" } }, old: { data: { k: "ä1" } } },
      { type: "deleted", old: { data: { k: "ö2" } } },
    ]);
    expect(cache.get("test", "new")).toBeUndefined();
  });

  it("keeps only the part of each object that it is told to keep, of a list and of changes", async () => {
    server.put(PATH, configMap("listed", { kept: "1", dropped: "x".repeat(1000) }));
    const part = ({ data, ...rest }: KubeObject) => ({ ...rest, data: { kept: data?.kept } });
    const { cache } = watchConfigMaps({ scope: { part } });
    await until("the watch is open", () => server.watches() === 1);
    server.put(PATH, configMap("watched", { kept: "2", dropped: "x".repeat(1000) }));
    await until("the change is there", () => cache.get("test", "watched") !== undefined);
    expect(cache.list("test").map(({ data }) => data)).toEqual([{ kept: "1" }, { kept: "2" }]);
  });

  it("Q12: reports objects that were deleted and created while the server was down", async () => {
    server.put(PATH, configMap("stays"));
    server.put(PATH, configMap("goes"));
    server.put(PATH, configMap("replaced"));
    const { cache, changes } = watchConfigMaps();
    await until("the watch is open", () => server.watches() === 1);
    await server.kill();
    server.remove(PATH, "goes");
    server.remove(PATH, "replaced");
    server.put(PATH, configMap("replaced"));
    server.put(PATH, configMap("comes"));
    await until("the trouble is noticed", () => lines.includes("cannot watch, trying again"));
    expect(names(cache)).toEqual(["goes", "replaced", "stays"]);
    await server.restart();
    await until("it is back", () => names(cache).includes("comes"));
    expect(names(cache)).toEqual(["comes", "replaced", "stays"]);
    await until("changes are delivered", () => changes.length === 7);
    expect(changes.slice(3).sort()).toEqual(["added comes", "added replaced", "deleted goes", "deleted replaced"]);
    await until("it says so", () => lines.includes("watching again"));
  });

  it("lists again when the server comes back with another history", async () => {
    for (let i = 0; i < 20; i += 1) server.put(PATH, configMap("before"));
    const { cache } = watchConfigMaps();
    await until("the watch is open", () => server.watches() === 1);
    await server.kill();
    await until("it was refused", () => lines.filter((line) => line === "cannot watch, trying again").length === 2);
    server = await startToyApiServer(Number(new URL(server.url).port));
    server.put(PATH, configMap("after"));
    await until("the new world is seen", () => names(cache).join() === "after");
  });

  it("resumes at the last version when the server ends a watch, including versions from bookmarks", async () => {
    const { cache } = watchConfigMaps();
    await until("the watch is open", () => server.watches() === 1);
    server.put("/api/v1/namespaces/other/configmaps", configMap("elsewhere"));
    server.compact();
    server.bookmark();
    server.put(PATH, configMap("a"));
    await until("the change is seen", () => cache.get("test", "a"));
    server.endWatches();
    await until("a second watch", () => watchRequests().length === 2);
    server.put(PATH, configMap("b"));
    await until("the next change is seen", () => cache.get("test", "b"));
    expect(listRequests()).toHaveLength(1);
  });

  it.each(["answer", "event"])("lists again when its version is too old (reported in an %s)", async (how) => {
    server.put(PATH, configMap("old"));
    const { cache, changes } = watchConfigMaps();
    await until("the watch is open", () => server.watches() === 1);
    server.intercept = (_, path) => (path.includes("watch=true") ? { code: 500, body: {} } : undefined);
    const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    if (how === "event") server.say({ type: "ERROR", object: gone });
    else server.endWatches();
    await until("the watch is over", () => server.watches() === 0);
    server.remove(PATH, "old");
    server.put(PATH, configMap("new"));
    server.compact();
    server.intercept = undefined;
    await until("the new state is here", () => names(cache).join() === "new");
    await until("changes are delivered", () => changes.length === 3);
    expect(changes).toEqual(["added old", "deleted old", "added new"]);
  });

  it("resumes a silent watch without listing", async () => {
    const clock = createManualClock();
    const { cache } = watchConfigMaps({ clock, timing: WATCH_TIMING });
    await until("the watch is open", () => server.watches() === 1);
    await clock.advance(80_000);
    server.put(PATH, configMap("a"));
    await until("the change is seen", () => cache.get("test", "a"));
    await clock.advance(80_000);
    expect(watchRequests()).toHaveLength(1);
    await clock.advance(10_001);
    await until("a second watch", () => watchRequests().length === 2 && server.watches() === 1);
    expect(listRequests()).toHaveLength(1);
    expect(new URL(server.url + watchRequests()[1]?.slice(4)).searchParams.get("resourceVersion")).toBe("101");
  });

  it("waits for the head of a quiet watch, which a proxy withholds until the first event", async () => {
    const clock = createManualClock();
    server.manners = "withholding";
    const { cache } = watchConfigMaps({ clock, timing: WATCH_TIMING });
    await until("the watch is open", () => server.watches() === 1);
    await clock.advance(80_000);
    server.put(PATH, configMap("a"));
    await until("the change is seen", () => cache.get("test", "a"));
    expect([watchRequests().length, listRequests().length, lines]).toEqual([1, 1, []]);
  });

  it("lists again, and says why, when a server answers lists and no watch", async () => {
    const clock = createManualClock();
    server.manners = "deaf";
    const { cache } = watchConfigMaps({ clock, timing: WATCH_TIMING });
    await until("the watch was asked for", () => watchRequests().length === 1);
    server.put(PATH, configMap("a"));
    await clock.advance(WATCH_TIMING.idleMs);
    await until("the log says so", () => lines.length === 1);
    expect(lines).toEqual(["cannot watch, trying again"]);
    expect(cache.trouble).toContain(`answers lists and gave no answer within 90 s to the watch of ${PATH}: is there`);
    await until("it waits", () => clock.sleeping().length > 0);
    await clock.advance(1000);
    await until("the change is seen", () => cache.get("test", "a"));
  });

  it("reconnects to a server that accepts connections and does not answer", async () => {
    const clock = createManualClock();
    server.manners = "silent";
    const { cache } = watchConfigMaps({ clock, timing: WATCH_TIMING });
    await until("the list was asked for", () => server.requests.length === 1);
    await clock.advance(65_000);
    await until("it says so", () => lines.includes("cannot watch, trying again"));
    server.manners = "normal";
    await clock.advance(1000);
    await cache.synced;
  });

  it("backs off from a server that closes every watch at once", async () => {
    const clock = createManualClock();
    server.manners = "rude";
    watchConfigMaps({ clock, timing: WATCH_TIMING });
    for (let elapsedMs = 0; elapsedMs < 600_000; ) {
      const sleeping = await until("it waits", () => clock.sleeping().find((ms) => ms < WATCH_TIMING.backOffMaxMs));
      elapsedMs += sleeping;
      const before = watchRequests().length;
      await clock.advance(sleeping);
      await until("it tried again", () => watchRequests().length > before);
    }
    // 200 ms, 400 ms ... 30 s: about 8 attempts to get there, then one in at most 30 s.
    expect(watchRequests().length).toBeLessThan(45);
    expect(watchRequests().length).toBeGreaterThan(20);
    server.manners = "normal";
    await clock.advance(30_000);
    await until("a watch stays open", () => server.watches() === 1);
  });

  it("recovers from a server that is down for a minute, with fewer and fewer requests", async () => {
    const clock = createManualClock();
    server.put(PATH, configMap("a"));
    const { cache } = watchConfigMaps({ clock, timing: WATCH_TIMING });
    await until("the watch is open", () => server.watches() === 1);
    await server.kill();
    const before = clock.asked.length;
    for (const end = clock.now() + 60_000; clock.now() < end; ) {
      const ms = await until("it waits", () => clock.sleeping().find((sleep) => sleep < 30_000));
      await clock.advance(ms);
    }
    const pauses = clock.asked.slice(before).filter((ms) => ms < 30_000);
    expect(pauses.length).toBeLessThan(12);
    expect(lines.filter((line) => line === "cannot watch, trying again").length).toBeLessThanOrEqual(2);
    await server.restart();
    server.put(PATH, configMap("b"));
    await until("it waits or is back", () => clock.sleeping().length > 0);
    await clock.advance(30_000);
    await until("it is back", () => cache.get("test", "b"));
  });

  it("isolates listeners that throw or are slow", async () => {
    const { cache } = watchConfigMaps();
    await cache.synced;
    const slow: string[] = [];
    const quick: string[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    cache.onChange(() => {
      throw new Error("broken listener");
    });
    cache.onChange(async ({ object }) => {
      await held;
      slow.push(object.metadata.name);
    });
    const off = cache.onChange(({ object }) => void quick.push(object.metadata.name));
    for (const name of ["a", "b", "c"]) server.put(PATH, configMap(name));
    await until("the quick one has all", () => quick.length === 3);
    expect(slow).toEqual([]);
    release();
    await until("the slow one has all", () => slow.length === 3);
    expect(slow).toEqual(["a", "b", "c"]);
    expect(lines.filter((line) => line === "a listener failed on a change")).toHaveLength(3);
    off();
    server.put(PATH, configMap("d"));
    await until("the slow one goes on", () => slow.length === 4);
    expect(quick).toHaveLength(3);
  });

  it("delivers existing objects to a listener that is added later", async () => {
    server.put(PATH, configMap("early"));
    const { cache } = watchConfigMaps();
    await cache.synced;
    const told: string[] = [];
    cache.onChange(({ type, object }) => void told.push(`${type} ${object.metadata.name}`));
    await until("it is told", () => told.length > 0);
    expect(told).toEqual(["added early"]);
  });

  it("finds objects by index, and drops keys that no longer apply", async () => {
    const byColour = (object: { data?: { colour?: string } }) => [object.data?.colour ?? "none"];
    const { cache } = watchConfigMaps({ scope: { indexers: { byColour } } });
    await cache.synced;
    server.put(PATH, configMap("a", { colour: "red" }));
    server.put(PATH, configMap("b", { colour: "red" }));
    await until("both are red", () => cache.byIndex("byColour", "red").length === 2);
    server.put(PATH, configMap("a", { colour: "blue" }));
    await until("one is blue", () => cache.byIndex("byColour", "blue").length === 1);
    expect(cache.byIndex("byColour", "red").map((object) => object.metadata.name)).toEqual(["b"]);
    expect(() => cache.byIndex("bySize", "xl")).toThrow('no index "bySize"; there are: byColour');
  });

  it("returns objects that cannot be changed", async () => {
    server.put(PATH, configMap("a", { k: "v" }));
    const { cache } = watchConfigMaps();
    await cache.synced;
    expect(() => {
      cache.list()[0]!.data.k = "spoilt";
    }).toThrow(TypeError);
  });

  it("stops at once when it is aborted, and rejects waiting readers with the reason", async () => {
    server.manners = "silent";
    const { cache } = watchConfigMaps();
    await until("the list was asked for", () => server.requests.length === 1);
    stop.abort(new Error("going down"));
    await expect(cache.synced).rejects.toThrow("going down");
  });
});

describe("a cluster cache", () => {
  const type = RESOURCES.virtualService;
  const path = "/apis/networking.istio.io/v1beta1/virtualservices";

  it("reads a kind that is not installed as empty, logs that once, and follows its installation and removal", async () => {
    server.missing.add("virtualservices");
    const caches = createClusterCache(world(systemClock, QUICK), stop.signal);
    const cache = caches.track(type);
    expect(caches.track(type, "test")).toBe(cache);
    expect(await caches.read({ type, namespace: "test", name: "a" }, stop.signal)).toBeUndefined();
    expect(cache.absent).toBe(true);
    await until("it asked a few times", () => server.requests.length > 3);
    server.put(path, { metadata: { name: "a", namespace: "test" } });
    server.missing.clear();
    await until("it is there", () => cache.get("test", "a"));
    expect(cache.absent).toBe(false);
    await until("it says so", () => lines.length > 1);
    expect(lines).toEqual(["this kind is not installed in the cluster; waiting for it", "watching again"]);
    server.missing.add("virtualservices");
    server.endWatches();
    await until("it is gone", () => cache.absent);
    expect(cache.list()).toEqual([]);
  });

  it("watches heavy kinds by namespace only, and stops watches that are not needed any more", async () => {
    const caches = createClusterCache(world(systemClock, QUICK), stop.signal, {
      perNamespace: ({ plural }) => plural === "configmaps",
    });
    server.put(PATH, configMap("a"));
    const ref = { type: RESOURCES.configMap, namespace: "test", name: "a" };
    expect(await caches.read(ref, stop.signal)).toMatchObject({ metadata: { name: "a" } });
    expect(server.requests.every((request) => request.includes("/namespaces/test/"))).toBe(true);
    expect(() => caches.track(RESOURCES.configMap)).toThrow("configmaps are watched in single namespaces: say which");
    await until("the watch is open", () => server.watches() === 1);
    caches.untrack(RESOURCES.configMap, "test");
    await until("the watch is closed", () => server.watches() === 0);
    expect(caches.tracked).toEqual([]);
  });

  it("listens once for the end, however many kinds it watches: Node warns of a leak from eleven on", () => {
    const life = new AbortController();
    const caches = createClusterCache(world(systemClock, QUICK), life.signal);
    const kinds = Object.values(RESOURCES).slice(0, 12);
    for (const kind of kinds) caches.track(kind);
    expect(caches.tracked).toHaveLength(kinds.length);
    expect(getEventListeners(life.signal, "abort")).toHaveLength(1);
    life.abort(new Error("the test is over"));
  });

  it("refuses other namespaces when it is restricted to one", async () => {
    const caches = createClusterCache(world(systemClock, QUICK), stop.signal, { namespace: "test" });
    expect(() => caches.track(RESOURCES.service, "other")).toThrow("only namespace test is watched");
    await caches.track(RESOURCES.service, "test").synced;
    expect(server.requests[0]).toContain("/api/v1/namespaces/test/services");
  });
});
