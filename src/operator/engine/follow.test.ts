/** What turns can and cannot see, through real caches of a real (small) API server. */
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixedCredentials } from "../../kube/access.ts";
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { createLedger } from "../../kube/ledger.ts";
import { WATCH_TIMING } from "../../kube/reflector.ts";
import { createTransport, type KubeTransport } from "../../kube/transport.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import { type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { createManualClock, type ManualClock } from "../../testing/manual-clock.ts";
import { startToyApiServer, type ToyApiServer } from "../../testing/toy-api-server.ts";
import { until } from "../../testing/until.ts";
import { systemClock } from "../../time/system-clock.ts";
import type { ReadFailure } from "../cluster/read-failure.ts";
import { createFollower, type Follower } from "./follow.ts";

const PODINFO = { namespace: "test", name: "podinfo" };
const REF: ObjectRef = { type: RESOURCES.deployment, ...PODINFO };
const PATH = "/apis/apps/v1/deployments";
const OBJECT = { apiVersion: "apps/v1", kind: "Deployment", metadata: PODINFO };
/** Room for one object, and only when a Canary names it. */
const TIGHT = createLedger({ needed: 20_000, neededInAll: 20_000, spare: 0, spareInAll: 0 });
const NOT_ABORTED = new AbortController().signal;

let server: ToyApiServer;
let transport: KubeTransport;
let stop: AbortController;
let clock: ManualClock;
let woken: string[];
let follower: Follower;
/** What a Canary awaits before it goes on; undefined: it goes on at once. */
let round: Promise<void> | undefined;

beforeEach(async () => {
  server = await startToyApiServer();
  stop = new AbortController();
  clock = createManualClock();
  woken = [];
  round = undefined;
  const access = { server: server.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "test" };
  const common = { clock: systemClock, random: () => 0 };
  transport = createTransport({
    connect: createDispatcher,
    ...common,
    access,
    qps: 0,
    burst: 1,
    userAgent: "test",
    attempts: 1,
  });
  const timing = { ...WATCH_TIMING, backOffMinMs: 2, backOffMaxMs: 5 };
  const cache = createClusterCache({ ...common, transport, log: SILENT_LOG, timing }, stop.signal, {
    perNamespace: (type) => type === RESOURCES.configMap,
    keeping: (type) => (type === RESOURCES.service ? { ledger: TIGHT, needsAll: false } : undefined),
  });
  follower = createFollower({
    clock,
    track: cache.track,
    wake: ({ name }) => void woken.push(name),
    isOwnWrite: ({ name }, _type, { metadata }) => name === metadata.annotations?.by,
    onDeleted: (_type, { metadata }) => void woken.push(`without ${metadata.name}`),
    pace: () => round,
  });
});

afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await transport.close();
  await server.kill();
});

