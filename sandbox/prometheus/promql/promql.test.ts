/** What the engine answers, on series small enough to check by hand. Runs without any other Prometheus. */
import { describe, expect, it } from "vitest";
import { createQueryEngine } from "../query-engine.ts";
import { SeriesStore } from "../series-store.ts";
import { keyOf } from "./labels.ts";

const T0 = 1_700_000_000_000;

type Samples = readonly (number | undefined)[];

/** A sample every 10 s, the last one at T0; undefined: none then. */
function engineWith(series: readonly (readonly [Readonly<Record<string, string>>, Samples])[]) {
  const store = new SeriesStore();
  for (const [labels, values] of series) {
    const { samples } = store.series(new Map(Object.entries(labels)));
    values.forEach((value, i) => {
      if (value !== undefined) samples.add(T0 - (values.length - 1 - i) * 10_000, value);
    });
  }
  return createQueryEngine({ store, lookbackMs: 25_000 });
}

const counter = (code: string, ...values: number[]) =>
  [{ __name__: "requests_total", code, app: "web" }, values] as const;

const ENGINE = engineWith([
  counter("200", 0, 10, 20, 30, 40, 50, 60),
  counter("500", 5, 8, 2, 4, 6, 8, 10),
  [{ __name__: "limit", app: "web" }, [7]],
  [{ __name__: "gone", app: "web" }, [1, undefined, undefined, undefined]],
  ...(["0.1", "0.5", "+Inf"] as const).map((le, i) => [{ __name__: "b", le }, [0, [10, 90, 100][i] ?? 0]] as const),
]);

function ask(query: string, engine = ENGINE): Readonly<Record<string, number>> | number | string {
  const result = engine.instant(query, T0);
  if (result.type === "matrix") return Object.fromEntries(result.series.map((s) => [keyOf(s.labels), s.points.length]));
  if (result.type !== "vector") return result.value;
  const label = (labels: ReadonlyMap<string, string>) =>
    [...labels]
      .sort()
      .map(([name, value]) => (name === "__name__" ? value : `${name}=${value}`))
      .join(",");
  return Object.fromEntries(result.elements.map(({ labels, value }) => [label(labels), Number(value.toPrecision(12))]));
}

describe("the queries Aviary asks", () => {
  it("success rate: two series of rates divided", () => {
    const rates = 'sum(rate(requests_total{code!~"5.*"}[1m])) / sum(rate(requests_total[1m])) * 100';
    // 60 good ones; bad: 3 before the reset, then 2 after it and 8 more.
    expect(ask(rates)).toEqual({ "": Number(((60 / (60 + 13)) * 100).toPrecision(12)) });
  });

  it("duration: a quantile of buckets", () => {
    expect(ask("histogram_quantile(0.5, sum(rate(b[10s])) by (le))")).toEqual({ "": 0.3 });
    expect(ask("histogram_quantile(0.99, sum(rate(b[10s])) by (le))")).toEqual({ "": 0.5 });
  });

  it("nothing to divide is no data", () => {
    expect(ask('sum(rate(nothing{a="b"}[1m])) / sum(rate(nothing[1m])) * 100')).toEqual({});
  });
});

describe("rate and its family", () => {
  it("sees a reset of a counter", () => {
    expect(ask('increase(requests_total{code="500"}[1m])')).toEqual({ "app=web,code=500": 13 });
    expect(ask('resets(requests_total{code="500"}[1m])')).toEqual({ "app=web,code=500": 1 });
  });

  it("extrapolates to the bounds of the range, closed at both ends, never below the counter's zero", () => {
    // Samples at -20 s, -10 s and 0 s fill the range: nothing to add.
    expect(ask('increase(requests_total{code="200"}[20s])')).toEqual({ "app=web,code=200": 20 });
    // 25 s: half a distance is missing at the start, and the samples reach that far.
    expect(ask('increase(requests_total{code="200"}[25s])')).toEqual({ "app=web,code=200": 25 });
    // 90 s: the counter was zero 60 s ago, so there is nothing before.
    expect(ask('increase(requests_total{code="200"}[90s])')).toEqual({ "app=web,code=200": 60 });
    expect(ask("rate(limit[1m])")).toEqual({});
  });

  it("looks back as far as it may, and no further", () => {
    expect(ask("gone")).toEqual({});
    expect(ask("gone offset 10s")).toEqual({ "gone,app=web": 1 });
    expect(ask("gone @ 1699999995")).toEqual({ "gone,app=web": 1 });
  });
});

