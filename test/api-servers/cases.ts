/**
 * What Aviary relies on in a Kubernetes API server, one row each. The real server passes all of them, and so does each
 * imitation that a test or the sandbox uses, but for the rows that the imitation names with a reason; see
 * api-servers.test.ts.
 */
import { expect } from "vitest";
import { isAlreadyExists, isConflict, isGone, isNotFound } from "../../src/ports/kube.ts";
import {
  apiVersionOf,
  type KubeFields,
  type KubeObject,
  RESOURCES,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import { aWireCanary } from "../../src/testing/canary.ts";
import type { OpenWatch, Subject, WatchLine } from "./subject.ts";

/** Two namespaces that no other case uses. */
export interface Space {
  readonly here: string;
  readonly elsewhere: string;
}

export interface Case {
  readonly it: string;
  run(server: Subject, space: Space): Promise<void>;
}

const { configMap, deployment, canary, event, lease } = RESOURCES;

const at = (type: ResourceType, namespace: string, name: string) => ({ type, namespace, name });

function object(type: ResourceType, namespace: string, name: string, rest: KubeFields = {}): KubeObject {
  const { metadata, ...fields } = rest;
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace, ...metadata }, ...fields };
}

const config = (namespace: string, name: string, rest: KubeFields = {}) => object(configMap, namespace, name, rest);

const workload = (namespace: string, name: string, spec: KubeFields = {}) =>
  object(deployment, namespace, name, {
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "app", image: "app:1" }] } },
      ...spec,
    },
  });

async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the server did not refuse");
}

const shortOf = ({ type, object: { metadata, data } }: WatchLine) => `${type} ${metadata.name} ${data?.v ?? ""}`.trim();

async function linesOf(watch: OpenWatch, count: number): Promise<readonly WatchLine[]> {
  const lines: WatchLine[] = [];
  while (lines.length < count) {
    const line = await watch.next();
    if (line === undefined) throw new Error(`the watch ended after ${lines.map(shortOf).join(", ")}`);
    if (line.type !== "BOOKMARK") lines.push(line);
  }
  return lines;
}

const versionOf = ({ object: { metadata } }: WatchLine) => Number(metadata.resourceVersion);

