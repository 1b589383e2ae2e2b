/**
 * The pages of the console in a real browser: each page, in light and dark, on a desktop and on a phone. axe finds nothing, no page
 * scrolls sideways, foreign text stays text, and a person can find out by keyboard alone why a release was rolled back.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimAddressBlock } from "../../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../../sandbox/api-server/index.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../../../src/cli/cluster.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { createAccess } from "../../../src/console/access.ts";
import { createSeries } from "../../../src/console/series.ts";
import { startConsole } from "../../../src/console/server.ts";
import { crds } from "../../../src/crd/index.ts";
import { createClusterCache } from "../../../src/kube/cluster-cache.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../../src/ports/log.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { systemClock } from "../../../src/time/system-clock.ts";

const PAGES = join(PROJECT_ROOT, "dist/console");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const ATTACK = '<img src=x onerror="document.title=1">';
const SENTENCE = "Rolled back at step 2 of 5 (20 %): request-success-rate 90.00 % < 99 % (5 failed checks).";

const checks = [100, 99.5, 92, 90].map((value, index) => ({
  at: `2026-01-01T00:00:${10 + index * 10}Z`,
  ...{
    step: index < 2 ? 1 : 2,
    weight: index < 2 ? 10 : 20,
    check: "request-success-rate",
    source: "metric",
    of: "canary",
  },
  ...{ passed: value >= 99, value, min: 99, requests: 100 + index },
}));

const RUN: KubeObject = {
  ...{ apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryRun" },
  metadata: { name: "shop-1", namespace: "test", labels: { "aviary.flagger.app/canary": "shop" } },
  spec: {
    ...{
      version: 1,
      canary: "shop",
      canaryUid: "u",
      startedAt: "2026-01-01T00:00:00Z",
      revision: "b",
      previousRevision: "a",
    },
    ...{ images: { app: "shop:2" }, previousImages: { app: "shop:1" }, changedConfigs: ["configmap/shop"] },
    ...{ strategy: "canary", threshold: 5, intervalMs: 10_000, steps: [{ weight: 10, mirror: false, gates: [] }] },
  },
  status: {
    ...{
      verdict: "rolled-back",
      sentence: SENTENCE,
      phase: "Failed",
      step: 2,
      weight: 20,
      failedChecks: 5,
      gaps: 1,
      checks,
    },
    endedAt: "2026-01-01T00:01:00Z",
    people: [
      { at: "2026-01-01T00:00:30Z", verb: "pause", by: "alice", reason: ATTACK, outcome: "applied", message: "stays" },
    ],
    timeline: [{ at: "2026-01-01T00:00:00Z", phase: "Failed", step: 2, reason: "x", type: "Warning", message: ATTACK }],
  },
};

function canary(name: string, status: Record<string, unknown>): KubeObject {
  const analysis = { interval: "10s", threshold: 5, maxWeight: 50, stepWeight: 10 };
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
  const spec = { targetRef, service: { port: 80 }, analysis };
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name, namespace: "test" }, spec, status };
}

let folder: string;
let server: ApiServer;
let browser: Browser | undefined;
let page: Page;
let origin: string;
const errors: string[] = [];
const undo: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "console-pages-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  for (const object of [
    canary("shop", {
      phase: "Failed",
      canaryWeight: 0,
      failedChecks: 0,
      conditions: [{ type: "Promoted", status: "False", reason: "Failed", message: SENTENCE }],
    }),
    canary("cart", { phase: "Progressing", canaryWeight: 20, failedChecks: 1 }),
  ]) {
    const made = server.cluster.create(RESOURCES.canary, object);
    server.cluster.updateStatus(RESOURCES.canary, { ...made, status: object.status });
  }
  const made = server.cluster.create(STEERING.run, RUN);
  if (made.status === undefined) server.cluster.updateStatus(STEERING.run, { ...made, status: RUN.status });
  writeFileSync(join(folder, "kubeconfig"), server.kubeconfig);
  const stopped = new AbortController();
  undo.push(() => stopped.abort());
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const world = { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
  const cache = createClusterCache(world, stopped.signal);
  const canaries = cache.track(RESOURCES.canary);
  await canaries.synced;
  const access = createAccess("local", client, systemClock);
  const running = await startConsole({
    ...{ client, access, canaries, series: createSeries(undefined, systemClock) },
    ...{ signal: stopped.signal, clock: systemClock },
    ...{ host: "127.0.0.1", port: 0, pages: PAGES, basePath: "/" },
  });
  undo.push(() => running.stop());
  origin = running.url.slice(0, -1);
  const quiet =
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  browser = await chromium.launch({ executablePath: CHROMIUM, args: quiet.split(" ") });
  undo.push(() => browser?.close());
  // The pages' security policy forbids what this test does to inspect them. Another test covers the policy.
  page = await browser.newPage({ bypassCSP: true });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${running.url}login?token=${access.oneTimeToken}`);
  await page.waitForSelector("h1");
}, 120_000);
afterAll(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

const settled = () =>
  page.waitForFunction(`document.querySelector("h1") !== null && document.querySelector(".loading") === null`);

const ADDRESSES = {
  now: "/",
  canaries: "/canaries",
  "a canary that failed": "/canaries/test/shop",
  "a canary under way": "/canaries/test/cart",
  "a canary that is not there": "/canaries/test/nothing",
  releases: "/runs",
  "a release": "/runs/test/shop-1",
  me: "/me",
  "no page": "/nonsense",
};

describe("the pages", () => {
  if (CHROMIUM === undefined) {
    it("are not opened here, because this machine has no Chromium", () => expect(CHROMIUM).toBeUndefined());
    return;
  }

  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

  it.each(Object.entries(ADDRESSES))(
    "%s: axe finds nothing in light and dark, and nothing scrolls sideways at 320 px",
    async (_name, address) => {
      for (const [colorScheme, width] of [
        ["light", 1440],
        ["dark", 1440],
        ["light", 320],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await page.goto(origin + address);
        await settled();
        await page.evaluate(axe);
        const { violations } = await page.evaluate<{ violations: { id: string }[] }>("globalThis.axe.run()");
        expect(violations.map(({ id }) => id)).toEqual([]);
        expect(await page.evaluate(`document.documentElement.scrollWidth <= innerWidth`)).toBe(true);
      }
    },
  );

  it("show foreign text as text", async () => {
    await page.goto(`${origin}/runs/test/shop-1`);
    await settled();
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.textContent("main")).toContain(ATTACK);
    expect(errors).toEqual([]);
  });

  it("show a change without a reload", async () => {
    await page.goto(`${origin}/canaries`);
    await settled();
    const before = server.cluster.get(RESOURCES.canary, "test", "cart") as KubeObject;
    server.cluster.updateStatus(RESOURCES.canary, { ...before, status: { ...before.status, canaryWeight: 40 } });
    await page.waitForFunction(`document.querySelector("main")?.textContent?.includes("40 %")`);
  });

  it("lead a person by keyboard alone from the first page to the reason of a rollback", async () => {
    await page.goto(`${origin}/`);
    await settled();
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(`document.activeElement?.getAttribute("href")?.endsWith("/canaries/test/shop")`)) break;
    }
    await page.keyboard.press("Enter");
    await page.waitForSelector(".sentence");
    expect(await page.textContent(".sentence")).toContain("request-success-rate 90.00 % < 99 %");
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForFunction(`document.querySelector("h1")?.textContent === "Releases"`);
  });

  it("name each button's action, and report that no operator answers", async () => {
    await page.goto(`${origin}/canaries/test/cart`);
    await settled();
    await page.getByRole("button", { name: "Next step now" }).click();
    expect(await page.textContent("dialog")).toMatch(/40 % -> 50 %/);
    await page.keyboard.press("Escape");
    await page.waitForFunction(`document.querySelector("dialog[open]") === null`);
    expect(server.cluster.list(STEERING.action)).toEqual([]);
  });
});

it("the script of the first load is at most 45 KB gzipped, the sheet at most 12 KB", () => {
  const size = (ending: string) =>
    readdirSync(join(PAGES, "assets"))
      .filter((name) => name.endsWith(ending))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(PAGES, "assets", name))).length, 0);
  expect(size(".js")).toBeLessThanOrEqual(45 * 1024);
  expect(size(".css")).toBeLessThanOrEqual(12 * 1024);
});
