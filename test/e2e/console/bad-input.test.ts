/**
 * Foreign text in every field, a proxy that cuts the stream, a server that goes away, two tabs, the back button: the
 * pages stay pages. Scripts in names and messages stay text, under the policy that the server sends.
 */
import { createServer, request, type Server } from "node:http";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../sandbox/api-server/index.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { closed, listening } from "../harness/servers.ts";
import { CHROMIUM, startBrowser } from "./browser.ts";
import { canary, canaryRun, event } from "./objects.ts";
import { put, startWorld, type World } from "./world.ts";

const PATIENCE_MS = 300_000;
const TEXTS = {
  script: '"><img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>',
  rtl: "\u202egnissim si egami\u202c שלום العالم",
  emoji: "🦜👩‍👩‍👧‍👦 e\u0301\u0301\u0301\u0301",
  control: "a\u0000\u001b[31mred\u0007\r\nb",
} as const;

let world: World;
let browser: Browser;
let context: BrowserContext;
const errors: string[] = [];

function foreign(server: ApiServer): void {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  for (const [name, text] of Object.entries(TEXTS)) {
    const message = text.replaceAll("\u0000", "");
    const status = {
      ...{ phase: "Failed", canaryWeight: 0, failedChecks: 0 },
      conditions: [{ type: "Promoted", status: "False", reason: "Failed", message }],
    };
    const object = canary(name, status, {
      webhooks: [{ name: message.slice(0, 200), type: "confirm-promotion", url: "http://x/" }],
    });
    const { uid } = put(server, RESOURCES.canary, object).metadata;
    const run = canaryRun(name, { ago, verdict: "rolled-back", text: message });
    const images = { app: message.slice(0, 500) };
    server.cluster.create(STEERING.run, {
      ...run,
      spec: { ...run["spec"], images, changedConfigs: [message.slice(0, 500)] },
      status: { ...run["status"], sentence: message },
    });
    server.cluster.create(RESOURCES.event, event(name, uid ?? "", ago(5), "Warning", message));
  }
}

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  world = await startWorld(foreign);
  browser = await startBrowser();
  context = await browser.newContext({ viewport: { width: 800, height: 900 } });
  const page = await open(world.console.link);
  await page.waitForSelector("h1");
}, PATIENCE_MS);
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

async function open(address: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(address);
  return page;
}

function weigh(name: string, canaryWeight: number): void {
  const before = world.server.cluster.get(RESOURCES.canary, "test", name) as KubeObject;
  const status = { ...before["status"], phase: "Progressing", canaryWeight };
  world.server.cluster.updateStatus(RESOURCES.canary, { ...before, status });
}

const settled = async (page: Page) => {
  await page.waitForSelector("h1:not(.sr)");
  await page.waitForSelector(".loading", { state: "detached" });
};

