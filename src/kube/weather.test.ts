/** Many changes over unreliable connections: after any failure the cache ends up equal to the server. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDispatcher } from "../net/dispatcher.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { startToyApiServer, type ToyApiServer } from "../testing/toy-api-server.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { fixedCredentials } from "./access.ts";
import { WATCH_TIMING } from "./reflector.ts";
import { createTransport } from "./transport.ts";
import { startWatchCache } from "./watch-cache.ts";

const PATH = "/api/v1/namespaces/test/configmaps";

type Step =
  | { readonly kind: "put" | "remove"; readonly name: string }
  | { readonly kind: "compact" | "bookmark" | "end" | "restart" | "breathe" | "error" };

const names = fc.constantFrom("a", "b", "c", "d");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("put" as const, "remove" as const), name: names }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "compact" as const,
        "bookmark" as const,
        "end" as const,
        "restart" as const,
        "breathe" as const,
        "error" as const,
      ),
    }),
  },
);

let serial = 0;

async function take(server: ToyApiServer, what: Step): Promise<void> {
  serial += 1;
  switch (what.kind) {
    case "put":
      server.put(PATH, { metadata: { name: what.name, namespace: "test" }, data: { serial: String(serial) } });
      return;
    case "remove":
      return server.remove(PATH, what.name);
    case "compact":
      return server.compact();
    case "bookmark":
      return server.bookmark();
    case "end":
      return server.endWatches();
    case "error":
      return server.say({ type: "ERROR", object: { kind: "Status", code: 500, message: "etcd has no leader" } });
    case "restart":
      await server.kill();
      return await server.restart();
    case "breathe":
      return await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

describe("over unreliable connections", () => {
  it("a watch cache converges, and the changes that it reports lead to the same state", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const server = await startToyApiServer();
        const access = { server: server.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "" };
        const common = { clock: systemClock, random: () => 0, log: SILENT_LOG };
        const transport = createTransport({
          connect: createDispatcher,
          ...common,
          access,
          qps: 0,
          burst: 1,
          userAgent: "t",
          attempts: 1,
        });
        const stop = new AbortController();
        const timing = { ...WATCH_TIMING, backOffMinMs: 1, backOffMaxMs: 2 };
        const scope = { type: RESOURCES.configMap, namespace: "test" };
        const cache = startWatchCache(scope, { ...common, transport, timing }, stop.signal);
        const wrong: string[] = [];
        const told = new Map<string, string>();
        cache.onChange(({ type, object }) => {
          const { name, uid = "" } = object.metadata;
          if (told.has(name) !== (type !== "added")) wrong.push(`${type} ${name}: not in order`);
          if (type === "modified" && told.get(name)?.split(" ")[0] !== uid) wrong.push(`${name}: another object`);
          if (type === "deleted") told.delete(name);
          else told.set(name, `${uid} ${object.data?.serial}`);
        });
        try {
          for (const what of steps) await take(server, what);
          const version = (object: { metadata: { name: string; resourceVersion?: string } }) =>
            `${object.metadata.name} ${object.metadata.resourceVersion}`;
          const truth = server.objects(PATH).map(version).sort().join();
          await until("the cache is right", () => cache.list().map(version).sort().join() === truth);
          const story = server.objects(PATH).map((object) => `${object.metadata.uid} ${object.data.serial}`);
          await until("the changes are told", () => [...told.values()].sort().join() === story.sort().join());
          expect(wrong).toEqual([]);
        } finally {
          stop.abort();
          await transport.close();
          await server.kill();
        }
      }),
      { numRuns: 40, seed: 20_240_101, interruptAfterTimeLimit: 30_000 },
    );
    expect(serial).toBeGreaterThan(100);
  });
});
