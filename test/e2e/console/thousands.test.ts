/**
 * The console with 5,000 canaries: what is sent, what is drawn, and what is asked of the API server. Counts, because a
 * clock tells more about the machine; `npm run bench console` has the times.
 */
import { gunzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../../sandbox/api-server/index.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { CHROMIUM, startBrowser } from "./browser.ts";
import { canary } from "./objects.ts";
import { put, startWorld, type World } from "./world.ts";

const CANARIES = 5000;
const PATIENCE_MS = 300_000;
const MOST_BYTES = 120 * 1024;
const MOST_ROWS = 80;

let world: World;
let cookie: string;
const agent = new Agent();

beforeAll(async () => {
  world = await startWorld(thousands);
}, PATIENCE_MS);
afterAll(async () => {
  await agent.destroy();
  await world?.stop();
});

function thousands(server: ApiServer): void {
  for (let index = 0; index < CANARIES; index += 1) {
    const phase = index % 10 === 0 ? "Progressing" : index % 7 === 0 ? "Failed" : "Succeeded";
    const weight = index % 10 === 0 ? 20 : 0;
    const status = { phase, canaryWeight: weight, failedChecks: 0 };
    put(server, RESOURCES.canary, canary(`service-${index}`, status));
  }
}

it("the list of 5,000 canaries is at most 120 KB on the wire", { timeout: PATIENCE_MS }, async () => {
  const login = await request(world.console.link, { dispatcher: agent });
  cookie = String([login.headers["set-cookie"]].flat()[0]).split(";")[0] ?? "";
  await login.body.dump();
  const headers = { cookie, "accept-encoding": "gzip" };
  const answer = await request(`${world.console.url}api/v1/canaries`, { dispatcher: agent, headers });
  expect(answer.headers["content-encoding"]).toBe("gzip");
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  expect(JSON.parse(gunzipSync(bytes).toString()).rows).toHaveLength(CANARIES);
  expect(bytes.length).toBeLessThanOrEqual(MOST_BYTES);
});

/** A screen of 2,400 pixels shows more rows than a laptop does: none of its places is empty. */
async function fillsATallWindow(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1440, height: 2400 });
  await page.evaluate(`document.querySelector(".rows").scrollTop = 44 * 1000`);
  await page.waitForSelector('tbody tr[aria-rowindex="1002"]');
  await page.waitForFunction(`(() => {
    const box = document.querySelector(".rows").getBoundingClientRect();
    const under = document.elementFromPoint(box.left + 20, box.bottom - 30);
    return under?.closest("tr[aria-rowindex]") !== null;
  })()`);
  await page.setViewportSize({ width: 1440, height: 900 });
}

/** Elements that scroll out of view get other rows: a link with the focus is never that of another row. */
async function keepsTheFocusHonest(page: Page): Promise<void> {
  const row = (index: number) => page.waitForSelector(`tbody tr[aria-rowindex="${index}"]`);
  await page.evaluate(`document.querySelector(".rows").scrollTop = 0`);
  await row(2);
  const focused = page.locator('tbody tr[aria-rowindex="2"] a');
  await focused.focus();
  const name = await focused.textContent();
  await page.evaluate(`document.querySelector(".rows").scrollTop = 44 * 500`);
  await row(502);
  expect(["", name]).toContain(await page.evaluate(`document.activeElement?.closest("a")?.textContent ?? ""`));
}

/** Elements get other rows in any order; a keyboard and a reader of the screen go by the order of the document. */
async function isInOrderAtRest(page: Page): Promise<void> {
  for (const place of [700, 705, 702, 3]) {
    await page.evaluate(`document.querySelector(".rows").scrollTop = 44 * ${place}`);
    await page.waitForFunction(`(() => {
      const rows = [...document.querySelectorAll("tbody tr[aria-rowindex]:not([hidden])")];
      const at = rows.map((row) => Number(row.getAttribute("aria-rowindex")));
      return at.length > 8 && at.includes(${place} + 2) && at.every((one, i) => i === 0 || one === at[i - 1] + 1);
    })()`);
  }
}

/** A place that gets another row is styled anew, and so are its link and what has another title: no cell is. */
async function stylesFewElements(page: Page): Promise<void> {
  const browser = page.context().browser() as Browser;
  await page.evaluate(`document.querySelector(".rows").scrollTop = 44 * 2000`);
  await page.locator('tbody tr[aria-rowindex="2002"]').waitFor();
  const inView = await page.evaluate<number>(`Math.ceil(document.querySelector(".rows").clientHeight / 44) + 1`);
  await browser.startTracing(page, { categories: ["devtools.timeline"] });
  await page.evaluate(`(async () => {
    for (let jump = 0; jump < 20; jump += 1) {
      document.querySelector(".rows").scrollTop += 44 * 25;
      await new Promise(requestAnimationFrame);
    }
  })()`);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString("utf8")) as {
    readonly traceEvents: readonly { readonly name: string; readonly args?: { readonly elementCount?: number } }[];
  };
  const styled = traceEvents
    .filter(({ name }) => name === "UpdateLayoutTree")
    .map(({ args }) => args?.elementCount ?? 0)
    .filter((count) => count >= inView);
  expect(styled.length).toBeGreaterThan(10);
  const usual = styled.sort((a, b) => a - b)[styled.length >> 1] ?? 0;
  expect(usual).toBeLessThan(4 * inView);
}