describe("operators", () => {
  it.each([
    ["-2 ^ 2", -4],
    ["2 ^ 3 ^ 2", 512],
    ["1 + 2 * 3 - 4 / 2", 5],
    ["-1 - -1", 0],
    ["1 > bool 2 or vector(3)", undefined],
    ["2 * (3 + 4) % 5", 4],
    ['"text"', "text"],
    ["1 # a comment", 1],
  ])("%s", (query, value) => {
    if (value === undefined) expect(() => ask(query)).toThrow("set operator");
    else expect(ask(query)).toBe(value);
  });

  it("bind offset and ranges to the last operand alone", () => {
    expect(ask("sum(limit + requests_total offset 10s * 0)")).toEqual({});
    expect(ask("limit + on() group_right() requests_total offset 10s * 0")).toEqual({
      "app=web,code=200": 7,
      "app=web,code=500": 7,
    });
  });

  it("match vectors on labels, many to one when asked to", () => {
    expect(ask("requests_total / on(app) group_left() limit")).toEqual({
      "app=web,code=200": Number((60 / 7).toPrecision(12)),
      "app=web,code=500": Number((10 / 7).toPrecision(12)),
    });
    expect(() => ask("requests_total / on(app) limit")).toThrow("many-to-one matching must be explicit");
    expect(() => ask("limit / on(app) requests_total")).toThrow("found duplicate series for the match group");
    expect(ask("requests_total > 20 or limit == bool 7 unless requests_total")).toEqual({
      "requests_total,app=web,code=200": 60,
      "app=web": 1,
    });
  });

  it("aggregate by and without labels", () => {
    expect(ask("sum by (app) (requests_total)")).toEqual({ "app=web": 70 });
    expect(ask("max without (code) (requests_total)")).toEqual({ "app=web": 60 });
    expect(ask("topk(1, requests_total)")).toEqual({ "requests_total,app=web,code=200": 60 });
    expect(ask('count_values("v", requests_total * 1e10)')).toEqual({ "v=600000000000": 1, "v=100000000000": 1 });
    expect(ask('absent(nothing{a="b",c=~"d"})')).toEqual({ "a=b": 1 });
  });
});

describe("what is refused, never guessed", () => {
  it.each([
    ["holt_winters(limit[1m], 0.5, 0.5)", "not implemented in the sandbox's Prometheus: function holt_winters"],
    ["mad_over_time(limit[1m])", "not implemented in the sandbox's Prometheus: function mad_over_time"],
    ["limitk(1, limit)", "not implemented in the sandbox's Prometheus: aggregation limitk"],
    ["frobnicate(limit)", 'unknown function with name "frobnicate"'],
    ["limit + fill(0) limit", "not implemented in the sandbox's Prometheus: fill(0)"],
    ["limit[5m] smoothed", "not implemented in the sandbox's Prometheus: "],
    ['{"a.b"}', "not implemented in the sandbox's Prometheus: quoted label name"],
    ["rate(limit)", 'expected type range vector in call to function "rate", got instant vector'],
    ["limit[5]", "not a valid duration string"],
    ["sum(", "parse error"],
    ["", "no expression found in input"],
    ["{}", "must contain at least one non-empty matcher"],
    ['limit{a=~"(?=x)"}', "error parsing regexp"],
    ['{__name__=~"limit|gone|requests_total"} * 0 offset 1m', "must be preceded by"],
  ])("%s: %s", (query, message) => {
    expect(() => ask(query)).toThrow(message);
  });

  it("refuses results that two series would share", () => {
    expect(() => ask('abs({__name__=~"limit|requests_total",code!="500"} * 0 + 1)')).not.toThrow();
    expect(() => ask('label_replace(requests_total, "code", "x", "app", ".*")')).toThrow("same labelset");
  });
});

it("answers ranges step by step, as long as there are not too many", () => {
  const [series] = ENGINE.range("sum(requests_total)", T0 - 20_000, T0, 10_000);
  expect(series?.points.map(({ value }) => value)).toEqual([46, 58, 70]);
  expect(() => ENGINE.range("limit", 0, T0, 1000)).toThrow("exceeded maximum resolution of 11,000 points");
  expect(() => ENGINE.range("limit[1m]", T0, T0, 1000)).toThrow("must be Scalar or instant Vector");
});
