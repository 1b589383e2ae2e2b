import { expect, it } from "vitest";
import { weightOf } from "./weight.ts";

it.each([
  ["a text of Latin letters", "x".repeat(1000), 1000, 1100],
  ["a text of other letters", "λ".repeat(1000), 2000, 2100],
  ["a list of numbers", Array.from({ length: 1000 }, (_, i) => i), 16_000, 40_000],
  ["a hundred fields", Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field-${i}`, {}])), 4000, 16_000],
])("%s weighs about what it takes in memory", (_, value, least, most) => {
  expect(weightOf(value)).toBeGreaterThanOrEqual(least);
  expect(weightOf(value)).toBeLessThanOrEqual(most);
});

it("the walk ends soon above the bound", () => {
  let walked = 0;
  let nested: object = {};
  for (let depth = 0; depth < 10_000; depth += 1) {
    nested = new Proxy(
      { nested },
      {
        ownKeys(target) {
          walked += 1;
          return Reflect.ownKeys(target);
        },
      },
    );
  }
  expect(weightOf(nested, 1000)).toBeGreaterThan(1000);
  expect(walked).toBeLessThan(20);
});
