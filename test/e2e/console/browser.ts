/** Chromium for the tests of the console, where the machine has one. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";

export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** How each page is looked at: theme and width in pixels. */
export const VIEWS = [
  ["light", 1440],
  ["dark", 1440],
  ["light", 320],
  ["dark", 320],
] as const;

const QUIET =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

export async function startBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("this machine has no Chromium");
  return await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(" ") });
}

const AXE = () => readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds on the page, and whether the page scrolls sideways. The page's security policy must be bypassed. */
export async function faultsOf(page: Page | Frame): Promise<readonly string[]> {
  await page.evaluate(AXE());
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    "globalThis.axe.run()",
  );
  const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
  return [
    ...violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    ...(isWide === true ? ["the page scrolls sideways"] : []),
  ];
}

/** Leaves a screenshot in the folder that CONSOLE_SHOTS names; without it nothing. */
export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env["CONSOLE_SHOTS"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
