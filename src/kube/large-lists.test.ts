import { afterEach, expect, it } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { type StubCluster, startStubCluster } from "../testing/stub-cluster.ts";
import { systemClock } from "../time/system-clock.ts";
import { fixedCredentials } from "./access.ts";
import { listAll } from "./client.ts";
import { createTransport, type KubeTransport } from "./transport.ts";

const KIB = 1024;

let cluster: StubCluster;
let transport: KubeTransport;
let pages: number[];

async function start(count: number, fillerBytes: number): Promise<void> {
  const filler = "x".repeat(fillerBytes);
  pages = [];
  cluster = await startStubCluster({
    fill: (object) => (object.metadata.name.startsWith("app-") ? { ...object, filler } : object),
    intercept(_method, path) {
      const limit = /limit=(\d+)/.exec(path)?.[1];
      if (limit !== undefined) pages.push(Number(limit));
      return undefined;
    },
  });
  for (let i = 0; i < count; i += 1) {
    cluster.put(RESOURCES.service, { metadata: { namespace: "test", name: `app-${i}` }, spec: {} });
  }
  transport = createTransport({
    connect: createDispatcher,
    access: { server: cluster.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "test" },
    ...{ clock: systemClock, random: Math.random, qps: 0, burst: 1, userAgent: "test" },
  });
}

afterEach(async () => {
  await transport.close();
  await cluster.close();
});

const list = () => listAll(transport, RESOURCES.service, "", {}, new AbortController().signal);

it("a collection of objects of a megabyte is read in small pages", async () => {
  await start(12, 1024 * KIB);
  const { objects } = await list();
  expect(objects.map(({ metadata }) => metadata.name).sort()).toEqual(
    Array.from({ length: 12 }, (_, i) => `app-${i}`).sort(),
  );
  expect(pages).toEqual([500, 125, 32, 8, 4, 2, 2, 2, 2, 4, 2, 2]);
});

it("the pages become long again behind the large objects", async () => {
  await start(12, 1024 * KIB);
  for (let i = 0; i < 400; i += 1) {
    cluster.put(RESOURCES.service, { metadata: { namespace: "other", name: `other-${i}` }, spec: {} });
  }
  expect((await list()).objects).toHaveLength(412);
  expect(pages.length).toBeLessThan(50);
});

it("an object that is larger than a page is read all the same", async () => {
  await start(2, 5 * 1024 * KIB);
  expect((await list()).objects).toHaveLength(2);
  expect(pages.at(-1)).toBe(1);
});

it("a collection of ordinary objects is read in one page", async () => {
  await start(400, KIB);
  expect((await list()).objects).toHaveLength(400);
  expect(pages).toEqual([500]);
});
