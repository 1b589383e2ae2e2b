import { beforeEach, describe, expect, it } from "vitest";
import type { CanaryRef } from "../../core/spec/spec.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import { createFreshSnapshot, type FreshSnapshot } from "./read-your-writes.ts";

const REF: ObjectRef = { type: RESOURCES.service, namespace: "test", name: "podinfo" };
const BY = { namespace: "test", name: "podinfo" };
const version = (resourceVersion: string, uid = "1"): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "test", name: "podinfo", resourceVersion, uid },
});

let cached: KubeObject | undefined;
let snapshot: FreshSnapshot;

beforeEach(() => {
  cached = undefined;
  snapshot = createFreshSnapshot(() => cached);
});

const seen = () => snapshot.get(REF)?.metadata.resourceVersion;

describe("our own last write", () => {
  it("is seen until the cache has caught up with it, and never after", () => {
    cached = version("10");
    snapshot.remember(RESOURCES.service, version("12"), BY);
    expect(seen()).toBe("12");
    cached = version("11"); // of another writer, before Aviary's write
    expect(seen()).toBe("12");
    cached = version("12");
    expect(seen()).toBe("12");
    cached = version("9"); // the API server was restored from a backup
    expect(seen()).toBe("9");
  });

  it("an object that another writer deletes right after its creation is gone from the snapshot", () => {
    snapshot.remember(RESOURCES.service, version("12"), BY);
    expect(seen()).toBe("12");
    // Both events came between two turns: the cache is empty again.
    snapshot.noteDeletion(RESOURCES.service, version("13"));
    expect(seen()).toBeUndefined();
  });

  it("nor does what was deleted before the answer to our write came", () => {
    snapshot.noteDeletion(RESOURCES.service, version("13"));
    snapshot.remember(RESOURCES.service, version("12"), BY);
    expect(seen()).toBeUndefined();
    snapshot.remember(RESOURCES.service, version("14", "2"), BY);
    expect(seen()).toBe("14");
  });

  it("comes back as an echo, which is no news for the Canary whose turn wrote it, and news for any other", () => {
    cached = version("10");
    snapshot.remember(RESOURCES.service, version("12"), BY);
    const heard = (by: CanaryRef, resourceVersion: string) =>
      snapshot.isOwnWrite(by, RESOURCES.service, version(resourceVersion));
    expect(heard(BY, "11")).toBe(false);
    expect(heard({ ...BY, name: "another" }, "12")).toBe(false);
    expect(heard({ ...BY, namespace: "prod" }, "12")).toBe(false);
    expect(heard(BY, "12")).toBe(true);
    expect(heard(BY, "13")).toBe(false);
  });

  it("a recreated object stays when the deletion of its namesake arrives late", () => {
    snapshot.remember(RESOURCES.service, version("12", "2"), BY);
    snapshot.noteDeletion(RESOURCES.service, version("11", "1"));
    expect(seen()).toBe("12");
  });
});

describe("a list of objects", () => {
  it("has what the cache holds, and what we made since", () => {
    const inCache = version("3");
    snapshot = createFreshSnapshot(
      ({ name }) => (name === "podinfo" ? inCache : undefined),
      () => [inCache],
    );
    const made = { ...version("4", "2"), metadata: { ...version("4", "2").metadata, name: "made" } };
    snapshot.remember(RESOURCES.service, made, BY);
    snapshot.remember(RESOURCES.configMap, { ...made, kind: "ConfigMap" }, BY);
    expect(snapshot.list(RESOURCES.service, "test")).toEqual([inCache, made]);
    expect(snapshot.list(RESOURCES.service, "other")).toEqual([inCache]);
  });
});

describe("the size of a workload that was deleted", () => {
  const ref: ObjectRef = { type: RESOURCES.deployment, namespace: "test", name: "podinfo" };
  const sized = (replicas?: number): KubeObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "podinfo", namespace: "test", uid: "9" },
    spec: { ...(replicas !== undefined && { replicas }) },
  });

  it("is known until it is made again", () => {
    expect(snapshot.replicasBefore?.(ref)).toBeUndefined();
    snapshot.noteDeletion(RESOURCES.deployment, sized());
    expect(snapshot.replicasBefore?.(ref)).toBeUndefined();
    snapshot.noteDeletion(RESOURCES.deployment, sized(3));
    expect(snapshot.replicasBefore?.(ref)).toBe(3);
    cached = sized(1);
    expect(snapshot.replicasBefore?.(ref)).toBeUndefined();
  });
});
