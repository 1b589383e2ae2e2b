/** Pods that are told to go, or die: what is repeated, what is not, and what telemetry says about it. */
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { type Handler, type MeshBed, SERVICE_PORT, startMeshBed, type TestPod } from "./testbed.ts";

let bed: MeshBed;
let users: Agent;

beforeEach(async () => {
  bed = await startMeshBed();
  users = new Agent();
  bed.service("podinfo");
});

afterEach(async () => {
  await users.destroy();
  await bed.stop();
});

/** A pod of a real cluster is not gone at once: its deletion is announced first. */
function announceDeletion(pod: TestPod): void {
  const live = bed.store.get(RESOURCES.pod, "test", pod.name);
  if (live === undefined) throw new Error(`no pod ${pod.name}`);
  const held = structuredClone(live);
  held.metadata.finalizers = ["test/held"];
  bed.store.update(RESOURCES.pod, held);
  bed.store.remove(RESOURCES.pod, "test", pod.name);
}

async function ask(method: "GET" | "POST", path = "/"): Promise<string> {
  const url = `http://${bed.clusterIP("podinfo")}:${SERVICE_PORT}${path}`;
  const { statusCode, body } = await request(url, {
    method,
    dispatcher: users,
    ...(method === "POST" ? { body: "x" } : {}),
  });
  const text = await body.text();
  return statusCode === 200 ? "200" : `${statusCode} ${text}`;
}

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("pods that leave before their Service's endpoints say so", () => {
  for (const method of ["GET", "POST"] as const) {
    it(`are not asked any more, and no ${method} fails`, async () => {
      let pods = [await bed.pod("podinfo"), await bed.pod("podinfo")];
      bed.endpoints("podinfo", pods);
      const outcomes = new Set<string>();
      let asked = 0;
      let stopped = false;
      const crowd = Array.from({ length: 16 }, async () => {
        while (!stopped) {
          outcomes.add(await ask(method));
          asked += 1;
        }
      });
      for (let roll = 0; roll < 12; roll += 1) {
        const goal = asked + 60;
        while (asked < goal) await later();
        const fresh = [await bed.pod("podinfo"), await bed.pod("podinfo")];
        bed.endpoints("podinfo", [...pods, ...fresh]);
        await later();
        for (const pod of pods) {
          announceDeletion(pod);
          void pod.stop();
        }
        for (let turn = 0; turn < 20; turn += 1) await later();
        bed.endpoints("podinfo", fresh);
        pods = fresh;
      }
      stopped = true;
      await Promise.all(crowd);
      expect([...outcomes]).toEqual(["200"]);
    });
  }

  it("get requests while there is no other pod", async () => {
    const last = await bed.pod("podinfo");
    bed.endpoints("podinfo", [last]);
    announceDeletion(last);
    await later();
    expect(await ask("GET")).toBe("200");
    const fresh = await bed.pod("podinfo");
    bed.endpoints("podinfo", [last, fresh]);
    const before = last.seen.length;
    for (let i = 0; i < 20; i += 1) await ask("GET");
    expect(last.seen.length).toBe(before);
  });
});

describe("a live pod that breaks a kept connection", () => {
  const breaking: Handler = (incoming, response) => {
    if (incoming.url === "/break") incoming.socket.destroy();
    else response.end("ok");
  };

  it("is asked again for what does no harm twice, and not for what might", async () => {
    const pods = [await bed.pod("podinfo", { handler: breaking }), await bed.pod("podinfo", { handler: breaking })];
    bed.endpoints("podinfo", pods);
    const broken = () => pods.flatMap(({ seen }) => seen).filter(({ url }) => url === "/break").length;
    for (let i = 0; i < 10; i += 1) await ask("GET");
    expect(await ask("POST", "/break")).toMatch(/^503 .*connection termination/);
    expect(broken()).toBe(1);
    for (let i = 0; i < 10; i += 1) await ask("GET");
    await ask("GET", "/break");
    expect(broken()).toBe(3);
  });
});
