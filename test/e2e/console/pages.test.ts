/**
 * The pages of the console in a real browser: each page and each of its states, in light and dark, on a desktop and on
 * a phone. axe finds nothing, no page scrolls sideways, foreign text stays text, and a person finds out by keyboard
 * alone why a release was rolled back. With CONSOLE_SHOTS=FOLDER each of them leaves a screenshot.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { CHROMIUM, faultsOf, loadsFor, shoot, startBrowser, VIEWS } from "./browser.ts";
import { canary, event } from "./objects.ts";
import { put, startWorld, type World } from "./world.ts";

const PAGES = process.env["CONSOLE_PAGES"] ?? join(PROJECT_ROOT, "dist/console");
const PATIENCE_MS = 300_000;

let world: World;
let browser: Browser;
let page: Page;
let origin: string;
const errors: string[] = [];

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  world = await startWorld();
  browser = await startBrowser();
  // The pages' security policy forbids what this test does to inspect them. Another test covers the policy.
  page = await browser.newPage({ bypassCSP: true });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(world.console.link);
  await page.waitForSelector("h1");
  origin = world.console.url.slice(0, -1);
}, PATIENCE_MS);
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const settled = () =>
  page.waitForFunction(`document.querySelector("h1") !== null && document.querySelector(".loading") === null`);

const ADDRESSES = {
  now: "/",
  canaries: "/canaries",
  "canary-failed": "/canaries/test/podinfo",
  "canary-running": "/canaries/test/checkout",
  "canary-waiting": "/canaries/test/search",
  "canary-paused": "/canaries/test/profile",
  "canary-held": "/canaries/test/cart",
  "canary-frozen": "/canaries/test/basket",
  "canary-refused": "/canaries/test/odd",
  "canary-succeeded": "/canaries/test/blog",
  "canary-none": "/canaries/test/nothing",
  runs: "/runs",
  "run-failed": "/runs/test/podinfo-rolled-back",
  "run-promoted": "/runs/test/podinfo-promoted",
  compare: "/compare?a=test/podinfo-promoted&b=test/podinfo-rolled-back",
  "compare-none": "/compare",
  gates: "/gates",
  freezes: "/freezes",
  insights: "/insights",
  checks: "/checks",
  me: "/me",
  "embed-canary": "/embed/canaries/test/checkout",
  "embed-run": "/embed/runs/test/podinfo-rolled-back",
  "embed-none": "/embed/nonsense",
  "no-page": "/nonsense",
};

/** What each page shows when the server does not answer as usual. */
const STATES: Readonly<Record<string, (route: Route) => Promise<unknown>>> = {
  loading: () => new Promise(() => undefined),
  forbidden: (route) =>
    route.fulfill({ status: 403, json: { error: "you have no right to list canaries in all namespaces" } }),
  error: (route) => route.fulfill({ status: 502, json: { error: "dial tcp 10.0.0.1:443: connection refused" } }),
  empty: (route) => route.fulfill({ json: emptyAnswer(new URL(route.request().url()).pathname) }),
};

const LISTS = ["/", "/canaries", "/runs", "/gates", "/freezes", "/insights", "/checks", "/me"];

function emptyAnswer(path: string): unknown {
  if (path.endsWith("/insights"))
    return {
      days: 30,
      runs: 0,
      promoted: 0,
      rolledBack: 0,
      otherwise: 0,
      perDay: [],
      checks: [],
      canaries: [],
      records: true,
    };
  if (path.endsWith("/checks")) return { findings: [] };
  if (path.endsWith("/rights")) return { rights: [] };
  return { rows: [], hidden: 0, left: 0, records: true, installed: true, namespaces: [] };
}

