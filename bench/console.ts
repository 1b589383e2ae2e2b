/**
 * The console with 5,000 canaries: the first rows, scrolling, a change on the screen, and what 100 open streams cost.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { Agent, request } from "undici";
import { claimAddressBlock } from "../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../sandbox/api-server/index.ts";
import { type KubeObject, RESOURCES } from "../src/ports/kubernetes.ts";
import { systemClock } from "../src/time/system-clock.ts";
import { fillWithCanaries } from "./canaries.ts";
import { frameTimes } from "./console-frames.ts";
import { type Figure, ms } from "./figure.ts";
import { familyCpuMs, familyMemoryMb } from "./sandbox-process.ts";

const CANARIES = 5000;
const STREAMS = 100;
const SLOWER = 4;
const REST_MS = 20_000;
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const PROGRAM = join(process.cwd(), "bin/aviary");
const notAborted = new AbortController().signal;

export async function benchConsole(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "aviary-bench-console-"));
  const addresses = await claimAddressBlock();
  const server = await startApiServer({ addresses });
  fillWithCanaries(server, CANARIES);
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, server.kubeconfig);
  const child = spawn(process.execPath, [PROGRAM, "console", "--kubeconfig", kubeconfig], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const link = await linkOf(child);
    return [...(await inBrowser(browser, server, link)), ...(await streams(browser, child, link))];
  } finally {
    await browser.close();
    child.kill("SIGTERM");
    await server.stop();
    await addresses.release();
    rmSync(folder, { recursive: true });
  }
}

function linkOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`the console ended with code ${code}: ${said}`)));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /^console: (\S+)$/m.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
}

async function inBrowser(browser: Browser, server: ApiServer, link: string): Promise<readonly Figure[]> {
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  cookie = "";
  await page.goto(link);
  await page.waitForSelector("h1");
  cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  const began = performance.now();
  await page.goto(new URL("canaries", link).href);
  await page.waitForSelector("tbody tr[aria-rowindex]");
  const firstRows = performance.now() - began;
  const throttle = async (rate: number) => {
    await session.send("Emulation.setCPUThrottlingRate", { rate });
  };
  await throttle(1);
  const update = await updateMs(page, server);
  const found = await frameTimes(page, server, throttle);
  return [
    figure(`console: first rows of ${CANARIES} canaries, CPU ${SLOWER}x slower`, firstRows, 1000),
    figure("console: a change on the screen after the write", update, 500),
    ...found.flatMap(({ scenario, frameMs, taskMs }) => [
      figure(`console: longest frame, CPU ${SLOWER}x slower: ${scenario}`, frameMs, 50),
      figure(`console: its longest task, ${SLOWER} x CPU time: ${scenario}`, taskMs, 50),
    ]),
  ];
}

let cookie = "";

const figure = (what: string, measured: number, aim: number): Figure => ({
  ...{ what, measured: ms(measured), aim: `<= ${aim} ms`, met: measured <= aim },
});

async function updateMs(page: Page, server: ApiServer): Promise<number> {
  await page.evaluate(`document.querySelector(".rows").scrollTop = 0`);
  const row = page.locator("tbody tr[aria-rowindex='2']");
  const name = (await row.locator("a").textContent()) ?? "";
  const namespace = (await row.locator("th .dim").textContent()) ?? "";
  const before = server.cluster.get(RESOURCES.canary, namespace, name) as KubeObject;
  const seen = page.waitForFunction(
    `document.querySelector("tbody tr[aria-rowindex='2']").textContent.includes("33 %")`,
  );
  const began = performance.now();
  server.cluster.updateStatus(RESOURCES.canary, { ...before, status: { ...before["status"], canaryWeight: 33 } });
  await seen;
  return performance.now() - began;
}

async function streams(browser: Browser, child: ChildProcess, link: string): Promise<readonly Figure[]> {
  for (const context of browser.contexts()) await context.close();
  const dispatcher = new Agent({ connections: STREAMS + 1, bodyTimeout: 0 });
  const address = new URL("api/v1/stream", link).href;
  const open = await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const { body } = await request(address, { dispatcher, headers: { cookie } });
      body.resume();
      return body;
    }),
  );
  const pid = child.pid ?? 0;
  const before = familyCpuMs(pid);
  await systemClock.sleep(REST_MS, notAborted);
  const cpu = ((familyCpuMs(pid) - before) / REST_MS) * 100;
  const mb = familyMemoryMb(pid);
  for (const body of open) body.destroy();
  await dispatcher.destroy();
  return [
    {
      ...{ what: `console: memory, ${CANARIES} canaries and ${STREAMS} streams`, measured: `${Math.round(mb)} MB` },
      ...{ aim: "<= 200 MB", met: mb <= 200 },
    },
    {
      ...{ what: `console: CPU when idle with ${STREAMS} streams`, measured: `${cpu.toFixed(2)} %` },
      ...{ aim: "< 2 %", met: cpu < 2 },
    },
  ];
}
