/** The stream over HTTP: one heartbeat for all pages, and rights that are read once a beat for each person. */
import { Hono } from "hono";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { addStream } from "./follow.ts";
import { createStream } from "./stream.ts";
import { createViewers, type Viewers } from "./viewers.ts";

const HEARTBEAT_MS = 15_000;

let clock: ManualClock;
let stopped: AbortController;
let reviews: string[];
let lists: number;
let signedIn: boolean;
/** Whether a person may list the canaries of all namespaces. */
let everywhere: boolean;
let app: Hono;
let viewers: Viewers;
let change: (change: object) => void;

beforeEach(() => {
  clock = createManualClock();
  stopped = new AbortController();
  [reviews, lists, signedIn, everywhere] = [[], 0, true, true];
  const quiet = { onChange: () => () => undefined };
  const access = {
    user: async ({ bearer }: { bearer?: string }) => (signedIn ? { name: bearer ?? "", groups: [] } : undefined),
    async refusal(user: { name: string }, verb: string, resource: string, namespace: string) {
      reviews.push(`${user.name} ${verb} ${resource} ${namespace}`.trim());
      return everywhere || namespace === "test" ? undefined : "no";
    },
  };
  const canaries = {
    ...quiet,
    list: () => {
      lists += 1;
      return [{ metadata: { namespace: "test" } }, { metadata: { namespace: "test" } }];
    },
  };
  const sessions = {
    credentials: (context: { req: { header: (name: string) => string | undefined } }) => ({
      bearer: context.req.header("authorization"),
    }),
  };
  const changing = {
    ...canaries,
    onChange: (listener: typeof change) => {
      change = listener;
      return () => undefined;
    },
  };
  const stream = createStream(changing as never, quiet, clock, stopped.signal);
  app = new Hono();
  viewers = createViewers();
  addStream(app, { access, canaries, sessions, stream, clock, signal: stopped.signal } as never, viewers);
});
afterEach(() => stopped.abort());

/** A page that follows the stream. */
async function follow(person: string) {
  const response = await app.request("/api/v1/stream", { headers: { authorization: person } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const text = async () => (await reader?.read())?.value;
  return {
    text,
    /** The next event; undefined when the stream has ended. */
    async next() {
      const value = await text();
      return value === undefined ? undefined : /^event: (\w+)$/m.exec(value)?.[1];
    },
  };
}

it("reads the rights of a person once a beat, for all pages of that person, and reads no list for a person who sees all", async () => {
  const pages = await Promise.all(["alice", "alice", "alice", "bob"].map(follow));
  for (const page of pages) expect(await page.next()).toBe("hello");
  reviews.length = 0;
  for (let beat = 0; beat < 2; beat += 1) {
    await clock.advance(HEARTBEAT_MS);
    for (const page of pages) expect(await page.next()).toBe("hello");
    await expect.poll(() => reviews.splice(0)).toEqual(["alice list canaries", "bob list canaries"]);
  }
  expect(lists).toBe(0);
});

it("asks for each namespace once when a person may not see all", async () => {
  everywhere = false;
  const page = await follow("alice");
  expect(await page.next()).toBe("hello");
  expect(reviews).toEqual(["alice list canaries", "alice list canaries test"]);
});

it("ends the stream of a person whose session has ended", async () => {
  const page = await follow("alice");
  expect(await page.next()).toBe("hello");
  signedIn = false;
  await clock.advance(HEARTBEAT_MS);
  expect(await page.next()).toBe("hello");
  expect(await page.next()).toBeUndefined();
});

it("gives no more than fifty places to a person who asks for all of them at once", async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => app.request("/api/v1/stream")));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
  expect(viewers.count()).toBe(50);
});

it("ends the stream of a browser that reads nothing, when its session has ended", async () => {
  await app.request("/api/v1/stream");
  signedIn = false;
  await clock.advance(HEARTBEAT_MS);
  expect(viewers.count()).toBe(0);
});

it("tells a browser that reads late nothing of a namespace whose rights were taken away meanwhile", async () => {
  const page = await follow("alice");
  await changes("secret", 100);
  everywhere = false;
  await clock.advance(HEARTBEAT_MS);
  await changes("secret", 100);
  await changes("test", 1);
  const heard: string[] = [];
  while (!heard.some((text) => text.includes('"namespace":"test"'))) heard.push((await page.text()) ?? "");
  // Two were on their way when the rights were taken.
  expect(heard.filter((text) => text.includes('"namespace":"secret"')).length).toBeLessThanOrEqual(2);
});

it("drops what a browser does not read, and gives its place to another one", async () => {
  await app.request("/api/v1/stream");
  expect(viewers.count()).toBe(1);
  await changes("test", 1100);
  expect(viewers.count()).toBe(0);
});

/** So many Canaries of a namespace are deleted. */
async function changes(namespace: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) change({ type: "deleted", object: { metadata: { namespace, name: `app-${i}` } } });
  await clock.advance(250);
}
