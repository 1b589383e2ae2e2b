import { expect, it } from "vitest";
import { lowPortWarning } from "./low-ports.ts";

it.each([
  ["root", 0, 1024],
  ["a user of a container, where every port is free", 1000, 0],
  ["a user of a machine that frees port 80", 1000, 80],
])("%s may open port 80", (_, uid, firstFree) => {
  expect(lowPortWarning(uid, firstFree)).toBeUndefined();
});

it("another user reads which Services do not answer, and what to do", () => {
  expect(lowPortWarning(1000, 1024)).toMatch(
    /^ports below 1024 need root .* `sudo sysctl net\.ipv4\.ip_unprivileged_port_start=80`$/,
  );
});
