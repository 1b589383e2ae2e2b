/**
 * Markup and scripts in every field that a tenant, a webhook, a metric server or another person writes, on every page
 * and in a frame. The policy that the server sends is switched off, so that the pages alone have to hold: nothing that
 * is planted runs, asks another server, or becomes an element.
 */
import { createServer } from "node:http";
import type { Browser, BrowserContext, Frame, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../../sandbox/api-server/index.ts";
import type { ServedConsole } from "../../../src/cli/serve-console.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import { closed, listening } from "../harness/servers.ts";
import { CHROMIUM, startBrowser } from "./browser.ts";
import { canary, canaryRun, deployment, event, freeze, pod } from "./objects.ts";
import { put, startWorld, type World } from "./world.ts";

const PATIENCE_MS = 600_000;

let world: World;
let browser: Browser;
let context: BrowserContext;
/** A server of the attacker. What a planted element asks for arrives here. */
let trap: { readonly origin: string; readonly asked: string[]; stop(): Promise<void> };
/** Another team's page, which shows the address after its own in a frame. */
let portal: { readonly origin: string; shows: string; stop(): Promise<void> };
let framed: ServedConsole;

const plantOf = (origin: string) =>
  `\u202e"'>\`</script></style></title></textarea><script>fetch("${origin}/script");globalThis.owned=1</script>` +
  `<img src="${origin}/img" onerror="globalThis.owned=2"><svg onload="globalThis.owned=3"><iframe srcdoc="<script>1</script>">` +
  `<a href="javascript:globalThis.owned=4">click</a>{{constructor.constructor("globalThis.owned=5")()}}\${globalThis.owned=6}`;

/** Everything that a stranger may write, of a canary that waits for a person and of one whose release ended. */
function fill(server: ApiServer, plant: string): void {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const webhooks = ["confirm-promotion", "confirm-rollout", "rollout"].map((type) => ({
    ...{ name: plant, type, url: "http://x/" },
    metadata: { cmd: plant },
  }));
  const metrics = [{ name: plant, query: plant, interval: "1m", thresholdRange: { min: 99 } }];
  const cause = { kind: "abort", by: plant, reason: plant, step: 1, steps: 5, weight: 10 };
  const paused = { by: plant, at: Date.now() - 1000, reason: plant };
  const states: Readonly<Record<string, object>> = {
    waits: { phase: "WaitingPromotion", aviary: { step: 2, run: { id: "waits-rolled-back", startedAt: 1 } } },
    paused: { phase: "Progressing", aviary: { step: 2, paused, run: { id: plant, startedAt: 1 } } },
    failed: { phase: "Failed", aviary: { cause } },
    frozen: { phase: "Initialized", aviary: { saidReason: "Frozen", said: plant } },
    overridden: { phase: "Progressing", aviary: { override: { by: plant, freeze: plant, reason: plant } } },
  };
  for (const [name, state] of Object.entries(states)) {
    const conditions = [{ type: "Promoted", status: "False", reason: "Failed", message: plant }];
    const status = { canaryWeight: 20, failedChecks: 1, lastTransitionTime: ago(60), conditions, ...state };
    const object = canary(name, status, { webhooks, metrics });
    const marks = { annotations: { note: plant, "kubectl.kubernetes.io/last-applied-configuration": plant } };
    const { uid = "" } = put(server, RESOURCES.canary, {
      ...object,
      metadata: { ...object.metadata, ...marks },
    }).metadata;
    const run = canaryRun(name, { ago, verdict: "rolled-back", text: plant });
    const images = { app: plant, [plant]: plant };
    const check = { ...{ at: ago(900), step: 1, weight: 10, of: plant, check: plant, source: plant }, passed: false };
    server.cluster.create(STEERING.run, {
      ...run,
      spec: {
        ...run["spec"],
        ...{ images, previousImages: { app: `${plant}2`, gone: plant }, changedConfigs: [plant] },
        ...{ revision: plant, previousRevision: plant, strategy: plant },
        steps: [
          { weight: 10, mirror: false, gates: [plant] },
          { weight: plant, mirror: plant, gates: plant },
        ],
      },
      status: {
        ...run["status"],
        ...{ sentence: plant, offSplit: { promised: plant, measured: 1, canary: 1, primary: 1 } },
        checks: [...run["status"].checks, check, { ...check, detail: plant, value: 1, min: 2 }],
        timeline: [...run["status"].timeline, { at: plant, type: plant, message: plant, reason: plant }],
        people: [{ at: plant, verb: plant, by: plant, outcome: plant, reason: plant, message: plant }],
      },
    });
    // A record of another name says that it is about this canary, and names one that leads elsewhere.
    const stray = canaryRun(name, { ago, verdict: "promoted", text: plant });
    server.cluster.create(STEERING.run, {
      ...stray,
      spec: { ...stray["spec"], canary: `../../api/v1/login?${plant}` },
    });
    server.cluster.create(RESOURCES.event, event(name, uid, ago(5), "Warning", plant));
    const app = deployment(name, plant);
    server.cluster.create(RESOURCES.deployment, app);
    server.cluster.create(RESOURCES.deployment, deployment(`${name}-primary`, plant));
    put(server, RESOURCES.pod, pod(name, 1, { ready: false, why: plant, said: plant }));
    put(server, RESOURCES.pod, pod(`${name}-primary`, 1, { ready: true, restarts: 3 }));
  }
  server.cluster.create(STEERING.freeze, freeze("shop", { reason: plant, by: plant.slice(0, 200), canaries: ["a"] }));
}

async function startPortal() {
  const site = { origin: "", shows: "", stop: () => closed(server) };
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(
      `<title>portal</title><iframe width="900" height="700" src="${site.shows}${request.url?.slice(1)}"></iframe>`,
    );
  });
  site.origin = await listening(server);
  return site;
}