describe("following", () => {
  it("lets the Canaries that waited for one cache go on one round of the event loop after the other", async () => {
    await follower.follow({ namespace: "test", name: "first" }, [REF], NOT_ABORTED);
    let isOver = () => {};
    round = new Promise((resolve) => {
      isOver = resolve;
    });
    const order: string[] = [];
    const following = follower.follow(PODINFO, [REF], NOT_ABORTED).then(() => order.push("goes on"));
    await setImmediate();
    order.push("another");
    isOver();
    await following;
    expect(order).toEqual(["another", "goes on"]);
  });

  it("wakes a Canary by its own objects only", async () => {
    server.put(PATH, OBJECT);
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    expect(follower.cached(REF)?.metadata.name).toBe("podinfo");
    await until("the Canary was woken by its first list", () => woken.length === 1);
    server.put(PATH, { ...OBJECT, metadata: { namespace: "test", name: "another" } });
    server.remove(PATH, "podinfo");
    await until("it is woken", () => woken.length === 3);
    expect(woken).toEqual(["podinfo", "without podinfo", "podinfo"]);
    server.put(PATH, { ...OBJECT, metadata: { ...OBJECT.metadata, annotations: { by: "podinfo" } } });
    await until("its own write is seen", () => follower.cached(REF));
    follower.unfollow(PODINFO);
    server.put(PATH, OBJECT);
    await until("it is seen", () => follower.cached(REF)?.metadata.annotations === undefined);
    expect(woken).toHaveLength(3);
  });

  it("knows whether a Canary follows exactly these objects, and can read each of them", async () => {
    const other = { ...REF, name: "other" };
    expect(follower.isFollowing(PODINFO, [REF])).toBe(false);
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    expect(follower.isFollowing(PODINFO, [REF])).toBe(true);
    expect(follower.isFollowing(PODINFO, [REF, other])).toBe(false);
    expect(follower.isFollowing({ ...PODINFO, name: "another" }, [REF])).toBe(false);
    follower.unfollow(PODINFO);
    expect(follower.isFollowing(PODINFO, [REF])).toBe(false);
  });

  it("does not count a kind that was taken away, or one that may not be read any more, as readable", async () => {
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    const message = "no";
    server.intercept = () => ({ code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message } });
    server.endWatches();
    await until("the server refuses", () => !follower.isFollowing(PODINFO, [REF]));
    server.intercept = undefined;
    await until("it may be read again", () => follower.isFollowing(PODINFO, [REF]));
    server.missing.add("deployments");
    server.endWatches();
    await until("the kind is gone", () => !follower.isFollowing(PODINFO, [REF]));
  });

  it("reads an object by its name that does not fit into the memory of its namespace, and says when it cannot", async () => {
    const store = (size: number) => {
      const metadata = { ...PODINFO, annotations: { filler: "x".repeat(size) } };
      // This server keeps a collection for each path.
      for (const path of ["/api/v1/services", "/api/v1/namespaces/test/services"]) {
        server.put(path, { apiVersion: "v1", kind: "Service", metadata });
      }
    };
    const ref: ObjectRef = { type: RESOURCES.service, ...PODINFO };
    store(10_000);
    await follower.follow(PODINFO, [ref], NOT_ABORTED);
    expect(follower.isFollowing(PODINFO, [ref])).toBe(true);
    expect(follower.cached(ref)?.metadata.annotations?.["filler"]).toHaveLength(10_000);
    expect(server.requests.filter((line) => line.includes("fieldSelector=metadata.name%3Dpodinfo"))).toHaveLength(1);
    woken = [];
    store(30_000);
    await until("it has outgrown its room", () => !follower.isFollowing(PODINFO, [ref]));
    await until("the Canary is woken", () => woken.includes("podinfo"));
    await expect(follower.follow(PODINFO, [ref], NOT_ABORTED)).rejects.toThrow(
      "cannot read Service test/podinfo: the objects of namespace test that the operator needs, services among them, take",
    );
  });

  it("reads contents on demand before it counts them as readable", async () => {
    const config: ObjectRef = { type: RESOURCES.configMap, ...PODINFO };
    server.put("/api/v1/namespaces/test/configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: PODINFO,
      data: { a: "1" },
    });
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    expect(follower.isFollowing(PODINFO, [REF, config])).toBe(false);
    await follower.follow(PODINFO, [REF, config], NOT_ABORTED);
    expect(follower.isFollowing(PODINFO, [REF, config])).toBe(true);
    expect(follower.cached(config)?.data).toEqual({ a: "1" });
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    expect(follower.isFollowing(PODINFO, [REF, config])).toBe(false);
  });

  it("says which objects it may not read and why, and goes on when it may", async () => {
    const message = 'deployments.apps is forbidden: User "flagger" cannot list resource "deployments"';
    server.intercept = () => ({ code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message } });
    const refused = expect(follower.follow(PODINFO, [REF], NOT_ABORTED)).rejects.toThrow(
      `cannot read deployments.apps: ${message}: grant the operator's role the verbs list and watch on deployments.apps`,
    );
    await refused;
    const failure: unknown = await follower.follow(PODINFO, [REF], NOT_ABORTED).catch((error: unknown) => error);
    server.intercept = undefined;
    await (failure as ReadFailure).filled;
    await follower.follow(PODINFO, [REF], NOT_ABORTED);
    expect(clock.sleeping()).toEqual([]);
  });

  it("waits for a list that takes long, and says after a minute that there is no answer", async () => {
    server.manners = "silent";
    const following = follower.follow(PODINFO, [REF], NOT_ABORTED);
    const refused = expect(following).rejects.toThrow("cannot read deployments.apps: no answer within 60 s: ");
    const another = follower.follow({ ...PODINFO, name: "another" }, [REF], NOT_ABORTED).catch(() => "refused, too");
    await until("they wait together", () => clock.sleeping().length === 1);
    await clock.advance(60_000);
    await refused;
    expect(await another).toBe("refused, too");
  });

  it("does not wait for what has to stop", async () => {
    server.manners = "silent";
    server.intercept = () => ({ code: 500, body: { kind: "Status", code: 500, message: "no" } });
    const hurry = new AbortController();
    const following = follower.follow(PODINFO, [REF], hurry.signal);
    await until("it waits", () => clock.sleeping().length === 1);
    hurry.abort(new Error("the operator stops"));
    await expect(following).rejects.toThrow("the operator stops");
  });

  it("says that a kind is not installed", async () => {
    server.missing.add("deployments");
    await expect(follower.follow(PODINFO, [REF], NOT_ABORTED)).rejects.toThrow(
      "kind Deployment of apps/v1 is not installed in the cluster: install it, or choose another spec.provider",
    );
  });
});
