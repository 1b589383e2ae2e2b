/** Chromium for the tests of the console, where the machine has one. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

export async function startBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("this machine has no Chromium");
  return await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(" ") });
}

/** Leaves a screenshot in the folder that CONSOLE_SHOTS names; without it nothing. */
export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env["CONSOLE_SHOTS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