async function startTrap() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end();
  });
  return { origin: await listening(server), asked, stop: () => closed(server) };
}

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  trap = await startTrap();
  world = await startWorld((server) => fill(server, plantOf(trap.origin)));
  portal = await startPortal();
  framed = await world.serve({ frameAncestors: [portal.origin] });
  portal.shows = framed.url;
  browser = await startBrowser();
  context = await browser.newContext({ viewport: { width: 900, height: 900 }, bypassCSP: true });
}, PATIENCE_MS);
afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await world?.stop();
  await trap?.stop();
});

async function open(address: string, within = context): Promise<Page> {
  const page = await within.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("dialog", (dialog) => {
    trap.asked.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(address);
  return page;
}

const settled = async (page: Page | Frame) => {
  await page.waitForSelector("h1:not(.sr)");
  await page.waitForSelector(".loading", { state: "detached" });
};

/** Elements that no page of the console has, what has run, and characters that turn the direction of writing. */
const PLANTED = `(() => ({
  elements: document.querySelectorAll("#app :is(img, script, iframe, object, embed, style, [onload], [onerror], [srcdoc])").length,
  links: [...document.querySelectorAll("a[href]")].map((a) => a.href).filter((href) => !href.startsWith(location.origin + "/")),
  owned: globalThis.owned,
  turned: /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText + document.title),
}))()`;
const NOTHING = { elements: 0, links: [], owned: undefined, turned: false };

/** What a person clicks to change a release. */
const STEERS = 'section[aria-label^="Steer"], .verbs, dialog, form';
const FRAMED_NOWHERE = "frame-ancestors 'none'";
const CANARIES = ["waits", "paused", "failed", "frozen", "overridden"];
const PAGES = [
  ...["", "canaries", "runs", "gates", "freezes", "insights", "checks", "me"],
  ...CANARIES.map((name) => `canaries/test/${name}`),
  ...["runs/test/waits-rolled-back", "runs/test/waits-promoted"],
  "compare?a=test/waits-rolled-back&b=test/failed-rolled-back",
  "canaries?q=%22%3E%3Cimg%20src%3Dx%20onerror%3D%22globalThis.owned%3D7%22%3E",
  "canaries/test/%3Cimg%20src=x%20onerror=owned=8%3E",
  "compare?a=%3Cscript%3E/x&b=javascript:/x",
];

describe.runIf(CHROMIUM !== undefined)("text of strangers", { timeout: PATIENCE_MS }, () => {
  it("runs nothing, asks for nothing and is no element, on any page", async () => {
    const page = await open(world.console.link);
    await settled(page);
    for (const address of PAGES) {
      await page.goto(world.console.url + address);
      await settled(page);
      expect([address, await page.evaluate(PLANTED)]).toEqual([address, NOTHING]);
    }
    // It was there to be seen.
    await page.goto(`${world.console.url}runs/test/waits-rolled-back`);
    await settled(page);
    expect(await page.locator("main").innerText()).toContain("<img src=");
    expect(trap.asked).toEqual([]);
    await page.close();
  });

  it("is text in the dialog that asks a person whether a gate shall open", async () => {
    const page = await open(`${world.console.url}canaries/test/waits`);
    await settled(page);
    await page.getByRole("button", { name: /^Approve/ }).click();
    await page.locator("dialog[open]").waitFor();
    expect(await page.evaluate(PLANTED)).toEqual(NOTHING);
    expect(await page.locator("dialog[open]").innerText()).toContain("<script>");
    await page.close();
  });

  it("is text in a frame of another site", async () => {
    await (await open(framed.link)).close();
    for (const address of ["canaries/test/waits", "canaries/test/failed", "runs/test/waits-rolled-back"]) {
      const page = await open(`${portal.origin}/embed/${address}`);
      const frame = page.frames()[1] as Frame;
      await settled(frame);
      expect([address, await frame.evaluate(PLANTED)]).toEqual([address, NOTHING]);
      await page.close();
    }
    expect(trap.asked).toEqual([]);
  });
});

describe.runIf(CHROMIUM !== undefined)("a frame of another site", { timeout: PATIENCE_MS }, () => {
  it("offers no verb for any key, though the person may steer", async () => {
    // The portal is another origin of the same site: a browser sends the cookie of the console along.
    await (await open(framed.link)).close();
    const alone = await open(`${framed.url}canaries/test/waits`);
    await alone.getByRole("button", { name: /^Approve/ }).waitFor();
    await alone.close();
    const page = await open(`${portal.origin}/embed/canaries/test/waits`);
    const frame = page.frames()[1] as Frame;
    await settled(frame);
    await frame.getByRole("link", { name: "Open in the console" }).waitFor();
    expect(await frame.locator(STEERS).count()).toBe(0);
    // A page can give the frame the focus, and let a person type.
    await frame.locator("body").focus();
    for (const keys of ["gc", "gf", "gw", "/", "?"]) await page.keyboard.type(keys);
    expect(await frame.locator(STEERS).count()).toBe(0);
    await page.close();
  });

  it("gets no page but an embed, in any notation of its address", async () => {
    for (const path of [
      "%65mbed/canaries/test/waits",
      "embed%2fcanaries/test/waits",
      "canaries/test/waits",
      "em%62ed/x",
    ]) {
      const answer = await context.request.get(framed.url + path);
      expect([path, answer.headers()["content-security-policy"]]).toEqual([
        path,
        expect.stringContaining(FRAMED_NOWHERE),
      ]);
    }
    const embed = await context.request.get(`${framed.url}embed/canaries/test/waits`);
    expect(embed.headers()["content-security-policy"]).toContain(`frame-ancestors ${portal.origin}`);
  });

  it("hears nothing and is obeyed in nothing by messages", async () => {
    await (await open(framed.link)).close();
    const page = await open(`${portal.origin}/embed/canaries/test/waits`);
    const frame = page.frames()[1] as Frame;
    await settled(frame);
    const came = "let n = 0; addEventListener('message', () => { if (++n === 4) all(); })";
    await frame.evaluate(`globalThis.came = new Promise((all) => { ${came} }); 0`);
    await page.evaluate(`
      globalThis.heard = [];
      addEventListener("message", (message) => heard.push(message.data));
      for (const data of [{ kind: "ask" }, { kind: "row", verb: "promote" }, "<img src=x>", { path: "/canaries" }])
        document.querySelector("iframe").contentWindow.postMessage(data, "*");
    `);
    await frame.evaluate("came");
    expect(await page.evaluate("heard")).toEqual([]);
    expect(await frame.evaluate(PLANTED)).toEqual(NOTHING);
    expect(world.server.cluster.list(STEERING.action)).toEqual([]);
    await page.close();
  });
});
