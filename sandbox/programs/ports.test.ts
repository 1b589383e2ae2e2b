import { createServer } from "node:net";
import { expect, it } from "vitest";
import { freePorts, isFree } from "./ports.ts";

it("free ports differ, and no connection that goes out is given one of them", async () => {
  const ports = await freePorts(200);
  expect(new Set(ports).size).toBe(200);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  expect(await isFree(ports[0] ?? 0)).toBe(true);
});

it("a port that a program listens for is not free", async () => {
  const [port = 0] = await freePorts(1);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  expect(await isFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isFree(port)).toBe(true);
});
