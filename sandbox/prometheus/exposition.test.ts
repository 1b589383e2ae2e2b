import { expect, it } from "vitest";
import { blocksOf, labelSet, labelsOfSeries, parseExposition, seriesText } from "./exposition.ts";

const read = (text: string) =>
  [...parseExposition(text)].map(({ series, value, at }) => [series, value, ...(at === undefined ? [] : [at])]);

it("reads what programs expose", () => {
  const text = `# HELP requests_total All of them.
# TYPE requests_total counter
requests_total{code="200",path="/a b{}\\"x\\"\\n"} 1.5e+03
requests_total {code="500",} 0 1700000000123
  up 1
odd NaN
odd{le="+Inf"} +Inf
with_exemplar{le="1"} 3 # {trace_id="x"} 0.5

# a comment`;
  expect(read(text)).toEqual([
    ['requests_total{code="200",path="/a b{}\\"x\\"\\n"}', 1500],
    ['requests_total {code="500",}', 0, 1_700_000_000_123],
    ["up", 1],
    ["odd", Number.NaN],
    ['odd{le="+Inf"}', Number.POSITIVE_INFINITY],
    ['with_exemplar{le="1"}', 3],
  ]);
});

it("takes a series apart and puts it together", () => {
  const text = 'a{b="x\\"y\\\\z\\n",c=""}';
  const { name, labels } = labelsOfSeries(text);
  expect(labels).toEqual([
    { name: "b", value: 'x"y\\z\n' },
    { name: "c", value: "" },
  ]);
  expect(seriesText(name, labels)).toBe(text);
  expect(
    Object.fromEntries(
      labelSet('a{b="own",c=""}', [
        { name: "b", value: "added" },
        { name: "d", value: "e" },
      ]),
    ),
  ).toEqual({
    __name__: "a",
    b: "own",
    d: "e",
  });
});

it.each(["a{b=", "a{} x", "a", "{} 1", "1a 1", 'a{b="c} 1', "<html>"])("refuses %s, naming the line", (line) => {
  expect(() => read(`fine 1\n${line}\n`)).toThrow(/^line 2 of the metrics: /);
});

it("a text in blocks is the text, and no block is long", () => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `a{i="${i}",text="${"x".repeat(i % 90)}"} ${i}`);
  const blocks = blocksOf(lines);
  expect(blocks.join("")).toBe(`${lines.join("\n")}\n`);
  expect(blocks.length).toBeGreaterThan(5);
  for (const block of blocks) expect(block.length).toBeLessThanOrEqual(32 * 1024);
  expect(blocksOf(["x".repeat(40_000), "b"])).toEqual([`${"x".repeat(40_000)}\n`, "b\n"]);
  expect(blocksOf([])).toEqual([]);
});

it("a page whose series are known reads as one whose series are new", () => {
  const page = `a{text="b 1"} 2
a 7 1700000000123
a NaN
  a{text="b 1"}  3
a{text="b 2"} 1.5e3
a 4 # {trace_id="x"} 0.5`;
  const known = new Set(read(page).map(([series]) => String(series)));
  expect([...parseExposition(page, (series) => known.has(series))]).toEqual([...parseExposition(page)]);
  expect(() => [...parseExposition("a x", (series) => known.has(series))]).toThrow("line 1 of the metrics: no number");
});
