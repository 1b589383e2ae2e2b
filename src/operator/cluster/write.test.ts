import { beforeEach, describe, expect, it } from "vitest";
import { applyMergePatch } from "../../json/merge-patch.ts";
import { KubeError, type ObjectWriter } from "../../ports/kube.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createFights } from "./fights.ts";
import { createFreshSnapshot } from "./read-your-writes.ts";
import { createWriter, type WriteObject } from "./write.ts";

const BY = { namespace: "test", name: "podinfo" };
const NOT_ABORTED = new AbortController().signal;

let stored: KubeObject;
let patches: KubeFields[];
let write: WriteObject;
/** What the API server, its schema or a webhook makes of what is written. */
let admit: (object: KubeObject) => KubeObject;

/** One object behind an API server that has its own mind. */
beforeEach(() => {
  const metadata = { ...BY, uid: "1", resourceVersion: "1", labels: { a: "1" } };
  stored = { apiVersion: "networking.istio.io/v1beta1", kind: "VirtualService", metadata, spec: { http: [] } };
  patches = [];
  admit = (object) => object;
  const writer: ObjectWriter = {
    create: () => Promise.reject(new Error("nothing is created here")),
    mergePatch(_ref, patch) {
      patches.push(patch);
      put(admit(applyMergePatch(stored, structuredClone(patch)) as KubeObject));
      return Promise.resolve(stored);
    },
  };
  const snapshot = createFreshSnapshot(() => stored);
  write = createWriter(writer, snapshot);
});

function put(object: KubeObject): void {
  if (JSON.stringify(object) === JSON.stringify(stored)) return;
  const resourceVersion = String(Number(stored.metadata.resourceVersion) + 1);
  stored = { ...object, metadata: { ...object.metadata, resourceVersion } };
}

const routing = (timeout: string) => [{ timeout, match: [{ headers: { x: { suffix: "a" } } }] }];
/** As a translator does it: the seen object with our fields replaced. */
const want = (http: KubeFields) => write({ ...stored, spec: { ...stored.spec, http } }, BY, NOT_ABORTED);
const pruned = (object: KubeObject): KubeObject => ({
  ...object,
  spec: { http: object.spec.http.map((rule: KubeFields) => ({ ...rule, match: [{ headers: { x: {} } }] })) },
});

describe("what the API server stores otherwise than it was written", () => {
  it.each<[string, typeof admit]>([
    ["a schema that prunes", pruned],
    [
      "a webhook that has the last word",
      (object) => applyMergePatch(object, { spec: { http: [{ retries: 3 }] } }) as KubeObject,
    ],
  ])("is written once, not for ever: %s", async (_, mind) => {
    admit = mind;
    expect(await want(routing("1s"))).toBe(true);
    expect(await want(routing("1s"))).toBe(false);
    expect(await want(routing("1s"))).toBe(false);
    expect(patches).toHaveLength(1);
  });

  it("a field that a webhook brings back is taken away once", async () => {
    const without = () => write({ ...stored, metadata: { ...stored.metadata, labels: {} } }, BY, NOT_ABORTED);
    admit = (object) => applyMergePatch(object, { metadata: { labels: { a: "1" } } }) as KubeObject;
    expect([await without(), await without()]).toEqual([true, false]);
    expect(patches).toEqual([{ metadata: { labels: { a: null } } }]);
  });

  it("is written again when the wanted value changes, or when another writer changed the object", async () => {
    admit = pruned;
    await want(routing("1s"));
    expect(await want(routing("2s"))).toBe(true);
    expect(await want(routing("2s"))).toBe(false);
    put({ ...stored, spec: { http: [] } });
    expect(await want(routing("2s"))).toBe(true);
    expect(await want(routing("2s"))).toBe(false);
    expect(patches).toHaveLength(3);
  });

  it("a patch that is refused each time is no fight with another writer", async () => {
    const refused = () => Promise.reject(new KubeError(422, "Invalid", "spec.maxReplicas: Invalid value: 3"));
    const fought: unknown[] = [];
    const clock = createManualClock(Date.UTC(2026, 0, 1));
    const fights = createFights({ clock, read: async () => undefined, onFight: (_by, fight) => fought.push(fight) });
    const snapshot = createFreshSnapshot(() => stored);
    write = createWriter({ create: refused, mergePatch: refused }, snapshot, [], fights);
    for (let turn = 0; turn < 9; turn += 1) await expect(want(routing("1s"))).rejects.toThrow("Invalid value");
    expect(fought).toEqual([]);
  });

  it("a foreign change is repaired as often as another writer repeats it", async () => {
    for (let round = 0; round < 3; round += 1) {
      expect(await want(routing("1s"))).toBe(true);
      put({ ...stored, spec: { http: [] } });
    }
    expect(patches).toHaveLength(3);
  });
});
