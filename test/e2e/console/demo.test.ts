/** A new user runs the demo, opens its console, and finds out why the second release was rolled back. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { CHROMIUM, shoot, startBrowser } from "./browser.ts";

/** The demo itself gives a busy machine this long for each release. */
const PATIENCE_MS = 1_800_000;

it.runIf(CHROMIUM !== undefined)(
  "the demo's console shows both releases, says why the second was rolled back, and the demo stays until it is closed",
  { timeout: PATIENCE_MS },
  async () => {
    const demo = spawn(process.execPath, [join(PROJECT_ROOT, "bin/aviary"), "demo"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => demo.once("exit", resolve));
    let said = "";
    const link = await new Promise<string>((resolve, reject) => {
      demo.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const found = /^console: (\S+)$/m.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
      void ended.then((code) => reject(new Error(`the demo ended with code ${code}:\n${said}`)));
    });
    const browser = await startBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
      page.setDefaultTimeout(PATIENCE_MS);
      const shot = (name: string) => shoot(page, `demo-${name}`);
      await page.goto(link);
      await page.getByRole("link", { name: "podinfo" }).first().waitFor();
      // The first release is under way, and the page says how far it is.
      await page
        .getByText(/Step [2-9] of \d+/)
        .first()
        .waitFor();
      await shot("under-way");
      await page.getByRole("link", { name: "podinfo" }).first().click();
      await page.getByRole("heading", { name: "podinfo" }).waitFor();
      await shot("canary-under-way");
      await page.getByRole("link", { name: /^Now/ }).click();
      // The first page of the console has the reason, with numbers, without a click.
      await page
        .getByText(/Rolled back at step \d+ of \d+ .*request-success-rate \d+\.\d+ % < 95 %/)
        .first()
        .waitFor();
      await shot("rolled-back");
      await page.getByRole("link", { name: "podinfo" }).first().click();
      await page.getByRole("heading", { name: "podinfo" }).waitFor();
      await shot("canary-rolled-back");
      await page.locator("main").getByRole("link", { name: "podinfo" }).first().click();
      await page.getByRole("heading", { name: "What changed" }).waitFor();
      await shot("run");
      await expect.poll(() => said, { timeout: PATIENCE_MS }).toContain("The demo stays until you close it");
      // The release begins when Prometheus answers.
      expect(said).not.toContain("Error checking metric providers");
      expect(demo.exitCode).toBeNull();
    } finally {
      await browser.close();
    }
    expect(await ended, said).toBe(0);
  },
);
