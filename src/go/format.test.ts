import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatFixed, formatFixed2, formatFloat, formatList, quote } from "./format.ts";

describe("numbers in messages", () => {
  it.each([
    [99, "99"],
    [99.5, "99.5"],
    [0.001, "0.001"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.25e-7, "1.25e-07"],
    [123456789, "123456789"],
    [1e20, "100000000000000000000"],
    [1e21, "1e+21"],
    [1.5e300, "1.5e+300"],
    [0, "0"],
    [-0, "-0"],
    [-2.5, "-2.5"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ])("%d is printed %s by %%v", (value, text) => {
    expect(formatFloat(value)).toBe(text);
  });

  it.each([
    [0.125, "0.12"],
    [0.375, "0.38"],
    [98.999, "99.00"],
    [69.17, "69.17"],
    [-0.001, "-0.00"],
    [1e22, "10000000000000000000000.00"],
    [5e-324, "0.00"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
  ])("%d is printed %s by %%.2f", (value, text) => {
    expect(formatFixed2(value)).toBe(text);
  });

  it("reads back what it printed, and rounds as toFixed does except on ties", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatFloat(value))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 8 }), (value, places) => {
        const tie = (Math.abs(value) * 10 ** places) % 1 === 0.5;
        fc.pre(!tie && !Object.is(value, -0) && value !== 0);
        expect(formatFixed(value, places).replace(/^-/, "")).toBe(Math.abs(value).toFixed(places));
      }),
    );
  });
});

describe("texts in messages", () => {
  it("prints lists as Go does", () => {
    expect(formatList(["app", "name", "app.kubernetes.io/name"])).toBe("[app name app.kubernetes.io/name]");
    expect(formatList([])).toBe("[]");
  });

  it("quotes as Go does", () => {
    expect(quote('a"b\\c\n\t\x00\x7fé世\u00a0\u200b')).toBe('"a\\"b\\\\c\\n\\t\\x00\\x7fé世\\u00a0\\u200b"');
    expect(quote("\u{1f600}\u{10ffff}")).toBe('"\u{1f600}\\U0010ffff"');
  });
});
