import { expect, it } from "vitest";
import { withoutSent } from "./sent-secrets.ts";

const HARMLESS = new Set(["accept"]);

it.each<[sent: string, url: string, headers: Record<string, string>, answer: string, left: string]>([
  ["a key", "http://x", { "X-Key": "k3y-0f-tenant" }, "no key k3y-0f-tenant", "no key …"],
  ["a bearer token", "http://x", { authorization: "Bearer t0k3n-1" }, "t0k3n-1 is old", "… is old"],
  [
    "a token of a scheme with a hyphen",
    "http://x",
    { authorization: "Api-Token t0k3n-1" },
    "t0k3n-1 is old",
    "… is old",
  ],
  ["user and password", "http://us3r-1:p4ss-1@x", {}, "us3r-1 p4ss-1 dXMzci0xOnA0c3MtMQ==", "… … …"],
  ["a header that is no secret", "http://x", { accept: "application/json" }, "application/json", "application/json"],
  ["a short word", "http://x", { "X-Scope": "a" }, '{"data":1}', '{"data":1}'],
])("%s is taken out of the answer", (_, url, headers, answer, left) => {
  expect(withoutSent(answer, new URL(url), headers, HARMLESS)).toBe(left);
});