/** The server's order is kept: a canary that is new has its place among the others. */
async function putsNewOnesInOrder(page: Page): Promise<void> {
  await page.evaluate(`document.querySelector(".rows").scrollTop = 0`);
  put(world.server, RESOURCES.canary, canary("service-00", { phase: "Succeeded" }));
  const named = (index: number) => page.locator(`tbody tr[aria-rowindex="${index}"] a`);
  await named(3).getByText("service-00", { exact: true }).waitFor();
  expect(await named(2).textContent()).toBe("service-0");
  world.server.cluster.remove(RESOURCES.canary, "test", "service-00");
  await named(3).getByText("service-1", { exact: true }).waitFor();
}

/** A window may get smaller before the list rests, when a row has not been in each of its places. */
async function isSeenAfterTwoSizes(browser: Browser): Promise<void> {
  const page = await signedIn(browser);
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.clock.install();
  await page.goto(`${world.console.url}canaries`);
  await page.waitForSelector("tbody tr[aria-rowindex]");
  // In the middle of the list, the first row that is drawn has not the first place.
  await page.evaluate(`document.querySelector(".rows").scrollTop = 44 * 1000`);
  await page.waitForSelector('tbody tr[aria-rowindex="1002"]');
  // The list draws, and does not come to rest.
  await page.clock.pauseAt(Date.now() + 60_000);
  for (const height of [2400, 900]) {
    await page.setViewportSize({ width: 1440, height });
    // Another size begins with few rows. The others come frame by frame.
    await page.waitForFunction(`document.querySelectorAll("tbody tr").length <= 8`);
    await page.clock.runFor(100);
  }
  expect(errors).toEqual([]);
  await page.close();
}

async function signedIn(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: true });
  const [name = "", value = ""] = cookie.split("=");
  await context.addCookies([{ name, value, url: world.console.url }]);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** A search that fits no canary empties the list; "Show all" fills the list and empties the field. */
async function searches(page: Page): Promise<void> {
  const field = page.getByRole("searchbox", { name: "Search" });
  await field.pressSequentially("service-4242");
  await page.getByText(`1 of ${CANARIES}`).waitFor();
  expect(new URL(page.url()).searchParams.get("q")).toBe("service-4242");
  await page.waitForFunction(`document.querySelectorAll("tbody tr[aria-rowindex]:not([hidden])").length === 1`);
  await field.press("x");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText(`${CANARIES} of ${CANARIES}`).waitFor();
  expect(await field.inputValue()).toBe("");
}

it.runIf(CHROMIUM !== undefined)(
  "at most 80 rows are drawn, at each place to which a person scrolls, also after a change",
  { timeout: PATIENCE_MS },
  async () => {
    const browser = await startBrowser();
    try {
      const page = await signedIn(browser);
      await page.goto(`${world.console.url}canaries`);
      await page.waitForSelector("tbody tr[aria-rowindex]");
      const rows = page.locator("tbody tr[aria-rowindex]");
      for (const place of [0, 0.5, 1]) {
        await page.evaluate(`(() => {
          const box = document.querySelector(".rows");
          box.scrollTop = box.scrollHeight * ${place};
        })()`);
        const index = Math.max(2, Math.floor(place * (CANARIES - 1)));
        await page.waitForSelector(`tbody tr[aria-rowindex="${index}"]`);
        expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);
      }
      expect(await page.getAttribute("table", "aria-rowcount")).toBe(String(CANARIES + 1));
      await isSeenAfterTwoSizes(browser);
      await fillsATallWindow(page);
      await keepsTheFocusHonest(page);
      await isInOrderAtRest(page);
      await stylesFewElements(page);
      await putsNewOnesInOrder(page);
      await searches(page);
      await page.evaluate(`document.querySelector(".rows").scrollTop = 0`);
      await page.locator('tbody tr[aria-rowindex="2"]').waitFor();
      const before = world.server.cluster.get(RESOURCES.canary, "test", "service-0") as KubeObject;
      const status = { ...before["status"], canaryWeight: 33 };
      world.server.cluster.updateStatus(RESOURCES.canary, { ...before, status });
      await page.getByText("33 %", { exact: true }).waitFor();
      expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);
    } finally {
      await browser.close();
    }
  },
);
