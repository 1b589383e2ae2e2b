/**
 * The longest frame of the list of 5,000 canaries in each thing that a person does there. The time between two frames
 * is what a person feels; the longest task of the page's main thread, by its CPU time, is free of other load.
 */
import type { Browser, Page } from "playwright-core";
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
  readonly act: (page: Page, server: ApiServer) => Promise<void>;
}

const search = (page: Page) => page.locator('input[type="search"]');

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "jumps of 1,000 px",
    act: (page) => frames(page, 200, `document.querySelector(".rows").scrollTop += 1000;`),
  },
  {
    name: "from end to end and back",
    act: (page) => frames(page, 60, `{ const box = document.querySelector(".rows");
      box.scrollTop = frame % 2 === 0 ? box.scrollHeight : 0; }`),
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
export function longestTask(trace: string): number {
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

const CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "v8.execute", "blink.user_timing"];

export async function frameTimes(
  browser: Browser,
  page: Page,
  server: ApiServer,
  throttle: (rate: number) => Promise<void>,
  keep?: (name: string, trace: Buffer) => void,
): Promise<readonly FrameTimes[]> {
  const found: FrameTimes[] = [];
  const load: Scenario = {
    name: "the first two seconds",
    act: async (opened) => {
      await opened.reload();
      await opened.waitForSelector("tbody tr[aria-rowindex]");
      await frames(opened, 120);
    },
  };
  await page.addInitScript(WATCH);
  for (const { name, act } of [load, ...SCENARIOS]) {
    await frames(page, 30);
    // Once as it is felt, with the CPU held back, and once for its CPU time, with the CPU as it is.
    await throttle(4);
    await page.evaluate("window.benchFrames && (window.benchFrames.longest = 0)");
    await act(page, server);
    const frameMs = await page.evaluate<number>("window.benchFrames.longest");
    await throttle(1);
    await browser.startTracing(page, { categories: CATEGORIES });
    await act(page, server);
    const trace = await browser.stopTracing();
    keep?.(name, trace);
    found.push({ scenario: name, frameMs, taskMs: (longestTask(trace.toString("utf8")) / 1000) * 4 });
  }
  return found;
}
