import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { startToyApiServer, type ToyApiServer } from "../testing/toy-api-server.ts";
import { until } from "../testing/until.ts";
import { fixedCredentials } from "./access.ts";
import { createKubeClient } from "./client.ts";
import { type LeaseEnd, leadWithLease, watchLease } from "./lease.ts";
import { createTransport, type KubeTransport } from "./transport.ts";

const NAME = "flagger-leader-election";
const PATH = "/apis/coordination.k8s.io/v1/namespaces/system/leases";

let server: ToyApiServer;
let clock: ManualClock;
let cleanUp: (() => Promise<void>)[];
let inFlight: number;

beforeEach(async () => {
  server = await startToyApiServer();
  clock = createManualClock();
  cleanUp = [];
  inFlight = 0;
});

afterEach(async () => {
  for (const clean of cleanUp) await clean();
  await server.kill().catch(() => undefined);
});

const holder = () => server.objects(PATH)[0]?.spec.holderIdentity;

/** One operator. `end` says how its leadership ended. */
function contend(identity: string) {
  const access = { server: server.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "test" };
  const common = { clock, random: () => 0, log: SILENT_LOG };
  const transport = createTransport({
    connect: createDispatcher,
    ...common,
    access,
    qps: 0,
    burst: 1,
    userAgent: identity,
    attempts: 1,
  });
  const counted: KubeTransport = {
    ...transport,
    async send(request, signal) {
      inFlight += 1;
      try {
        return await transport.send(request, signal);
      } finally {
        inFlight -= 1;
      }
    },
  };
  const stop = new AbortController();
  const state: { leading: boolean; end: LeaseEnd | undefined } = { leading: false, end: undefined };
  const cache = watchLease({ ...common, transport: counted }, "system", NAME, stop.signal);
  const client = createKubeClient(counted, "test");
  const done = leadWithLease(
    { ...common, client, cache, namespace: "system", name: NAME, identity },
    (signal) =>
      new Promise((resolve) => {
        state.leading = true;
        signal.addEventListener("abort", () => {
          state.leading = false;
          resolve();
        });
      }),
    stop.signal,
  ).then((end) => {
    state.end = end;
  });
  cleanUp.push(async () => {
    stop.abort();
    await done;
    await transport.close();
  });
  return { state, stop };
}

/** Advances the clock in small steps, each as soon as all requests of the step before are answered. */
async function pass(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 500) {
    await clock.advance(500);
    await until("all requests are answered", () => inFlight === 0);
  }
}

describe("leader election", () => {
  it("has one leader of two, writes what client-go reads, and hands over at once when the leader stops", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    expect(server.objects(PATH)[0]?.spec).toEqual({
      holderIdentity: "host-a_1",
      leaseDurationSeconds: 20,
      acquireTime: "2024-01-01T00:00:00.000000Z",
      renewTime: "2024-01-01T00:00:00.000000Z",
      leaseTransitions: 0,
    });
    const b = contend("host-b_2");
    await until("b looked and is waiting", () => server.watches() === 2);
    await pass(120_000);
    expect([a.state.leading, b.state.leading]).toEqual([true, false]);
    expect(Date.parse(server.objects(PATH)[0]?.spec.renewTime)).toBeGreaterThan(clock.now() - 10_000);
    const before = clock.now();
    a.stop.abort();
    await until("b leads", () => b.state.leading);
    expect(clock.now()).toBe(before);
    expect(a.state).toEqual({ leading: false, end: "released" });
    expect(server.objects(PATH)[0]?.spec).toMatchObject({ holderIdentity: "host-b_2", leaseTransitions: 1 });
  });

  it("takes over from a dead holder, but not before the lease has expired", async () => {
    server.put(PATH, {
      metadata: { name: NAME, namespace: "system" },
      // Its clock is an hour ahead, which must not matter.
      spec: { holderIdentity: "dead", leaseDurationSeconds: 60, renewTime: "2024-01-01T01:00:00.000000Z" },
    });
    const a = contend("host-a_1");
    await until("a looked", () => server.requests.some((request) => request === `GET ${PATH}/${NAME}`));
    await pass(58_000);
    expect(holder()).toBe("dead");
    await pass(4000);
    await until("a leads", () => a.state.leading);
    expect(server.objects(PATH)[0]?.spec.leaseTransitions).toBe(1);
  });

  it("steps down in time when the API server is unreachable, and returns lost", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    await pass(20_000);
    expect(a.state.leading).toBe(true);
    await server.kill();
    const away = clock.now();
    while (a.state.leading) await pass(500);
    expect(clock.now() - away).toBeLessThanOrEqual(15_500);
    await until("it ended", () => a.state.end);
    expect(a.state.end).toBe("lost");
  });

  it("keeps the lead when the API server is unreachable for a moment", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    server.intercept = () => ({ code: 500, body: { kind: "Status", code: 500, message: "etcd has no leader" } });
    await pass(11_000);
    server.intercept = undefined;
    await pass(60_000);
    expect(a.state.leading).toBe(true);
  });

  it("steps down at once when another operator took the lease", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    server.put(PATH, {
      metadata: { name: NAME, namespace: "system" },
      spec: { holderIdentity: "host-b_2", leaseDurationSeconds: 60 },
    });
    await pass(6000);
    await until("it ended", () => a.state.end);
    expect(a.state.end).toBe("lost");
    expect(holder()).toBe("host-b_2");
  });

  it("does not release a lease that another operator took before the leader noticed", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    server.put(PATH, {
      metadata: { name: NAME, namespace: "system" },
      spec: { holderIdentity: "host-b_2", leaseDurationSeconds: 60 },
    });
    a.stop.abort();
    await until("it ended", () => a.state.end);
    expect(server.objects(PATH)[0]?.spec).toEqual({ holderIdentity: "host-b_2", leaseDurationSeconds: 60 });
  });

  it("releases the lease although a late renewal is stored in between", async () => {
    const a = contend("host-a_1");
    await until("a leads", () => a.state.leading);
    server.intercept = (method) => {
      if (method !== "PUT") return undefined;
      server.intercept = undefined;
      server.put(PATH, server.objects(PATH)[0] ?? {});
      return undefined;
    };
    a.stop.abort();
    await until("it ended", () => a.state.end);
    expect(server.objects(PATH)[0]?.spec).toMatchObject({ leaseDurationSeconds: 1 });
    expect(holder()).toBeUndefined();
  });
});
