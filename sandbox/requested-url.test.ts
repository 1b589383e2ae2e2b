import { expect, it } from "vitest";
import { requestedUrl } from "./requested-url.ts";

it.each([
  ["/api/v1", "/api/v1"],
  ["//%2500/x", "//%2500/x"],
  ["//", "//"],
  ["*", "/*"],
  ["http://other/path?a=1", "/path"],
  ["https://[", "/https://["],
])("%s names the path %s", (target, path) => {
  expect(requestedUrl(target).pathname).toBe(path);
});