describe.runIf(CHROMIUM !== undefined)("the pages", { timeout: PATIENCE_MS }, () => {
  it.each(Object.keys(TEXTS))("show %s as text in every field, and stay within the window", async (name) => {
    const page = await open(`${world.console.url}canaries/test/${name}`);
    for (const address of [
      `canaries/test/${name}`,
      `runs/test/${name}-rolled-back`,
      "",
      "canaries",
      "runs",
      "insights",
    ]) {
      await page.goto(world.console.url + address);
      await settled(page);
      expect(await page.title()).not.toContain("owned");
      expect(await page.locator("main img, main script").count()).toBe(0);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
    await page.close();
  });

  it("go back and forth, and keep a search in the address", async () => {
    const page = await open(`${world.console.url}canaries`);
    await settled(page);
    await page.getByRole("searchbox").fill("emoji");
    await page.locator("tbody").getByRole("link", { name: "emoji" }).click();
    await page.getByRole("heading", { name: "emoji" }).waitFor();
    await page.goBack();
    expect(await page.getByRole("searchbox").inputValue()).toBe("emoji");
    await page.goForward();
    await page.getByRole("heading", { name: "emoji" }).waitFor();
    await page.close();
  });

  it("show a change in two tabs at once", async () => {
    const tabs = await Promise.all([open(`${world.console.url}canaries`), open(`${world.console.url}canaries`)]);
    for (const tab of tabs) await settled(tab);
    weigh("emoji", 35);
    for (const tab of tabs) await tab.getByText("35 %").first().waitFor();
    for (const tab of tabs) await tab.close();
  });

  it("are live again after a proxy has cut the stream, and say so meanwhile", async () => {
    const proxy = await startProxy(world.console.url);
    const page = await open(`${proxy.url}canaries`);
    // A cookie belongs to a host and not to a port: the proxy gets it, too.
    await settled(page);
    await page.getByText("live", { exact: false }).first().waitFor();
    proxy.cut();
    await page.locator(".fresh.stale").waitFor();
    proxy.mend();
    await page.locator(".fresh.live").waitFor();
    await page.close();
    await proxy.stop();
  });

  it("share one stream for all tabs of a browser; when the tab that reads it closes, the next one goes on", async () => {
    const proxy = await startProxy(world.console.url);
    const first = await open(`${proxy.url}canaries`);
    await first.locator(".fresh.live").waitFor();
    const second = await open(`${proxy.url}canaries`);
    await second.locator(".fresh.live").waitFor();
    await settled(second);
    expect(proxy.streams()).toBe(1);
    weigh("rtl", 15);
    for (const tab of [first, second]) await tab.getByText("15 %").first().waitFor();
    await first.close();
    weigh("rtl", 25);
    await second.getByText("25 %").first().waitFor();
    await expect.poll(proxy.streams, { timeout: PATIENCE_MS }).toBe(1);
    await second.close();
    await proxy.stop();
  });

  it("read the list every ten seconds behind a proxy that holds the stream back, and say so", async () => {
    const proxy = await startProxy(world.console.url);
    proxy.hold();
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${proxy.url}canaries`);
    await settled(page);
    weigh("script", 45);
    await page.clock.runFor(40_000);
    await page.getByText("45 %").first().waitFor({ timeout: PATIENCE_MS });
    await page.getByText("not live: reading every 10 s").waitFor({ timeout: PATIENCE_MS });
    await page.close();
    await proxy.stop();
  });

  it("name a computer's clock that is wrong, and count from the server's", async () => {
    const page = await context.newPage();
    await page.clock.install({ time: Date.now() + 3 * 3_600_000 });
    await page.goto(`${world.console.url}canaries/test/emoji`);
    await settled(page);
    await page.getByText("your clock is 3 h ahead").waitFor({ timeout: PATIENCE_MS });
    expect(await page.locator("main").innerText()).not.toMatch(/\b[23] h\b/);
    await page.close();
  });

  it("show a canary with an annotation of 10 MB like any other, and send none of it", async () => {
    const metadata = { name: "heavy", namespace: "test", annotations: { note: "x".repeat(10_000_000) } };
    const heavy = canary("heavy", { phase: "Progressing", canaryWeight: 20, failedChecks: 0 });
    put(world.server, RESOURCES.canary, { ...heavy, metadata });
    const page = await open(`${world.console.url}canaries/test/heavy`);
    await page.getByRole("heading", { name: "heavy" }).waitFor();
    const answer = await context.request.get(`${world.console.url}api/v1/canaries/test/heavy`);
    expect((await answer.body()).length).toBeLessThan(20_000);
    await page.close();
  });

  it("say that the cluster does not answer while the API server is away, and go on when it is back", async () => {
    const page = await open(`${world.console.url}canaries/test/emoji`);
    await settled(page);
    const outage = await world.outage();
    await page.goto(`${world.console.url}canaries/test/rtl`);
    await page.getByRole("heading", { name: "The cluster does not answer" }).waitFor();
    await outage.end();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "rtl" }).waitFor();
    weigh("rtl", 55);
    await page.getByText("55 %").first().waitFor();
    await page.close();
  });

  it("throw no errors", () => expect(errors).toEqual([]));
});

/** A proxy between browser and console that can refuse everything, or hold the stream back, and counts open streams. */
async function startProxy(to: string) {
  let isCut = false;
  let isHeld = false;
  let streams = 0;
  const server: Server = createServer((asked, answer) => {
    const isStream = asked.url?.includes("/stream") === true;
    if (isStream) {
      streams += 1;
      answer.once("close", () => {
        streams -= 1;
      });
    }
    if (isStream && isHeld) return;
    if (isCut) {
      answer.destroy();
      return;
    }
    const { hostname, port } = new URL(to);
    const passed = request(
      { hostname, port, path: asked.url, method: asked.method, headers: asked.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      },
    );
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    asked.pipe(passed);
  });
  return {
    url: `${await listening(server)}/`,
    cut() {
      isCut = true;
      server.closeAllConnections();
    },
    hold() {
      isHeld = true;
    },
    streams: () => streams,
    mend() {
      isCut = false;
    },
    stop: () => closed(server),
  };
}
