import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedPrometheus, startEmbedded } from "./embedded.ts";
import { type MetricsServer, serveMetrics } from "./testing/metrics-server.ts";

let target: MetricsServer;
let prometheus: EmbeddedPrometheus;

beforeAll(async () => {
  target = await serveMetrics('a{x="1"} 1\na{x="2"} +Inf\n');
  const targets = () => [target.url];
  prometheus = await startEmbedded({
    address: "127.0.0.1",
    port: 0,
    targets,
    scrapeIntervalMs: 60_000,
    lookbackMs: 60_000,
  });
  await prometheus.scraper.scrape();
});

afterAll(async () => {
  await prometheus.stop();
  await target.stop();
});

async function get(path: string, form?: Readonly<Record<string, string>>) {
  const init = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
  const response = await fetch(prometheus.url + path, init);
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

describe("the HTTP API", () => {
  it("answers a moment, by GET and by form", async () => {
    const expected = { status: "success", data: { resultType: "scalar", result: [1.5, "2"] } };
    expect((await get("/api/v1/query?query=1%2B1&time=1.5")).body).toEqual(expected);
    expect((await get("/api/v1/query", { query: "1+1", time: "1.5" })).body).toEqual(expected);
    const { data } = (await get("/api/v1/query?query=a")).body;
    const instance = `127.0.0.1:${target.port}`;
    expect(data).toEqual({
      resultType: "vector",
      result: [
        { metric: { __name__: "a", x: "1", instance, job: "sandbox" }, value: [expect.any(Number), "1"] },
        { metric: { __name__: "a", x: "2", instance, job: "sandbox" }, value: [expect.any(Number), "+Inf"] },
      ],
    });
  });

  it("answers a range", async () => {
    const { body } = await get("/api/v1/query_range", { query: "vector(time())", start: "10", end: "70", step: "30s" });
    expect(body.data).toEqual({
      resultType: "matrix",
      result: [
        {
          metric: {},
          values: [
            [10, "10"],
            [40, "40"],
            [70, "70"],
          ],
        },
      ],
    });
  });

  it("tells labels, values, series, targets and what it is", async () => {
    expect((await get("/api/v1/labels")).body.data).toEqual(["__name__", "instance", "job", "x"]);
    expect((await get("/api/v1/label/x/values")).body.data).toEqual(["1", "2"]);
    expect((await get("/api/v1/series?match[]=a{x='1'}")).body.data).toHaveLength(1);
    expect((await get("/api/v1/targets")).body.data.activeTargets).toMatchObject([
      { scrapeUrl: target.url, health: "up" },
    ]);
    expect((await get("/api/v1/status/buildinfo")).body.data.revision).toBe("embedded");
    expect((await get("/-/ready")).status).toBe(200);
    expect((await get("/-/healthy")).status).toBe(200);
  });

  it.each([
    ["/api/v1/query?query=sum(", 400, "bad_data", /invalid parameter "query": .*parse error/],
    ["/api/v1/query", 400, "bad_data", /no expression found/],
    ["/api/v1/query?query=mad_over_time(a[1m])", 400, "bad_data", /not implemented in the sandbox's Prometheus/],
    ["/api/v1/query?query=1&time=yesterday", 400, "bad_data", /invalid parameter "time"/],
    ["/api/v1/query?query=a*on()a", 422, "execution", /found duplicate series/],
    ["/api/v1/query_range?query=1&start=1&end=2&step=0", 400, "bad_data", /zero or negative/],
    ["/api/v1/query_range?query=1&start=3&end=2&step=1", 400, "bad_data", /end timestamp must not be before/],
    ["/api/v1/series", 400, "bad_data", /no match\[\] parameter provided/],
  ])("refuses %s with %d", async (path, status, errorType, error) => {
    const answer = await get(path);
    expect(answer).toEqual({ status, body: { status: "error", errorType, error: expect.stringMatching(error) } });
  });

  it("knows no other paths", async () => {
    expect((await get("/api/v1/alerts")).status).toBe(404);
    expect((await get("/graph")).status).toBe(404);
    expect((await get("/api/v1/constructor")).status).toBe(404);
  });
});