describe.runIf(CHROMIUM !== undefined)("the pages", { timeout: PATIENCE_MS }, () => {
  async function looked(name: string, [colorScheme, width]: (typeof VIEWS)[number]): Promise<void> {
    await shoot(page, `${name}-${colorScheme}-${width}`);
    expect(await faultsOf(page)).toEqual([]);
  }

  async function show([colorScheme, width]: (typeof VIEWS)[number]): Promise<void> {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
  }

  it.each(Object.entries(ADDRESSES))(
    "%s: axe finds nothing in light and dark, and nothing scrolls sideways at 320 px",
    async (name, address) => {
      for (const view of VIEWS) {
        await show(view);
        if (loadsFor(view)) await page.goto(origin + address);
        await settled();
        await page.waitForFunction(`[...document.querySelectorAll(".loading")].length === 0`);
        await looked(name, view);
      }
    },
  );

  it.each(Object.entries(STATES))("say what is the matter: %s", async (state, answer) => {
    const isApi = (url: URL) => /\/api\/v1\/(?!me$|stream)/.test(url.pathname);
    await page.route(isApi, answer);
    try {
      for (const address of LISTS) {
        for (const view of VIEWS) {
          await show(view);
          if (loadsFor(view)) await page.goto(origin + address);
          await (state === "loading" ? page.waitForSelector(".loading") : settled());
          if (state === "forbidden" || state === "error") await page.waitForSelector("[role=alert], .notice");
          await looked(`${state}${address.replaceAll("/", "-")}`, view);
        }
      }
    } finally {
      await page.unroute(isApi);
    }
  });

  it("say that what they show is older when the server goes away, and are live again when it is back", async () => {
    await show(VIEWS[0]);
    await page.goto(`${origin}/canaries/test/checkout`);
    await settled();
    const isDetail = (url: URL) => url.pathname === "/api/v1/canaries/test/checkout";
    await page.route(isDetail, (route) => route.abort());
    touch("checkout", { failedChecks: 2 });
    await page.getByText("What you see is older.").waitFor();
    await looked("stale-canary", VIEWS[0]);
    await page.unroute(isDetail);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("2 of 5 failed checks").first().waitFor();
    expect(await page.getByText("What you see is older.").count()).toBe(0);
  });

  it("show what was promised and what was measured, and ask the metrics server for the canary's own checks only", async () => {
    await page.goto(`${origin}/canaries/test/checkout`);
    await page.getByText("measured", { exact: true }).first().waitFor();
    expect(await page.textContent(".band")).toMatch(/promised20 % canary.*measured20\.6 % canary/);
    // The world has canaries of several providers, whose metrics have other names for the namespace.
    expect(world.queries.length).toBeGreaterThan(0);
    for (const query of world.queries) expect(query).toMatch(/namespace="test"/);
  });

  it("say why the split was not measured", async () => {
    const isSeries = (url: URL) => url.pathname.endsWith("/checkout/series");
    const trouble = "the console knows no Prometheus, start it with --metrics-server URL";
    const nothing = { from: 0, to: 0, stepMs: 5000, charts: [] };
    for (const why of [{ trouble }, { unmeasured: "the metrics of contour count both versions as one" }]) {
      await page.route(isSeries, (route) => route.fulfill({ json: { ...nothing, ...why } }));
      await page.goto(`${origin}/canaries/test/checkout`);
      await page.getByText(`Not measured: ${Object.values(why)[0]}.`).waitFor();
      await page.unroute(isSeries);
    }
  });

  it.each(["/runs", "/freezes", "/canaries/test/podinfo"])(
    "hide no column of a table on a tablet: %s",
    async (address) => {
      await page.setViewportSize({ width: 768, height: 900 });
      await page.goto(origin + address);
      await settled();
      const hidden = `[...document.querySelectorAll("table:not(.matrix)")].filter(
      ({ parentElement: { scrollWidth, clientWidth } }) => scrollWidth > clientWidth).length`;
      expect([await page.locator("table:not(.matrix)").count(), await page.evaluate(hidden)]).toEqual([1, 0]);
    },
  );

  it("begin with the reason of a rollback also where Flagger wrote the status, and the reason is in its events", async () => {
    const message = "Canary analysis failed, Deployment scaled to zero.";
    const conditions = [{ type: "Promoted", status: "False", reason: "Failed", message }];
    const status = { phase: "Failed", canaryWeight: 0, failedChecks: 0, conditions };
    const { metadata } = put(world.server, RESOURCES.canary, canary("flaggers", status));
    const messages = [
      "Halt flaggers.test advancement success rate 80.00% < 99%",
      "Rolling back flaggers.test failed checks threshold reached 5",
      "Canary failed! Scaling down flaggers.test",
    ];
    for (const [index, text] of messages.entries()) {
      const at = new Date(Date.now() - 60_000 + index * 1000).toISOString();
      put(world.server, RESOURCES.event, event("flaggers", metadata.uid ?? "", at, "Warning", text));
    }
    const reason = "Rolled back: success rate 80.00% < 99% (failed checks threshold reached 5).";
    for (const address of ["/", "/canaries/test/flaggers"]) {
      await page.goto(origin + address);
      await page.getByText(reason).waitFor();
    }
    world.server.cluster.remove(RESOURCES.canary, "test", "flaggers");
  });

  it("say of a canary whose next revision waits for a freeze that it is frozen, wherever its state is", async () => {
    for (const [address, part] of [
      ["/", ".card"],
      ["/canaries", "tbody tr"],
      ["/canaries/test/basket", "header"],
    ] as const) {
      await page.goto(origin + address);
      await page.locator(part, { hasText: "basket" }).locator(".state", { hasText: "Frozen" }).waitFor();
    }
    expect(await page.getByText("No check is on record.").count()).toBe(1);
    expect(await page.getByText("A release is recorded when").count()).toBe(1);
  });

  it("show a change without a reload", async () => {
    await page.goto(`${origin}/canaries`);
    await settled();
    touch("checkout", { canaryWeight: 40 });
    await page.waitForFunction(`document.querySelector("main")?.textContent?.includes("40 %")`);
    touch("checkout", { canaryWeight: 20 });
  });

  it("lead a person by keyboard alone from the first page to the reason of a rollback, and to the release", async () => {
    await page.goto(`${origin}/`);
    await settled();
    await tabTo(`document.activeElement?.getAttribute("href")?.endsWith("/canaries/test/podinfo")`);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".sentence");
    expect(await page.textContent(".sentence")).toContain("request-success-rate 90.64 % < 99 %");
    await tabTo(`document.activeElement?.classList.contains("cell")`);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowLeft");
    await page.waitForSelector(".detail");
    expect(await page.textContent(".detail")).toMatch(/request-success-rate at .* failed, limit ≥ 99, of \d+ requests/);
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForFunction(`document.querySelector("h1")?.textContent === "Releases"`);
  });

  it("replay a release turn by turn by keyboard", async () => {
    await page.goto(`${origin}/runs/test/podinfo-rolled-back`);
    await settled();
    await page.getByRole("slider", { name: "Turn" }).focus();
    await page.keyboard.press("Home");
    expect(await page.textContent(".replay")).toContain("Turn 1 of");
    await page.keyboard.press("ArrowRight");
    expect(await page.textContent(".replay")).toContain("Turn 2 of");
  });

  it("name what a button does, and create nothing when a person cancels", async () => {
    await page.goto(`${origin}/canaries/test/checkout`);
    await settled();
    await page.getByRole("button", { name: "Go to 30 % now" }).click();
    // A key that is pressed before the dialog is open reaches nothing.
    expect(await page.textContent("dialog[open]")).toMatch(/20 % -> 30 %/);
    await page.keyboard.press("Escape");
    await page.waitForFunction(`document.querySelector("dialog[open]") === null`);
    expect(world.server.cluster.list(STEERING.action)).toEqual([]);
  });

  it.each([
    ["pause", "/canaries/test/checkout", "Pause at 20 %"],
    ["abort", "/canaries/test/checkout", "Abort, all traffic to the primary"],
    ["promote-full", "/canaries/test/checkout", "Promote without the remaining steps"],
    ["approve", "/canaries/test/search", "Approve “ask the board”"],
    ["override", "/canaries/test/cart", "Go on despite the freeze"],
  ])("ask before they %s, in a dialog without a fault in light and dark", async (verb, address, label) => {
    await page.goto(origin + address);
    await settled();
    await page.getByRole("button", { name: label, exact: true }).click();
    await page.waitForSelector("dialog[open]");
    for (const view of VIEWS) {
      await show(view);
      await looked(`dialog-${verb}`, view);
    }
    await page.keyboard.press("Escape");
    await page.waitForFunction(`document.querySelector("dialog[open]") === null`);
  });

  it("say which freeze holds a release, and let a person override the freeze with a reason", async () => {
    await page.goto(`${origin}/canaries/test/cart`);
    await page.getByText('Held by the freeze freeze-2 of carol@example.com: "the audit"').waitFor();
    await page.getByRole("button", { name: "Go on despite the freeze" }).click();
    const go = page.locator("dialog[open]").getByRole("button", { name: "Go on despite the freeze" });
    expect(await go.isDisabled()).toBe(true);
    await page.getByLabel("Reason, for the record").fill("payments are down");
    await go.click();
    await expect
      .poll(() => world.server.cluster.list(STEERING.action).find(({ spec }) => spec?.verb === "override")?.spec, {
        timeout: PATIENCE_MS,
      })
      .toMatchObject({ canary: "cart", reason: "payments are down" });
    await page.getByText("Override:").waitFor();
  });

  it("list the keys, in light and dark", async () => {
    await page.goto(`${origin}/`);
    await settled();
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    for (const view of VIEWS) {
      await show(view);
      await looked("dialog-keys", view);
    }
    await page.keyboard.press("Escape");
    await page.waitForFunction(`document.querySelector("dialog[open]") === null`);
  });

  it("freeze a namespace and thaw it again", async () => {
    await page.goto(`${origin}/freezes`);
    await settled();
    await page.getByLabel("Reason").fill("stocktaking");
    await page.getByRole("button", { name: /^Freeze test for/ }).click();
    await page.getByText("stocktaking").waitFor();
    expect(world.server.cluster.list(STEERING.freeze).map(({ spec }) => spec?.reason)).toContain("stocktaking");
    const row = page.locator("tr", { hasText: "stocktaking" });
    await row.getByRole("button", { name: /^Thaw test/ }).click();
    await page.getByText("has ended").waitFor();
    expect(world.server.cluster.list(STEERING.freeze).map(({ spec }) => spec?.reason)).not.toContain("stocktaking");
  });

  it("say that the operator refuses a canary, with the field and what to do, and offer no button", async () => {
    await page.goto(`${origin}/`);
    await settled();
    const text = await page.locator(".card", { hasText: "odd" }).textContent();
    expect(text).toMatch(/Refused.*mirroring is not supported by provider linkerd: remove spec\.analysis\.mirror/);
    await page.getByRole("link", { name: "odd" }).click();
    await page.getByText("Nothing can be done now.").waitFor();
    await page.getByText("Why the others cannot be used").click();
    await page.getByText("the operator refuses this Canary and takes no turn for it").first().waitFor();
  });

  it("throw no errors", () => expect(errors).toEqual([]));
});

/** Changes the status of a canary, as an operator does. */
function touch(name: string, fields: Readonly<Record<string, unknown>>): void {
  const before = world.server.cluster.get(RESOURCES.canary, "test", name) as KubeObject;
  world.server.cluster.updateStatus(RESOURCES.canary, { ...before, status: { ...before["status"], ...fields } });
}

async function tabTo(condition: string): Promise<void> {
  for (let presses = 0; presses < 100; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(condition)) return;
  }
  throw new Error(`no press of Tab led to ${condition}`);
}

it("the script of the first load is at most 45 KB gzipped, the sheet at most 12 KB", () => {
  const size = (ending: string) =>
    readdirSync(join(PAGES, "assets"))
      .filter((name) => name.endsWith(ending))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(PAGES, "assets", name))).length, 0);
  expect(size(".js")).toBeLessThanOrEqual(45 * 1024);
  expect(size(".css")).toBeLessThanOrEqual(12 * 1024);
});
