import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixedCredentials } from "../../kube/access.ts";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport, type KubeTransport } from "../../kube/transport.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import { createManualClock, type ManualClock } from "../../testing/manual-clock.ts";
import { startToyApiServer, type ToyApiServer } from "../../testing/toy-api-server.ts";
import { until } from "../../testing/until.ts";
import { systemClock } from "../../time/system-clock.ts";
import { SIMILAR_MAX } from "./correlate.ts";
import { createKubeEvents, type KubeEvents } from "./kube-events.ts";

const PATH = "/api/v1/namespaces/test/events";
const NOT_ABORTED = new AbortController().signal;

let server: ToyApiServer;
let transport: KubeTransport;
let clock: ManualClock;
let lines: string[];
let dropped: number;
const log: Log = { ...SILENT_LOG, warn: (_, message) => lines.push(message) };

beforeEach(async () => {
  server = await startToyApiServer();
  clock = createManualClock(Date.UTC(2024, 4, 6, 7, 8, 9, 123));
  lines = [];
  dropped = 0;
  const access = { server: server.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "test" };
  const common = { clock: systemClock, random: () => 0, qps: 0, burst: 1, userAgent: "test", attempts: 1 };
  transport = createTransport({ connect: createDispatcher, ...common, access });
});

afterEach(async () => {
  await transport.close();
  await server.kill().catch(() => undefined);
});

const start = (capacity = 1000) =>
  createKubeEvents({
    ...{ writer: createKubeClient(transport, "flagger"), clock, random: () => 1, log, capacity },
    onDropped: () => {
      dropped += 1;
    },
  });

const object = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  namespace: "test",
  name: "podinfo",
  uid: "u-1",
  resourceVersion: "42",
};
const say = (events: KubeEvents, message: string, type: "Normal" | "Warning" = "Normal") =>
  events.record({ object, type, message });
const written = () => server.objects(PATH).map((event) => `${event.count} ${event.type} ${event.message}`);

