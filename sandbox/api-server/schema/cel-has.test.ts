import { describe, expect, it } from "vitest";
import { bindHasTargets } from "./cel-has.ts";
import { celEnvironment } from "./cel-library.ts";

describe("has() of anything", () => {
  it.each([
    ["has(self.a)", "has(self.a)"],
    ["has( self.a.b ) && x", "has( self.a.b ) && x"],
    ["!has(self.a[0].b)", "![self.a[0]].all(target_, has(target_.b))"],
    ["has(f(self.x).y.z)", "[f(self.x).y].all(target_, has(target_.z))"],
    [`self.s == "has(a[0].b)"`, `self.s == "has(a[0].b)"`],
    [`has(self.m[")"].b)`, `[self.m[")"]].all(target_, has(target_.b))`],
    ["self.has(a[0].b)", "self.has(a[0].b)"],
  ])("reads %s as %s", (given, expected) => {
    expect(bindHasTargets(given)).toBe(expected);
  });

  it("judges what a list's element has", () => {
    const rule = "self.matches.size() != 1 || !has(self.matches[0].path) || self.matches[0].path == '/'";
    const judge = (...matches: object[]) => celEnvironment.evaluate(rule, { self: { matches } });
    expect([judge(), judge({}), judge({ path: "/" }), judge({ path: "x" })]).toEqual([true, true, true, false]);
  });
});
