/** How programs of this machine are found. */
import { expect, it } from "vitest";
import { findAll } from "./find.ts";

it("programs that are missing are named, with the cure", () => {
  expect(() => findAll(["contour", "envoy"], "/nonexistent", "")).toThrow(
    "not found in /nonexistent or on the PATH: contour, envoy; install them, or name their folder with --mesh-programs",
  );
});

it("programs are found in the folder first, and then on the PATH", () => {
  const [sh] = findAll(["sh"], undefined, "/nonexistent:/bin");
  expect(sh).toBe("/bin/sh");
});
