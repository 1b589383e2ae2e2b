import { afterEach, describe, expect, it } from "vitest";
import { createQueryEngine } from "./query-engine.ts";
import { createScraper } from "./scraper.ts";
import { SeriesStore } from "./series-store.ts";
import { type MetricsServer, serveMetrics } from "./testing/metrics-server.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(first: string, intervalMs = 1000, timeoutMs = 60_000) {
  const target = await serveMetrics(first);
  const store = new SeriesStore();
  let now = 1_700_000_000_000;
  let urls: readonly string[] = [target.url];
  const scraper = createScraper({ store, targets: () => urls, intervalMs, timeoutMs, now: () => now });
  closing.push(
    () => scraper.stop(),
    () => target.stop(),
  );
  const engine = createQueryEngine({ store, lookbackMs: 300_000 });
  const values = (query: string) => {
    const result = engine.instant(query, now);
    return result.type === "vector" ? result.elements.map(({ value }) => value) : [];
  };
  /** A scrape a second later. */
  const scrape = async (answer: MetricsServer["answer"]) => {
    target.answer = answer;
    now += 1000;
    await scraper.scrape();
  };
  const retarget = (next: readonly string[]) => {
    urls = next;
  };
  return { target, store, scraper, values, scrape, retarget };
}

describe("a scrape", () => {
  it("writes samples with the target's labels, and up", async () => {
    const { store, values, scrape, target, scraper } = await setUp("");
    await scrape('a{x="1"} 1\na{x="2"} 2\n');
    expect(values("a")).toEqual([1, 2]);
    expect(values(`up{job="sandbox",instance="127.0.0.1:${target.port}"}`)).toEqual([1]);
    expect(values("scrape_samples_scraped")).toEqual([2]);
    expect(store.size).toBe(5);
    expect(scraper.states()[0]).toMatchObject({ url: target.url, health: "up", lastError: "" });
  });

  it("keeps labels that a series brings along (honor_labels)", async () => {
    const { values, scrape } = await setUp("");
    await scrape('a{job="own",instance="pod"} 1\n');
    expect(values('a{job="own",instance="pod"}')).toEqual([1]);
  });

  it("ends a series that is no longer exposed, and begins it anew", async () => {
    const { values, scrape } = await setUp("");
    await scrape("a 1\nb 1\n");
    await scrape("b 2\n");
    expect([values("a"), values("b")]).toEqual([[], [2]]);
    await scrape("a 3\nb 3\n");
    expect(values("a")).toEqual([3]);
    expect(values("count_over_time(a[1m])")).toEqual([2]);
  });

  it("of the same text again adds samples; a series ends with the text that lacks it, and after a gap", async () => {
    const { values, scrape } = await setUp("");
    for (const _ of [1, 2, 3]) await scrape("a 1\nb 1\n");
    expect([values("count_over_time(a[1m])"), values("scrape_samples_scraped")]).toEqual([[3], [2]]);
    await scrape("b 1\n");
    expect([values("a"), values("b")]).toEqual([[], [1]]);
    await scrape(503);
    expect(values("b")).toEqual([]);
    await scrape("b 1\n");
    expect([values("b"), values("count_over_time(b[1m])")]).toEqual([[1], [5]]);
  });

  it("that is a little late counts as in time, and one that is later does not", async () => {
    const target = await serveMetrics("a 1\n");
    const store = new SeriesStore();
    let now = 1_700_000_000_000;
    const scraper = createScraper({
      store,
      targets: () => [target.url],
      intervalMs: 1000,
      timeoutMs: 60_000,
      now: () => now,
    });
    closing.push(
      () => scraper.stop(),
      () => target.stop(),
    );
    for (const ms of [0, 1_030, 950, 1_020, 2_000, 1_400]) {
      now += ms;
      await scraper.scrape();
    }
    const [series] = store.select([{ name: "__name__", op: "=", value: "a", matches: (name) => name === "a" }]);
    const times = series?.samples.between(0, now).map(({ at }) => at - 1_700_000_000_000);
    expect(times).toEqual([0, 1_000, 2_000, 3_000, 5_000, 6_400]);
  });

  it("can be asked for at once, also the first one a moment before a whole interval", async () => {
    const target = await serveMetrics("a 1\n");
    const store = new SeriesStore();
    const now = 1_700_000_000_000 - 30;
    const targets = () => [target.url];
    const scraper = createScraper({ store, targets, intervalMs: 1000, timeoutMs: 60_000, now: () => now });
    closing.push(
      () => scraper.stop(),
      () => target.stop(),
    );
    await scraper.scrape();
    expect(createQueryEngine({ store, lookbackMs: 300_000 }).instant("a", now)).toMatchObject({
      elements: [{ value: 1 }],
    });
  });

  it("of a page that the server calls unchanged adds all of its samples", async () => {
    const { values, scrape, target } = await setUp("");
    target.tag = '"1"';
    await scrape("a 1\nb 1\n");
    // The server says "unchanged" by the ETag alone: the text that it would send now does not count.
    await scrape("b 5\n");
    expect([values("a"), values("b"), values("scrape_samples_scraped")]).toEqual([[1], [1], [2]]);
    target.tag = '"2"';
    await scrape("b 5\n");
    expect([values("a"), values("b"), values("count_over_time(b[1m])")]).toEqual([[], [5], [3]]);
    await scrape(503);
    await scrape("b 5\n");
    expect([values("b"), values("up")]).toEqual([[5], [1]]);
  });

  it.each([1, 2, 7])("reads a page that comes in pieces of %i bytes", async (pieces) => {
    const { values, scrape, target } = await setUp("");
    target.pieces = pieces;
    await scrape('# HELP a Größe.\na{x="ü€😀"} 1.5\nb 22\n\nc 3');
    expect([values('a{x="ü€😀"}'), values("b"), values("c")]).toEqual([[1.5], [22], [3]]);
    await scrape('a 1\n\nb{x="ü 2\n');
    expect(values("up")).toEqual([0]);
  });

  it.each([
    ["an error status", 503, "server returned HTTP status 503"],
    ["silence", "silence", /./],
    ["a text that is none", "a 1\nb {\n", "line 2 of the metrics"],
  ] as const)("that meets %s ends all series and says so", async (_, answer, message) => {
    const { values, scrape, scraper } = await setUp("", 1000, answer === "silence" ? 3_000 : 60_000);
    await scrape("a 1\n");
    await scrape(answer);
    expect(values("a")).toEqual([]);
    expect(values("up")).toEqual([0]);
    expect(scraper.states()[0]?.health).toBe("down");
    expect(scraper.states()[0]?.lastError).toMatch(message);
    await scrape("a 5\n");
    expect([values("a"), values("up")]).toEqual([[5], [1]]);
  });

  it("that is answered later than the next one is due ends nothing, when its timeout allows it", async () => {
    const { values, scrape, target } = await setUp("", 1);
    await scrape("a 1\n");
    target.delayMs = 50;
    await scrape("a 2\n");
    expect([values("a"), values("up")]).toEqual([[2], [1]]);
  });

  it("forgets targets that are gone", async () => {
    const { values, scrape, scraper, retarget } = await setUp("");
    await scrape("a 1\n");
    retarget([]);
    await scrape("a 1\n");
    expect([values("a"), values("up"), scraper.states()]).toEqual([[], [], []]);
  });
});
