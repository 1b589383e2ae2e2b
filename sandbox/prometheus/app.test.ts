/** The pod's program, whichever Prometheus it runs: one suite for both. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AppContext } from "../apps.ts";
import { prometheusApp } from "./app.ts";
import { findPrometheus, guarded } from "./real.ts";
import { serveMetrics } from "./testing/metrics-server.ts";

const installed = await findPrometheus();

function context(port: number, lines: string[]): AppContext {
  return {
    namespace: "istio-system",
    podName: "prometheus-0",
    podUid: "1",
    labels: {},
    containerName: "prometheus",
    image: "prom/prometheus:v2.42.0",
    argv: [],
    env: {},
    address: "127.0.0.1",
    ports: [{ name: "http", containerPort: port }],
    files: new Map(),
    log: (line) => void lines.push(line),
    signal: new AbortController().signal,
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Asks again until the answer is there; the test's own time-out ends it. */
async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await attempt().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function valueAt(url: string, query: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1];
}

describe.each(installed === undefined ? (["embedded"] as const) : (["embedded", "real"] as const))("%s", (prefer) => {
  it("scrapes, answers, and ends when it is stopped", async () => {
    const target = await serveMetrics('a{b="c"} 42\n');
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const lines: string[] = [];
    const targets = () => [target.url];
    const app = await prometheusApp({ targets, prefer, scrapeIntervalMs: 200 })(context(port, lines));
    try {
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(prefer === "real" ? /^running .*\/prometheus on / : /^running the embedded Prometheus/);
      await eventually(async () => ((await fetch(`${url}/-/ready`)).ok ? true : undefined));
      expect(await eventually(() => valueAt(url, "up == 1"))).toBe("1");
      expect(await eventually(() => valueAt(url, 'a{b="c",job="sandbox"}'))).toBe("42");
      target.answer = "other 1\n";
      expect(await eventually(() => valueAt(url, "absent(a)"))).toBe("1");
    } finally {
      await app.stop();
      await target.stop();
    }
    expect(await app.exited).toBe(0);
    await expect(fetch(`${url}/-/ready`)).rejects.toThrow();
  });
});

it("says when the real one is wanted but not installed", async () => {
  const before = process.env["PATH"];
  process.env["PATH"] = "/nowhere";
  try {
    const app = prometheusApp({ targets: () => [], prefer: "real" });
    await expect(app(context(1, []))).rejects.toThrow("no prometheus in PATH: install it");
  } finally {
    process.env["PATH"] = before;
  }
});

it("ends the child and removes its files even when its parent is killed", async () => {
  const dir = await mkdtemp(join(tmpdir(), "aviary-guard-"));
  const args = guarded(dir, ["sh", "-c", "echo $$ >&2; exec sleep 600"]);
  const script =
    'const c = require("node:child_process").spawn("sh", JSON.parse(process.argv[1]), ' +
    '{ stdio: ["ignore", "ignore", "inherit", "pipe"], detached: true }); setInterval(() => {}, 1000);';
  const parent = spawn(process.execPath, ["-e", script, JSON.stringify(args)], { stdio: ["ignore", "ignore", "pipe"] });
  const pid = await new Promise<number>((resolve) => {
    parent.stderr.once("data", (data: Buffer) => resolve(Number(data.toString())));
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await eventually(async () => (isAlive(pid) || existsSync(dir) ? undefined : true));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
