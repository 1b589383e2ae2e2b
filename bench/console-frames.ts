/**
 * The longest frame of the list of 5,000 canaries in each thing that a person does there. The time between two frames
 * is what a person feels; the longest task of the page's main thread, by its CPU time, is free of other load.
 */
import type { Page } from "playwright-core";
import type { ApiServer } from "../sandbox/api-server/index.ts";
import { type KubeObject, RESOURCES } from "../src/ports/kubernetes.ts";

export interface FrameTimes {
  readonly scenario: string;
  /** Between two frames. */
  readonly frameMs: number;
  /** CPU time of the longest task of the main thread, as if the CPU were four times slower. */
  readonly taskMs: number;
}

const WATCH = `(() => {
  const seen = { last: performance.now(), longest: 0 };
  window.benchFrames = seen;
  const step = () => {
    const now = performance.now();
    seen.longest = Math.max(seen.longest, now - seen.last);
    seen.last = now;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})()`;

const frames = async (page: Page, count: number, each = ""): Promise<void> => {
  await page.evaluate(`(async () => {
    for (let frame = 0; frame < ${count}; frame += 1) {
      ${each}
      await new Promise(requestAnimationFrame);
    }
  })()`);
};

interface Scenario {
  readonly name: string;
  /** Opens the page anew, which is no part of the figure; `listIsThere` when absent. */
  readonly prepare?: (page: Page) => Promise<void>;
  readonly act: (page: Page, server: ApiServer) => Promise<void>;
}

async function listIsThere(page: Page): Promise<void> {
  await page.reload();
  await page.waitForSelector("tbody tr[aria-rowindex]");
}

/** A page that is open gets its first list: the answer is held back until the page waits for it. */
function listComes(): Scenario {
  const LIST = "**/api/v1/canaries";
  let letGo = (): void => undefined;
  return {
    name: "the list comes",
    async prepare(page) {
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      await page.route(LIST, async (route) => {
        await held;
        await route.continue();
      });
      await page.reload();
      await page.waitForSelector(".loading");
    },
    async act(page) {
      letGo();
      await frames(page, 120);
      await page.waitForSelector("tbody tr[aria-rowindex]");
      await page.unroute(LIST);
    },
  };
}

const search = (page: Page) => page.locator('input[type="search"]');

const SCENARIOS: readonly Scenario[] = [
  listComes(),
  {
    name: "jumps of 1,000 px",
    act: (page) => frames(page, 200, `document.querySelector(".rows").scrollTop += 1000;`),
  },
  {
    name: "from end to end and back",
    act: (page) =>
      frames(
        page,
        60,
        `{ const box = document.querySelector(".rows");
      box.scrollTop = frame % 2 === 0 ? box.scrollHeight : 0; }`,
      ),
  },
  {
    name: "a search, letter by letter, and back",
    act: async (page) => {
      await search(page).focus();
      for (const letter of "service-42 team-7") {
        await page.keyboard.press(letter === " " ? "Space" : letter);
        await frames(page, 3);
      }
      for (let letter = 0; letter < 17; letter += 1) {
        await page.keyboard.press("Backspace");
        await frames(page, 3);
      }
    },
  },
  {
    name: "a filter by phase, and all again",
    act: async (page) => {
      for (const phase of ["Failed", "Progressing", "Succeeded", ""]) {
        await page.locator(".filters select").selectOption(phase);
        await frames(page, 5);
      }
    },
  },
  {
    name: "200 changes at once",
    act: async (page, server) => {
      for (let burst = 0; burst < 3; burst += 1) {
        changeMany(server, 40 + burst);
        await page.waitForFunction(
          `document.querySelector("tbody tr[aria-rowindex='2']").textContent.includes("${40 + burst} %")`,
        );
        await frames(page, 20);
      }
    },
  },
];

function changeMany(server: ApiServer, weight: number): void {
  for (let index = 0; index < 200; index += 1) {
    const [namespace, name] = [`team-${index % 50}`, `service-${index}`];
    const before = server.cluster.get(RESOURCES.canary, namespace, name) as KubeObject;
    server.cluster.updateStatus(RESOURCES.canary, {
      ...before,
      status: { ...before["status"], phase: "Progressing", canaryWeight: weight },
    });
  }
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** @returns microseconds of CPU of the longest task of a page's main thread */
function longestTask(trace: string): number {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: readonly TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  return traceEvents
    .filter(({ name, pid, tid }) => name === "RunTask" && mains.has(`${pid} ${tid}`))
    .reduce((longest, { tdur = 0 }) => Math.max(longest, tdur), 0);
}

const CATEGORIES = [
  "toplevel",
  "devtools.timeline",
  "disabled-by-default-devtools.timeline",
  "v8.execute",
  "blink.user_timing",
];

export async function frameTimes(
  page: Page,
  server: ApiServer,
  throttle: (rate: number) => Promise<void>,
): Promise<readonly FrameTimes[]> {
  const found: FrameTimes[] = [];
  await page.addInitScript(WATCH);
  for (const { name, prepare = listIsThere, act } of SCENARIOS) {
    // Once as it is felt, with the CPU held back, and once for its CPU time, with the CPU as it is. Both times on a
    // page that was just opened: what a page does for the first time takes longest.
    await prepare(page);
    await frames(page, 30);
    await throttle(4);
    await page.evaluate("window.benchFrames && (window.benchFrames.longest = 0)");
    await act(page, server);
    const frameMs = await page.evaluate<number>("window.benchFrames.longest");
    await throttle(1);
    const browser = page.context().browser();
    if (browser === null) throw new Error("the page has no browser");
    await prepare(page);
    await frames(page, 30);
    await browser.startTracing(page, { categories: CATEGORIES });
    await act(page, server);
    const trace = await browser.stopTracing();
    found.push({ scenario: name, frameMs, taskMs: (longestTask(trace.toString("utf8")) / 1000) * 4 });
  }
  return found;
}