const SINGLE_OBJECTS: readonly Case[] = [
  {
    it: "gives a created object its uid, its version and its time",
    async run(server, { here }) {
      const { metadata } = await server.create(configMap, config(here, "a", { data: { v: "1" } }));
      expect(metadata.uid).toMatch(/./);
      expect(metadata.resourceVersion).toMatch(/^\d+$/);
      expect(metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const read = await server.get(at(configMap, here, "a"));
      expect(read).toMatchObject({ metadata: { uid: metadata.uid }, data: { v: "1" } });
    },
  },
  {
    it: "refuses to create what exists, with AlreadyExists",
    async run(server, { here, elsewhere }) {
      await server.create(configMap, config(here, "a"));
      await server.create(configMap, config(elsewhere, "a"));
      expect(isAlreadyExists(await refusalOf(server.create(configMap, config(here, "a"))))).toBe(true);
    },
  },
  {
    it: "answers NotFound for what is missing",
    async run(server, { here }) {
      const ref = at(configMap, here, "missing");
      expect(await server.get(ref)).toBeUndefined();
      expect(isNotFound(await refusalOf(server.mergePatch(ref, { data: { v: "1" } }, {})))).toBe(true);
      expect(await server.delete(ref, {})).toBe(false);
    },
  },
  {
    it: "answers NotFound when what is missing is replaced",
    async run(server, { here }) {
      expect(isNotFound(await refusalOf(server.replace(configMap, config(here, "missing"))))).toBe(true);
    },
  },
  {
    it: "deletes an object; one of the same name gets another uid",
    async run(server, { here }) {
      const ref = at(configMap, here, "a");
      const first = await server.create(configMap, config(here, "a"));
      expect(await server.delete(ref, {})).toBe(true);
      expect(await server.get(ref)).toBeUndefined();
      const second = await server.create(configMap, config(here, "a"));
      expect(second.metadata.uid).not.toBe(first.metadata.uid);
    },
  },
  {
    it: "deletes no namesake when the uid is given",
    async run(server, { here }) {
      const ref = at(configMap, here, "a");
      const { metadata } = await server.create(configMap, config(here, "a"));
      const other = "00000000-0000-4000-8000-00000000dead";
      expect(isConflict(await refusalOf(server.delete(ref, { uid: other })))).toBe(true);
      expect(await server.get(ref)).toBeDefined();
      expect(await server.delete(ref, { uid: metadata.uid ?? "" })).toBe(true);
    },
  },
];

const WRITES: readonly Case[] = [
  {
    it: "merges a patch: null removes a key, a list is replaced, what is not named stays",
    async run(server, { here }) {
      const metadata = { labels: { keep: "1", drop: "1" }, finalizers: ["test/one", "test/two"] };
      await server.create(configMap, config(here, "a", { metadata, data: { keep: "1", change: "1" } }));
      const patch = {
        metadata: { labels: { drop: null, add: "2" }, finalizers: ["test/two"] },
        data: { change: "2" },
      };
      const patched = await server.mergePatch(at(configMap, here, "a"), patch, {});
      expect(patched).toMatchObject({ data: { keep: "1", change: "2" } });
      expect(patched.metadata.labels).toEqual({ keep: "1", add: "2" });
      expect(patched.metadata.finalizers).toEqual(["test/two"]);
      expect(await server.get(at(configMap, here, "a"))).toMatchObject({ data: { keep: "1", change: "2" } });
      await server.mergePatch(at(configMap, here, "a"), { metadata: { finalizers: null } }, {});
    },
  },
  {
    it: "gives each change a new version, and a write that changes nothing none",
    async run(server, { here }) {
      const ref = at(configMap, here, "a");
      const made = await server.create(configMap, config(here, "a", { data: { v: "1" } }));
      const same = await server.mergePatch(ref, { data: { v: "1" } }, {});
      expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
      const changed = await server.mergePatch(ref, { data: { v: "2" } }, {});
      expect(Number(changed.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    },
  },
  {
    it: "refuses a patch of a stale version, with Conflict",
    async run(server, { here }) {
      const ref = at(configMap, here, "a");
      const { metadata } = await server.create(configMap, config(here, "a", { data: { v: "1" } }));
      const { resourceVersion = "" } = metadata;
      await server.mergePatch(ref, { data: { v: "2" } }, { resourceVersion });
      const late = server.mergePatch(ref, { data: { v: "3" } }, { resourceVersion });
      expect(isConflict(await refusalOf(late))).toBe(true);
      expect((await server.get(ref))?.data).toEqual({ v: "2" });
    },
  },
  {
    it: "replaces an object at its version, and refuses a stale one with Conflict",
    async run(server, { here }) {
      const made = await server.create(configMap, config(here, "a", { data: { v: "1", gone: "1" } }));
      const replaced = await server.replace(configMap, { ...made, data: { v: "2" } });
      expect(replaced.data).toEqual({ v: "2" });
      expect(replaced.metadata.uid).toBe(made.metadata.uid);
      expect(isConflict(await refusalOf(server.replace(configMap, { ...made, data: { v: "3" } })))).toBe(true);
    },
  },
  {
    it: "lets one of two holders have a Lease",
    async run(server, { here }) {
      const free = await server.create(lease, object(lease, here, "leader", { spec: { leaseDurationSeconds: 20 } }));
      const take = (holderIdentity: string) =>
        server.replace(lease, { ...free, spec: { ...free.spec, holderIdentity } });
      const ends = await Promise.allSettled([take("one"), take("two")]);
      const lost = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
      expect(lost.map(isConflict)).toEqual([true]);
      const winner = ends[0]?.status === "fulfilled" ? "one" : "two";
      expect((await server.get(at(lease, here, "leader")))?.spec.holderIdentity).toBe(winner);
    },
  },
  {
    it: "counts the generation of a workload: for changes of its spec alone",
    async run(server, { here }) {
      const ref = at(deployment, here, "web");
      const generation = async (written: Promise<KubeObject>) => (await written).metadata.generation;
      expect(await generation(server.create(deployment, workload(here, "web")))).toBe(1);
      expect(await generation(server.mergePatch(ref, { metadata: { labels: { a: "1" } } }, {}))).toBe(1);
      expect(await generation(server.mergePatch(ref, { spec: { replicas: 3 } }, {}))).toBe(2);
      const status = { observedGeneration: 2 };
      expect(await generation(server.mergePatch(ref, { status }, { subresource: "status" }))).toBe(2);
    },
  },
  {
    it: "keeps no status of a Canary that is created with one",
    async run(server, { here }) {
      const { spec } = aWireCanary();
      const made = await server.create(canary, object(canary, here, "new", { spec, status: { phase: "Succeeded" } }));
      expect(made.status).toBeUndefined();
    },
  },
  {
    it: "keeps spec and status of a Canary apart: each is written by its own path",
    async run(server, { here }) {
      const ref = at(canary, here, "podinfo");
      const { spec } = aWireCanary();
      await server.create(canary, object(canary, here, "podinfo", { spec }));
      const status = { phase: "Initialized", canaryWeight: 0, failedChecks: 0, iterations: 0 };
      const reported = await server.mergePatch(ref, { spec: { suspend: true }, status }, { subresource: "status" });
      expect(reported.spec.suspend).toBeUndefined();
      expect(reported.status.phase).toBe("Initialized");
      expect(reported.metadata.generation).toBe(1);
      const edited = await server.mergePatch(ref, { spec: { suspend: true }, status: { phase: "Failed" } }, {});
      expect(edited.spec.suspend).toBe(true);
      expect(edited.status.phase).toBe("Initialized");
      expect(edited.metadata.generation).toBe(2);
    },
  },
];

const ENDS: readonly Case[] = [
  {
    it: "keeps a deleted object until its last finalizer is removed",
    async run(server, { here }) {
      const ref = at(configMap, here, "a");
      await server.create(configMap, config(here, "a", { metadata: { finalizers: ["test/one"] } }));
      expect(await server.delete(ref, {})).toBe(true);
      const leaving = await server.get(ref);
      expect(leaving?.metadata.deletionTimestamp).toMatch(/^\d{4}-/);
      await server.delete(ref, {});
      expect((await server.get(ref))?.metadata.deletionTimestamp).toBe(leaving?.metadata.deletionTimestamp);
      await server.mergePatch(ref, { metadata: { finalizers: null } }, {});
      expect(await server.get(ref)).toBeUndefined();
    },
  },
  {
    it: "deletes what a deleted object owns",
    async run(server, { here }) {
      const owner = await server.create(configMap, config(here, "owner"));
      const { uid = "", name } = owner.metadata;
      const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name, uid }];
      await server.create(configMap, config(here, "owned", { metadata: { ownerReferences } }));
      await server.delete(at(configMap, here, "owner"), {});
      expect(await server.get(at(configMap, here, "owned"))).toBeUndefined();
    },
  },
];

const LISTS: readonly Case[] = [
  {
    it: "lists one namespace, or all",
    async run(server, { here, elsewhere }) {
      await server.create(configMap, config(here, "a"));
      await server.create(configMap, config(elsewhere, "a"));
      const namespaces = ({ items }: { items: readonly KubeObject[] }) =>
        items.filter(({ metadata }) => metadata.name === "a").map(({ metadata }) => metadata.namespace);
      expect(namespaces(await server.list(configMap, here, {}))).toEqual([here]);
      expect(namespaces(await server.list(configMap, "", {}))).toEqual(expect.arrayContaining([here, elsewhere]));
    },
  },
  {
    it: "selects by name, which the operator asks for with a field selector",
    async run(server, { here }) {
      for (const name of ["a", "b"]) await server.create(configMap, config(here, name));
      const { items } = await server.list(configMap, here, { fieldSelector: "metadata.name=b" });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(["b"]);
    },
  },
  {
    it: "selects Events by what they are about",
    async run(server, { here }) {
      for (const [name, reason] of [
        ["a", "FailedCreate"],
        ["b", "FailedCreate"],
        ["b", "Killing"],
      ] as const) {
        await server.create(event, {
          ...{
            apiVersion: "v1",
            kind: "Event",
            metadata: { name: `${name}-${reason.toLowerCase()}`, namespace: here },
          },
          ...{ reason, message: "told", type: "Warning" },
          involvedObject: { apiVersion: "apps/v1", kind: "StatefulSet", name, namespace: here },
        });
      }
      const fieldSelector = "involvedObject.kind=StatefulSet,involvedObject.name=b,reason=FailedCreate";
      const { items } = await server.list(event, here, { fieldSelector });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(["b-failedcreate"]);
    },
  },
  {
    it: "selects by labels",
    async run(server, { here }) {
      for (const app of ["a", "b"])
        await server.create(configMap, config(here, app, { metadata: { labels: { app } } }));
      const { items } = await server.list(configMap, here, { labelSelector: "app=b" });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(["b"]);
    },
  },
  {
    it: "answers in pages, which together are the list",
    async run(server, { here }) {
      const names = ["a", "b", "c", "d", "e"];
      for (const name of names) await server.create(configMap, config(here, name));
      const only = (items: readonly KubeObject[]) => items.map(({ metadata }) => metadata.name);
      const found: string[] = [];
      let next: string | undefined;
      do {
        const page = await server.list(configMap, here, {
          limit: "2",
          ...(next === undefined ? {} : { continue: next }),
        });
        expect(page.items.length).toBeLessThanOrEqual(2);
        found.push(...only(page.items));
        next = page.next;
      } while (next !== undefined && next !== "");
      expect(found.filter((name) => names.includes(name)).sort()).toEqual(names);
    },
  },
];

const WATCHES: readonly Case[] = [
  {
    it: "watches from the version of a list: every later change, in order, each with a higher version",
    async run(server, { here }) {
      await server.create(configMap, config(here, "before"));
      const { resourceVersion } = await server.list(configMap, here, {});
      // A watch that begins late gets what happened meanwhile.
      await server.create(configMap, config(here, "a", { data: { v: "1" } }));
      await server.mergePatch(at(configMap, here, "a"), { data: { v: "2" } }, {});
      const watch = await server.watch(configMap, here, { resourceVersion });
      try {
        await server.create(configMap, config(here, "b", { data: { v: "3" } }));
        await server.delete(at(configMap, here, "a"), {});
        const lines = await linesOf(watch, 4);
        expect(lines.map(shortOf)).toEqual(["ADDED a 1", "MODIFIED a 2", "ADDED b 3", "DELETED a 2"]);
        const versions = lines.map(versionOf);
        expect(versions).toEqual([...new Set(versions)].sort((x, y) => x - y));
        expect(versions[0]).toBeGreaterThan(Number(resourceVersion));
      } finally {
        watch.close();
      }
    },
  },
  {
    it: "watches one namespace, or one name",
    async run(server, { here, elsewhere }) {
      const { resourceVersion } = await server.list(configMap, here, {});
      const all = await server.watch(configMap, here, { resourceVersion });
      const one = await server.watch(configMap, here, { resourceVersion, fieldSelector: "metadata.name=b" });
      try {
        for (const name of ["a", "b"]) await server.create(configMap, config(elsewhere, name));
        for (const name of ["a", "b"]) await server.create(configMap, config(here, name));
        expect((await linesOf(all, 2)).map(shortOf)).toEqual(["ADDED a", "ADDED b"]);
        const [line] = await linesOf(one, 1);
        expect(line?.object.metadata).toMatchObject({ name: "b", namespace: here });
      } finally {
        all.close();
        one.close();
      }
    },
  },
  {
    it: "ends a watch when its time is up; where nothing happened, it got bookmarks at most",
    async run(server, { here }) {
      const { resourceVersion } = await server.list(configMap, here, {});
      const wish = { resourceVersion, allowWatchBookmarks: "true", timeoutSeconds: "1" };
      const watch = await server.watch(configMap, here, wish);
      try {
        for (let line = await watch.next(); line !== undefined; line = await watch.next()) {
          expect(line.type).toBe("BOOKMARK");
          expect(versionOf(line)).toBeGreaterThanOrEqual(Number(resourceVersion));
        }
      } finally {
        watch.close();
      }
    },
  },
  {
    it: "answers 410 to a watch from a version that is too old",
    async run(server, { here }) {
      await server.create(configMap, config(here, "a"));
      let watch: OpenWatch;
      try {
        watch = await server.watch(configMap, here, { resourceVersion: server.tooOld() });
      } catch (error) {
        expect(isGone(error)).toBe(true);
        return;
      }
      try {
        expect(await watch.next()).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410 } });
      } finally {
        watch.close();
      }
    },
  },
];

export const CASES = [...SINGLE_OBJECTS, ...WRITES, ...ENDS, ...LISTS, ...WATCHES];
