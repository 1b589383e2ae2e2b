import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import type { ObjectCache, ObjectChange } from "../ports/kube.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { type StubCluster, startStubCluster } from "../testing/stub-cluster.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { fixedCredentials } from "./access.ts";
import { listAll } from "./client.ts";
import { startContentCache } from "./content-cache.ts";
import { createLedger } from "./ledger.ts";
import { createTransport, type KubeTransport } from "./transport.ts";

const TYPE = RESOURCES.secret;

let cluster: StubCluster;
let transport: KubeTransport;
let stop: AbortController;
let cache: ObjectCache;
let told: string[];

beforeEach(async () => {
  // One string of 200 MiB would be too large.
  const filler = "x".repeat(2 ** 20);
  cluster = await startStubCluster({ fill: (object) => ({ ...object, data: { ...object.data, filler } }) });
  for (let i = 0; i < 200; i += 1) cluster.put(TYPE, secret(`s-${i}`, "1"));
  stop = new AbortController();
  const common = { clock: systemClock, random: Math.random };
  const access = { server: cluster.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "test" };
  transport = createTransport({ connect: createDispatcher, ...common, access, qps: 0, burst: 1, userAgent: "test" });
  cache = startContentCache({ type: TYPE, namespace: "test" }, { ...common, transport, log: SILENT_LOG }, stop.signal);
  told = [];
  cache.onChange(({ type, object }: ObjectChange) => void told.push(`${type} ${object.metadata.name}`));
  await cache.synced;
});

afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await transport.close();
  await cluster.close();
});

const secret = (name: string, value: string) => ({ metadata: { namespace: "test", name }, data: { value } });
const value = (name: string) => cache.get("test", name)?.data?.value;
const reads = () => cluster.figures.verbs.get("GET") ?? 0;

it("contents give way to a namespace that takes less, cannot be read meanwhile, and come back when there is room", async () => {
  const MiB = 2 ** 20;
  const ledger = createLedger({ needed: 10 * MiB, neededInAll: 5 * MiB, spare: 0, spareInAll: 0 });
  const world = { clock: systemClock, random: Math.random, transport, log: SILENT_LOG };
  const heavy = startContentCache({ type: TYPE, namespace: "test", ledger }, world, stop.signal);
  const changed: string[] = [];
  heavy.onChange(({ type, object }) => void changed.push(`${type} ${object.metadata.name}`));
  await heavy.synced;
  for (const name of ["s-1", "s-2", "s-3", "s-4"]) await heavy.hold?.("test", name);
  const other = ledger.open(
    RESOURCES.canary,
    () => new Map(),
    () => undefined,
  );
  expect(other.makeRoom("quiet", "needed", 2 * MiB)).toBe(true);
  other.add("quiet", "needed", 2 * MiB);
  const shed = ["s-1", "s-2", "s-3", "s-4"].filter((name) => heavy.lacks?.("test", name));
  expect(shed).toHaveLength(2);
  await until("it is told", () => changed.length === 6);
  expect(changed.slice(-2)).toEqual(shed.map((name) => `modified ${name}`));
  const [name = ""] = shed;
  expect(() => heavy.get("test", name)).toThrow("hold it first");
  // It is asked for again, as the Canary does that was woken: the namespace takes most already.
  heavy.release?.("test", name);
  await expect(heavy.hold?.("test", name)).rejects.toThrow("do not fit into the memory that its objects may take");
  other.add("quiet", "needed", -2 * MiB);
  await heavy.hold?.("test", name);
  expect([heavy.lacks?.("test", name), heavy.get("test", name)?.data?.value]).toEqual([false, "1"]);
});

describe("a cache of contents on demand", () => {
  it("reads held objects by name and keeps them current; of other objects it knows the names only", async () => {
    expect(reads()).toBe(0);
    await cache.hold?.("test", "s-7");
    await cache.hold?.("test", "s-7");
    expect([value("s-7"), reads(), cache.list().length]).toEqual(["1", 1, 1]);
    cluster.put(TYPE, secret("s-8", "2"));
    cluster.put(TYPE, secret("s-7", "2"));
    await until("it is seen", () => value("s-7") === "2");
    expect([told, reads()]).toEqual([["added s-7", "modified s-7"], 2]);
    cluster.remove(TYPE, "test", "s-7");
    await until("it is gone", () => cache.get("test", "s-7") === undefined);
    cluster.put(TYPE, secret("s-7", "3"));
    await until("it is back", () => value("s-7") === "3");
    expect(told.slice(2)).toEqual(["deleted s-7", "added s-7"]);
  });

  it("lists names and versions in pages of fifty, and keeps no more of a server that sends whole objects", async () => {
    expect([cluster.figures.verbs.get("LIST"), reads()]).toEqual([4, 0]);
    const metadata = { namespace: "test", name: "s", uid: "u", resourceVersion: "1" };
    const annotations = { note: "x".repeat(1000) };
    const whole = { metadata: { ...metadata, annotations }, data: { value: "1" } };
    const answer = { send: async () => ({ items: [whole], metadata: {} }) };
    const listed = await listAll(answer, TYPE, "test", { metadataOnly: true }, stop.signal);
    expect(listed.objects).toEqual([{ apiVersion: "v1", kind: "Secret", metadata }]);
  });

  it("refuses to read an object that is not held, so that no turn takes the object for missing", async () => {
    expect(cache.get("test", "nothing")).toBeUndefined();
    expect(() => cache.get("test", "s-1")).toThrow("Secret test/s-1 is read and was not asked for: hold it first");
    await cache.hold?.("test", "s-1");
    expect(value("s-1")).toBe("1");
    cache.release?.("test", "s-1");
    expect(() => cache.get("test", "s-1")).toThrow("hold it first");
  });

  it("sees an object that is created after the first request for it", async () => {
    await cache.hold?.("test", "new");
    expect(value("new")).toBeUndefined();
    cluster.put(TYPE, secret("new", "1"));
    await until("it is seen", () => value("new") === "1");
  });

  it("holds no more than a bound, and says what to do", async () => {
    for (let i = 0; i < 15; i += 1) await cache.hold?.("test", `s-${i}`);
    await expect(cache.hold?.("test", "s-15")).rejects.toThrow(
      "the secrets that Canaries of namespace test refer to hold 17 MiB: at most 16 MiB can be tracked; refer to fewer",
    );
    cache.release?.("test", "s-0");
    await cache.hold?.("test", "s-15");
  });
});
