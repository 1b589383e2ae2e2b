/** What is counted of nginx's access log. */
import { appendFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createAccessCounter, readLog } from "./access-log.ts";
import type { AccessLine } from "./config.ts";

const LINE: AccessLine = {
  ...{ namespace: "test", ingress: "shop", service: "podinfo", canary: "test-podinfo-canary-80" },
  ...{ host: "shop.example.com", path: "/", method: "GET", status: "200", request: "0.020", response: "0.015" },
};

it("requests, and the time of the pods, under the names of ingress-nginx", () => {
  const counter = createAccessCounter();
  counter.count(LINE);
  counter.count({ ...LINE, response: "1.500, 0.500" });
  counter.count({ ...LINE, status: "503", response: "-" });
  counter.count({ ...LINE, ingress: "", status: "404" });
  const text = counter.exposition();
  const labels =
    'namespace="test",ingress="shop",service="podinfo",canary="test-podinfo-canary-80",host="shop.example.com",path="/",method="GET"';
  expect(text).toContain(`nginx_ingress_controller_requests{${labels},status="200"} 2`);
  expect(text).toContain(`nginx_ingress_controller_requests{${labels},status="503"} 1`);
  const duration = "nginx_ingress_controller_response_duration_seconds";
  expect(text).toContain(`${duration}_bucket{${labels},status="200",le="0.025"} 1`);
  expect(text).toContain(`${duration}_sum{${labels},status="200"} 2.015`);
  expect(text).toContain(`${duration}_count{${labels},status="200"} 2`);
  expect(text).toContain(`${duration}_count{${labels},status="503"} 0`);
  expect(text).not.toContain("404");
});

it("each line once, in whichever pieces it was written, and across a log that was moved away", () => {
  const dir = mkdtempSync(join(tmpdir(), "aviary-access-log-"));
  const file = join(dir, "access.log");
  let reopened = 0;
  const reader = readLog(file, () => {
    reopened += 1;
  });
  appendFileSync(file, "one\ntw");
  expect(reader.read()).toEqual(["one"]);
  appendFileSync(file, "o\n");
  expect(reader.read()).toEqual(["two"]);
  appendFileSync(file, `${"x".repeat(9 * 1024 * 1024)}\n`);
  expect(reader.read()).toHaveLength(1);
  expect(reopened).toBe(1);
  appendFileSync(`${file}.old`, "late\n");
  appendFileSync(file, "three\n");
  expect(reader.read()).toEqual(["late", "three"]);
  expect(statSync(file).size).toBeLessThan(100);
  reader.close();
  rmSync(dir, { recursive: true });
});
