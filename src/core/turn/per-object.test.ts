import { expect, it } from "vitest";
import { perObject } from "./per-object.ts";

it("computes once for each object, also when objects are alike", () => {
  const computed: object[] = [];
  const sizeOf = perObject((list: readonly number[]) => {
    computed.push(list);
    return list.length;
  });
  const [one, other] = [
    [1, 2],
    [1, 2],
  ];
  expect([sizeOf(one), sizeOf(one), sizeOf(other), sizeOf(one)]).toEqual([2, 2, 2, 2]);
  expect(computed).toHaveLength(2);
});