describe("Kubernetes Events", () => {
  it("are written as Flagger writes them", async () => {
    const events = start();
    say(events, "Starting canary analysis for podinfo.test");
    await events.flush(NOT_ABORTED);
    expect(server.objects(PATH)).toMatchObject([
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: expect.stringMatching(/^podinfo\.17ccd[0-9a-f]{11}$/), namespace: "test" },
        involvedObject: object,
        reason: "Synced",
        source: { component: "flagger" },
        type: "Normal",
        message: "Starting canary analysis for podinfo.test",
        firstTimestamp: "2024-05-06T07:08:09Z",
        lastTimestamp: "2024-05-06T07:08:09Z",
        count: 1,
      },
    ]);
  });

  it("of two runs are two lines, so that the history of each can be read; each names its run", async () => {
    const events = start();
    for (const run of ["podinfo-1", "podinfo-1", "podinfo-2"]) {
      events.record({ object, type: "Normal", message: "Advance podinfo.test canary weight 10", run });
    }
    await events.flush(NOT_ABORTED);
    const runs = server.objects(PATH).map(({ count, metadata }) => [count, metadata.annotations]);
    expect(runs).toEqual([
      [2, { "aviary.flagger.app/run": "podinfo-1" }],
      [1, { "aviary.flagger.app/run": "podinfo-2" }],
    ]);
  });

  it("are counted when they repeat, and created again when the cluster has deleted them", async () => {
    const events = start();
    say(events, "Halt podinfo.test advancement", "Warning");
    await events.flush(NOT_ABORTED);
    await clock.advance(60_000);
    say(events, "Halt podinfo.test advancement", "Warning");
    say(events, "Halt podinfo.test advancement", "Normal");
    await events.flush(NOT_ABORTED);
    expect(written()).toEqual(["2 Warning Halt podinfo.test advancement", "1 Normal Halt podinfo.test advancement"]);
    expect(server.objects(PATH)[0]).toMatchObject({
      firstTimestamp: "2024-05-06T07:08:09Z",
      lastTimestamp: "2024-05-06T07:09:09Z",
    });
    for (const event of server.objects(PATH)) server.remove(PATH, event.metadata.name);
    say(events, "Halt podinfo.test advancement", "Warning");
    await events.flush(NOT_ABORTED);
    expect(written()).toEqual(["3 Warning Halt podinfo.test advancement"]);
  });

  it("Q90: are merged when there are very many, until a pause; none is dropped", async () => {
    const events = start();
    for (let weight = 1; weight <= SIMILAR_MAX + 30; weight += 1)
      say(events, `Advance podinfo.test canary weight ${weight}`);
    await events.flush(NOT_ABORTED);
    expect(written()).toHaveLength(SIMILAR_MAX + 1);
    const last = `Advance podinfo.test canary weight ${SIMILAR_MAX + 30}`;
    expect(written().at(-1)).toBe(`30 Normal (combined from similar events): ${last}`);
    await clock.advance(600_001);
    say(events, "Promotion completed! Scaling down podinfo.test");
    await events.flush(NOT_ABORTED);
    expect(written().at(-1)).toBe("1 Normal Promotion completed! Scaling down podinfo.test");
  });

  it("wait for an unreachable API server, and keep their time", async () => {
    await server.kill();
    const events = start();
    say(events, "one");
    say(events, "two");
    const flushed = events.flush(NOT_ABORTED);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const ms = await until("it waits", () => clock.sleeping()[0]);
      await clock.advance(ms);
    }
    expect(clock.asked.slice(0, 5)).toEqual([500, 1000, 2000, 4000, 8000]);
    await until("it waits", () => clock.sleeping()[0]);
    await server.restart();
    await clock.advance(60_000);
    await flushed;
    expect(written()).toEqual(["1 Normal one", "1 Normal two"]);
    expect(server.objects(PATH)[1]?.lastTimestamp).toBe("2024-05-06T07:08:09Z");
  });

  it("are dropped and counted, the oldest first, when too many of one object wait, and given up at the end", async () => {
    await server.kill();
    const events = start(3);
    for (const message of ["a", "b", "c", "d", "e"]) say(events, message);
    // "a" is being written already; of the others only three may wait.
    expect(lines).toEqual(["too many events wait for the API server, dropping the oldest"]);
    expect(dropped).toBe(1);
    const hurry = new AbortController();
    const flushed = events.flush(hurry.signal);
    await until("it waits", () => clock.sleeping()[0]);
    hurry.abort(new Error("shut down"));
    await flushed;
    expect(lines.at(-1)).toBe("events were not written before the end");
    expect(clock.sleeping()).toEqual([]);
  });

  it("that are refused are given up with a log line, and delay no others", async () => {
    server.intercept = (method) =>
      method === "POST"
        ? { code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message: "no" } }
        : undefined;
    const events = start();
    say(events, "one");
    await until("it says so", () => lines.includes("the API server refused an event"));
    server.intercept = undefined;
    say(events, "one");
    await events.flush(NOT_ABORTED);
    expect(written()).toEqual(["1 Normal one"]);
  });

  it("of one object do not wait for another object's events", async () => {
    const events = start();
    server.intercept = (_method, path, _headers) => (path.includes("/noisy/") ? { code: 500, body: {} } : undefined);
    const noisy = (i: number) =>
      ({ object: { ...object, namespace: "noisy", name: `c${i}` }, type: "Normal" }) as const;
    for (let i = 0; i < 50; i += 1) events.record({ ...noisy(i), message: "one" });
    await until("each was tried", () => server.requests.length >= 50);
    say(events, "quiet");
    await until("it is written", () => written().length === 1);
    expect(clock.asked.every((ms) => ms === 500)).toBe(true);
    const hurry = new AbortController();
    hurry.abort(new Error("shut down"));
    await events.flush(hurry.signal);
  });

  it("of one object are written while the API server is slow with another object's", async () => {
    let answer = () => {};
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const client = createKubeClient(transport, "flagger");
    const create: typeof client.create = async (type, created, signal) => {
      if (created.metadata.namespace === "slow") await slow;
      return await client.create(type, created, signal);
    };
    const events = createKubeEvents({ writer: { ...client, create }, clock, random: () => 1, log });
    events.record({ object: { ...object, namespace: "slow" }, type: "Normal", message: "one" });
    say(events, "quiet");
    await until("the quiet one is written", () => written().length === 1);
    answer();
    await events.flush(NOT_ABORTED);
  });

  it("of a noisy object are dropped before those of a quiet one, when too many wait in all", async () => {
    await server.kill();
    const about: unknown[] = [];
    const events = createKubeEvents({
      ...{ writer: createKubeClient(transport, "flagger"), clock, random: () => 1, capacity: 1000, totalCapacity: 20 },
      log: { ...SILENT_LOG, warn: (fields: object) => void about.push((fields as { object?: string }).object) },
    });
    const record = (name: string) => events.record({ object: { ...object, name }, type: "Normal", message: name });
    for (let i = 0; i < 18; i += 1) record("noisy");
    for (let i = 0; i < 5; i += 1) record("quiet");
    expect(about).toEqual(["test/noisy"]);
    const hurry = new AbortController();
    hurry.abort(new Error("shut down"));
    await events.flush(hurry.signal);
  });

  it("are truncated to 1,024 characters", async () => {
    const events = start();
    say(events, "x".repeat(10_000_000));
    await events.flush(NOT_ABORTED);
    expect(server.objects(PATH)[0]?.message).toHaveLength(1024);
  });
});
