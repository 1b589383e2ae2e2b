/**
 * What the sandbox's parts may rely on when their cluster is an API server in another process: the same as of the
 * sandbox's own store (sandbox/cluster.ts). Held against the sandbox's API server over HTTP, and against kube-apiserver
 * with etcd where the folder $KUBERNETES_PROGRAMS, or $PATH, has both.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request as overTcp } from "node:http";
import { request as overTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { claimAddressBlock } from "../../../sandbox/addresses.ts";
import { machineClock } from "../../../sandbox/clock.ts";
import { ApiError, type Cluster, type WatchEvent } from "../../../sandbox/cluster.ts";
import { definition } from "../../../sandbox/crds/definition.ts";
import { whatIsMissing } from "../../../sandbox/programs/find.ts";
import { connectRealCluster, type RealCluster } from "../../../sandbox/real-kubernetes/cluster.ts";
import { startRealKubernetes } from "../../../sandbox/real-kubernetes/index.ts";
import { clusterScoped, type KubeObject, namespaced, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { PROGRAM } from "../../program.ts";
import { launch } from "../harness/process.ts";

const programs = process.env["KUBERNETES_PROGRAMS"];
const missing = whatIsMissing(["etcd", "kube-apiserver"], programs, process.env["PATH"], "$KUBERNETES_PROGRAMS");
if (missing !== undefined) process.stderr.write(`kube-apiserver and etcd: not tried, ${missing}\n`);

interface Site {
  readonly cluster: Cluster;
  /** Another client of the same API server, which sees what that one has. */
  readonly other: RealCluster;
  stop(): Promise<void>;
}

/** `aviary sandbox serve` in another process: this process could not answer while it waits. */
async function overHttp(): Promise<Site> {
  const state = mkdtempSync(join(tmpdir(), "aviary-real-cluster-"));
  const child = launch([PROGRAM, "sandbox", "serve", "--state-dir", state, "--flux", "imitation"], {});
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kubeconfig = join(state, "kubeconfig");
  const config = await vi.waitFor(() => parse(readFileSync(join(state, "sandbox.json"), "utf8")), {
    timeout: PATIENCE_MS,
  });
  const { users, clusters } = parse(readFileSync(kubeconfig, "utf8"));
  const ca = Buffer.from(clusters[0].cluster["certificate-authority-data"], "base64").toString();
  const endpoint = { url: config.url, ca, token: users[0].user.token };
  const [real, other] = [connectRealCluster(endpoint, machineClock), connectRealCluster(endpoint, machineClock)];
  return {
    cluster: real.cluster,
    other,
    stop: async () => {
      await real.stop();
      await other.stop();
      child.kill("SIGTERM");
      await ended;
      rmSync(state, { recursive: true, force: true });
    },
  };
}

async function onKubernetes(): Promise<Site> {
  const addresses = await claimAddressBlock();
  const folder = programs === undefined ? {} : { programs };
  const plane = await startRealKubernetes({ ...folder, log: () => {} }, { addresses, clock: machineClock });
  const other = connectRealCluster(plane, machineClock);
  return {
    cluster: plane.cluster,
    other,
    stop: async () => {
      await other.stop();
      await plane.stop();
      await addresses.release();
    },
  };
}

const SITES: readonly (readonly [string, () => Promise<Site>])[] = [
  ["the sandbox's API server over HTTP", overHttp],
  ...(missing === undefined ? ([["kube-apiserver with etcd", onKubernetes]] as const) : []),
];

const { configMap, namespace } = RESOURCES;
const WIDGET = namespaced("example.org", "v1", "Widget", "widgets");
const LATER = clusterScoped("example.org", "v1", "Later", "laters");
const crdOf = ({ group, kind, plural, namespaced: inNamespace }: typeof WIDGET) =>
  definition({
    ...{ group, kind, plural, singular: kind.toLowerCase(), shortNames: [], categories: [], versions: ["v1"] },
    ...{ columns: [], scope: inNamespace ? ("Namespaced" as const) : ("Cluster" as const) },
  });

