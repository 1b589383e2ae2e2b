import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { claimAddressBlock } from "../sandbox/addresses.ts";
import { startApiServer } from "../sandbox/api-server/index.ts";
import { fillWithCanaries } from "./canaries.ts";
import { frameTimes } from "./console-frames.ts";

const folder = mkdtempSync(join(tmpdir(), "console9-bench-"));
const addresses = await claimAddressBlock();
const server = await startApiServer({ addresses });
fillWithCanaries(server, 5000);
const kubeconfig = join(folder, "kubeconfig");
writeFileSync(kubeconfig, server.kubeconfig);
const child = spawn(process.execPath, ["bin/aviary", "console", "--kubeconfig", kubeconfig], { stdio: ["ignore", "pipe", "inherit"] });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const link = await new Promise<string>((resolve) => {
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    const found = /^console: (\S+)$/m.exec(said)?.[1];
    if (found !== undefined) resolve(found);
  });
});
const page = await (await browser.newContext({ bypassCSP: true })).newPage();
await page.goto(link);
await page.waitForSelector("h1");
await page.goto(new URL("canaries", link).href);
await page.waitForSelector("tbody tr[aria-rowindex]");
const session = await page.context().newCDPSession(page);
const throttle = async (rate: number) => void (await session.send("Emulation.setCPUThrottlingRate", { rate }));
const found = await frameTimes(browser, page, server, throttle, (name, trace) =>
  writeFileSync(`/tmp/console9-trace/${name.replace(/\W+/g, "-")}.json`, trace),
);
console.table(found.map((f) => ({ ...f, frameMs: Math.round(f.frameMs), taskMs: Math.round(f.taskMs * 10) / 10 })));
await browser.close();
child.kill("SIGTERM");
await server.stop();
await addresses.release();
