/** Chromium for the tests of the console, where the machine has one. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";
import { NIGHTLY } from "../../seed.ts";

export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

const SHOTS = process.env["CONSOLE_SHOTS"];

type View = readonly [theme: "light" | "dark", width: number];
const FURTHER: readonly View[] = [
  ["dark", 1440],
  ["light", 320],
];

/**
 * How each page is looked at: in each theme, and in each width in pixels. At night, and for screenshots, in each pair.
 */
export const VIEWS: readonly [View, ...View[]] = [
  ["light", 1440],
  ...(NIGHTLY || SHOTS !== undefined ? FURTHER : []),
  ["dark", 320],
];

/** A page is loaded once for each width: colours follow the reader's choice without a reload. */
export const loadsFor = (view: View): boolean => VIEWS[VIEWS.indexOf(view) - 1]?.[1] !== view[1];

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
    // What passes is not described: that takes longer than the checks.
    `globalThis.axe.run({ resultTypes: ["violations"] })`,
  );
  const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
  return [
    ...violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    ...(isWide === true ? ["the page scrolls sideways"] : []),
  ];
}

/** Leaves a screenshot in the folder that CONSOLE_SHOTS names; without it nothing. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}