describe.each(SITES)("a cluster on %s", (_, open) => {
  let site: Site;
  let cluster: Cluster;
  let serial = 0;
  let name = "";

  const config = (data: Record<string, string> = {}): KubeObject => {
    const metadata = { name, namespace: "default" };
    return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
  };
  const widget = (spec: Record<string, unknown> = {}): KubeObject => {
    return { apiVersion: "example.org/v1", kind: "Widget", metadata: { name, namespace: "default" }, spec };
  };
  const refusal = (act: () => unknown): Pick<ApiError, "code" | "reason"> | undefined => {
    try {
      act();
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { code: error.code, reason: error.reason };
    }
  };
  /** What the watch says of the object of this test. */
  const follow = (type: typeof WIDGET, on = cluster) => {
    const seen: WatchEvent[] = [];
    const stop = on.watch(type, (event) => {
      if (event.object.metadata.name === name) seen.push(event);
    });
    return { seen, types: () => seen.map((event) => event.type), stop };
  };

  beforeAll(async () => {
    site = await open();
    cluster = site.cluster;
    cluster.create(RESOURCES.crd, crdOf(WIDGET));
  });
  afterAll(() => site.stop());
  beforeEach(() => {
    serial += 1;
    name = `object-${serial}`;
  });

  it("has what was created at once, and refuses to create it again", () => {
    const created = cluster.create(configMap, config({ a: "1" }));
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(cluster.get(configMap, "default", name)).toEqual(created);
    expect(cluster.list(configMap, "default")).toContainEqual(created);
    expect(refusal(() => cluster.create(configMap, config()))).toEqual({ code: 409, reason: "AlreadyExists" });
  });

  it("serves a custom resource as soon as its definition was created", () => {
    expect(cluster.create(WIDGET, widget({ size: 1 })).spec).toEqual({ size: 1 });
  });

  it("refuses a stale version, and shows the present one from then on", () => {
    const first = cluster.create(WIDGET, widget({ size: 1 }));
    site.other.cluster.update(WIDGET, { ...first, spec: { size: 2 } });
    const stale = () => cluster.update(WIDGET, { ...first, spec: { size: 3 } });
    expect(refusal(stale)).toEqual({ code: 409, reason: "Conflict" });
    expect(cluster.get(WIDGET, "default", name)?.spec).toEqual({ size: 2 });
  });

  it("replaces without a version, and keeps status and spec apart", () => {
    cluster.create(WIDGET, widget({ size: 1 }));
    cluster.updateStatus(WIDGET, { ...widget({ size: 7 }), status: { ready: true } });
    const saved = cluster.update(WIDGET, { ...widget({ size: 2 }), status: { ready: false } });
    expect({ spec: saved.spec, status: saved.status }).toEqual({ spec: { size: 2 }, status: { ready: true } });
  });

  it("keeps an object that has finalizers until the last one is dropped", async () => {
    const held = config();
    held.metadata.finalizers = ["example.org/held"];
    const created = cluster.create(configMap, held);
    const { types } = follow(configMap);
    cluster.remove(configMap, "default", name);
    expect(cluster.get(configMap, "default", name)?.metadata.deletionTimestamp).toBeDefined();
    const { resourceVersion: _v, ...metadata } = created.metadata;
    cluster.update(configMap, { ...created, metadata: { ...metadata, finalizers: [] } });
    expect(cluster.get(configMap, "default", name)).toBeUndefined();
    await vi.waitFor(() => expect(types().at(-1)).toBe("DELETED"));
    expect(types().filter((type) => type === "DELETED")).toHaveLength(1);
  });

  it("does not mind the removal of what is not there", () => {
    expect(() => cluster.remove(configMap, "default", name)).not.toThrow();
  });

  it("tells each change once and in order, its own and those of others", async () => {
    const watched = follow(configMap);
    const created = cluster.create(configMap, config({ a: "1" }));
    cluster.update(configMap, { ...created, data: { a: "2" } });
    await vi.waitFor(() => expect(site.other.cluster.get(configMap, "default", name)?.data).toEqual({ a: "2" }));
    const present = site.other.cluster.get(configMap, "default", name) as KubeObject;
    site.other.cluster.update(configMap, { ...present, data: { a: "3" } });
    site.other.cluster.remove(configMap, "default", name);
    await vi.waitFor(() => expect(watched.types().at(-1)).toBe("DELETED"), { timeout: PATIENCE_MS });
    expect(watched.types()).toEqual(["ADDED", "MODIFIED", "MODIFIED", "DELETED"]);
    expect(watched.seen.map(({ object }) => object.data?.a)).toEqual(["1", "2", "3", "3"]);
    expect(cluster.get(configMap, "default", name)).toBeUndefined();
    watched.stop();
  });

  it("tells an object that is made again under its old name from the one before", async () => {
    const watched = follow(configMap);
    const first = cluster.create(configMap, config());
    cluster.remove(configMap, "default", name);
    const second = cluster.create(configMap, config());
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    await vi.waitFor(() => expect(watched.types()).toEqual(["ADDED", "DELETED", "ADDED"]));
    expect(cluster.get(configMap, "default", name)).toEqual(second);
  });

  it("follows a kind from the moment that it is defined until its definition goes", async () => {
    const watched = follow(LATER);
    expect(cluster.list(LATER)).toEqual([]);
    site.other.cluster.create(RESOURCES.crd, crdOf(LATER));
    site.other.cluster.create(LATER, { apiVersion: "example.org/v1", kind: "Later", metadata: { name } });
    await vi.waitFor(() => expect(watched.types()).toEqual(["ADDED"]), { timeout: PATIENCE_MS });
    site.other.cluster.remove(RESOURCES.crd, "", "laters.example.org");
    await vi.waitFor(() => expect(watched.types().at(-1)).toBe("DELETED"), { timeout: PATIENCE_MS });
    expect(cluster.list(LATER)).toEqual([]);
  });

  it("keeps Endpoints to itself, because Kubernetes takes no loopback address for one", () => {
    const subsets = [{ addresses: [{ ip: "127.70.1.1" }], ports: [{ port: 8080 }] }];
    const endpoints = { apiVersion: "v1", kind: "Endpoints", metadata: { name, namespace: "default" }, subsets };
    const created = cluster.create(RESOURCES.endpoints, endpoints);
    expect(cluster.get(RESOURCES.endpoints, "default", name)?.["subsets"]).toEqual(subsets);
    expect(site.other.api.get(RESOURCES.endpoints, "default", name)).toBeUndefined();
    const stale = () =>
      cluster.update(RESOURCES.endpoints, { ...created, metadata: { ...created.metadata, resourceVersion: "0" } });
    expect(refusal(stale)).toEqual({ code: 409, reason: "Conflict" });
    cluster.remove(RESOURCES.endpoints, "default", name);
    expect(cluster.get(RESOURCES.endpoints, "default", name)).toBeUndefined();
  });

  it("has an Event a moment later: no part of the sandbox waits for Events", async () => {
    const involvedObject = { kind: "ConfigMap", name, namespace: "default" };
    const metadata = { name, namespace: "default" };
    const watched = follow(RESOURCES.event);
    cluster.create(RESOURCES.event, { apiVersion: "v1", kind: "Event", metadata, involvedObject, reason: "Tried" });
    await vi.waitFor(() => expect(watched.seen.map(({ object }) => object["reason"])).toEqual(["Tried"]), {
      timeout: PATIENCE_MS,
    });
    expect(site.other.api.get(RESOURCES.event, "default", name)?.["reason"]).toBe("Tried");
    watched.stop();
  });

  it("says what the API server has against an object", () => {
    const invalid = { ...config(), metadata: { name: "Not A Name", namespace: "default" } };
    expect(refusal(() => cluster.create(configMap, invalid))).toEqual({ code: 422, reason: "Invalid" });
    const nowhere = { ...config(), metadata: { name, namespace: "nowhere" } };
    expect(refusal(() => cluster.create(configMap, nowhere))).toEqual({ code: 404, reason: "NotFound" });
    expect(cluster.get(namespace, "", "nowhere")).toBeUndefined();
  });
});

/** Where the store of this process's sandbox listens, for clients and for other stores, by its command line. */
function storeUrls(): readonly URL[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const isOurs = (pid: string) => readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${process.pid}\n`);
  const commands = pids.flatMap((pid) => {
    try {
      return isOurs(pid) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8")] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
  return [...commands.join("").matchAll(/--listen-(?:client|peer)-urls=([^\0]+)/g)].map(([, url = ""]) => new URL(url));
}

/** What a program without the certificate is answered, or why there is no answer. */
function asStranger({ hostname, port }: URL, path: string, isSecure: boolean): Promise<number | string> {
  const options = { hostname, port, path, method: "POST", rejectUnauthorized: false, agent: false };
  return new Promise((resolve) => {
    const asked = (isSecure ? overTls : overTcp)(options, ({ statusCode = 0 }) => resolve(statusCode));
    asked.once("error", ({ message }) => resolve(message)).end("{}");
  });
}

describe.each(SITES.slice(1))("the store of %s", (_, open) => {
  it("takes orders of its API server only: no user of the machine and no page of a browser makes pods in it", async () => {
    const site = await open();
    try {
      const urls = storeUrls();
      expect(urls).toHaveLength(2);
      for (const url of urls) {
        expect(await asStranger(url, "/v3/kv/range", true)).toMatch(/certificate required|alert|ECONNRESET|hang up/i);
        expect(await asStranger(url, "/v3/kv/range", false)).not.toBe(200);
      }
    } finally {
      await site.stop();
    }
  });
});

it("a cluster whose API server is not there is refused with its address", async () => {
  const endpoint = { url: "https://127.0.0.1:1", ca: "", token: "" };
  const { cluster, stop } = connectRealCluster(endpoint, machineClock);
  expect(() => cluster.create(configMap, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } })).toThrow(
    "POST /api/v1/configmaps?fieldManager=aviary-sandbox: connect ECONNREFUSED 127.0.0.1:1",
  );
  await stop();
});
