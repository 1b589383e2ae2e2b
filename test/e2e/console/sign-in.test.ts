/**
 * People of a cluster at the console in a real browser: the form of the sign-in, a person without rights, one who may
 * only look, a session that ends while a page is open, and the pages that other sites show in a frame. axe finds
 * nothing in either theme.
 */
import { createServer } from "node:http";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServedConsole } from "../../../src/cli/serve-console.ts";
import { namespaced } from "../../../src/ports/kubernetes.ts";
import { closed, listening } from "../harness/servers.ts";
import { CHROMIUM, faultsOf, shoot, startBrowser, VIEWS } from "./browser.ts";
import { startWorld, type World } from "./world.ts";

const PATIENCE_MS = 300_000;
const RBAC = "rbac.authorization.k8s.io";

let world: World;
let browser: Browser;
let served: ServedConsole;
/** A site of another team, that the console lets show its embeds, and one that it does not. */
let friend: Awaited<ReturnType<typeof startSite>>;
let stranger: Awaited<ReturnType<typeof startSite>>;

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  world = await startWorld();
  friend = await startSite();
  stranger = await startSite();
  served = await world.serve({ mode: "token", frameAncestors: [friend.origin] });
  friend.shows = stranger.shows = served.url;
  const binding = { apiVersion: `${RBAC}/v1`, metadata: { name: "looks", namespace: "test" } };
  const rules = [
    { apiGroups: ["flagger.app", "aviary.flagger.app"], resources: ["canaries", "canaryruns"], verbs: ["get", "list"] },
  ];
  world.server.cluster.create(namespaced(RBAC, "v1", "Role", "roles"), { ...binding, kind: "Role", rules });
  world.server.cluster.create(namespaced(RBAC, "v1", "RoleBinding", "rolebindings"), {
    ...{ ...binding, kind: "RoleBinding", roleRef: { apiGroup: RBAC, kind: "Role", name: "looks" } },
    subjects: [{ kind: "ServiceAccount", name: "viewer", namespace: "test" }],
  });
  browser = await startBrowser();
}, PATIENCE_MS);
afterAll(async () => {
  await browser?.close();
  for (const site of [friend, stranger]) await site?.stop();
  await world?.stop();
});

/** A page with the address of an embed in a frame. */
async function startSite() {
  const site = { origin: "", shows: "", stop: () => closed(server) };
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<title>portal</title><iframe title="canary" width="900" height="700"
      src="${site.shows}embed${request.url}"></iframe>`);
  });
  site.origin = await listening(server);
  return site;
}

async function visit(address: string, context?: BrowserContext): Promise<Page> {
  const own = context ?? (await browser.newContext({ bypassCSP: true }));
  const page = await own.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(address);
  return page;
}

/** By keyboard alone. */
async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel("A bearer token of this cluster").focus();
  await page.keyboard.type(world.server.tokenFor("test", name));
  await page.keyboard.press("Enter");
}

async function looked(page: Page, name: string): Promise<void> {
  for (const [colorScheme, width] of VIEWS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await shoot(page, `${name}-${colorScheme}-${width}`);
    expect(await faultsOf(page)).toEqual([]);
  }
}

describe.runIf(CHROMIUM !== undefined)("a console that asks for a token", { timeout: PATIENCE_MS }, () => {
  it("says that a token is wrong, takes a right one, and leads to the page that the person wanted", async () => {
    const page = await visit(`${served.url}canaries/test/podinfo`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await looked(page, "sign-in");
    await page.getByLabel("A bearer token of this cluster").fill("nonsense");
    await page.keyboard.press("Enter");
    await page.getByText("may have expired").waitFor();
    await looked(page, "sign-in-refused");
    await signIn(page, "viewer");
    await page.getByRole("heading", { name: "podinfo" }).waitFor();
    expect(await page.evaluate("localStorage.length + sessionStorage.length")).toBe(0);
    await page.context().close();
  });

  it("shows a person without rights nothing, says how much is hidden and what is missing", async () => {
    const page = await visit(served.url);
    await signIn(page, "stranger");
    await page.getByText("You have no right to list canaries.").waitFor();
    await looked(page, "no-rights-now");
    for (const [address, words] of [
      ["canaries/test/podinfo", "you have no right to get canaries in namespace test"],
      ["runs/test/podinfo-rolled-back", "you have no right to get canaryruns in namespace test"],
      ["checks", "you have no right to list canaries in all namespaces"],
    ] as const) {
      await page.goto(served.url + address);
      await page.getByText(words).waitFor();
      await page.getByRole("link", { name: "What you may do" }).waitFor();
    }
    await looked(page, "no-rights-checks");
    await page.context().close();
  });

  it("offers a person who may only look no button, and says which right is missing", async () => {
    const page = await visit(`${served.url}canaries/test/checkout`);
    await signIn(page, "viewer");
    await page.getByText("Nothing can be done now.").waitFor();
    await page.getByText("Why the others cannot be used").click();
    await page.getByText("you have no right to pause canaries in namespace test").waitFor();
    await page.getByText("You have no right to list pods here.").first().waitFor();
    await looked(page, "viewer-canary");
    await page.context().close();
  });

  it("asks a person to sign in again when the session ends while a page is open, on the same page", async () => {
    const page = await visit(`${served.url}canaries/test/checkout`);
    await signIn(page, "viewer");
    await page.getByRole("heading", { name: "checkout" }).waitFor();
    await page.context().clearCookies();
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, "viewer");
    await page.getByRole("heading", { name: "Releases", exact: true }).waitFor();
    await page.context().close();
  });
});

describe.runIf(CHROMIUM !== undefined)("a page in the frame of another site", { timeout: PATIENCE_MS }, () => {
  it("shows a canary and a release to a person who is signed in, with links that leave the frame", async () => {
    const first = await visit(`${friend.origin}/canaries/test/checkout`);
    await first.frameLocator("iframe").getByText("and sign in there").waitFor();
    await shoot(first, "embed-signed-out");
    const context = first.context();
    await signIn(await visit(served.url, context), "viewer");
    for (const [address, heading] of [
      ["canaries/test/checkout", "checkout"],
      ["runs/test/podinfo-rolled-back", "podinfo"],
    ] as const) {
      const page = await visit(`${friend.origin}/${address}`, context);
      const frame = page.frameLocator("iframe");
      await frame.getByRole("heading", { name: heading }).first().waitFor();
      const link = frame.getByRole("link", { name: "Open in the console" });
      expect(await link.getAttribute("target")).toBe("_blank");
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await shoot(page, `embed-${heading}-${colorScheme}`);
        for (const inner of page.frames().slice(1)) expect(await faultsOf(inner)).toEqual([]);
      }
      const alone = await visit(`${served.url}embed/${address}`, context);
      await alone.getByRole("heading", { name: heading }).first().waitFor();
      await looked(alone, `embed-alone-${heading}`);
    }
    await context.close();
  });

  it("is not shown by a site that the console does not name, and no other page is shown in a frame at all", async () => {
    // The browser itself keeps the policy: it is not bypassed here.
    const context = await browser.newContext();
    await signIn(await visit(served.url, context), "viewer");
    const page = await visit(`${stranger.origin}/canaries/test/checkout`, context);
    await page.waitForLoadState("load");
    expect(
      page
        .frames()
        .map((frame) => frame.url())
        .at(1),
    ).toMatch(/^chrome-error:/);
    for (const [address, site] of [
      ["embed/canaries/test/checkout", friend.origin],
      ["canaries/test/checkout", "'none'"],
    ] as const) {
      const answer = await context.request.get(served.url + address);
      expect(answer.headers()["content-security-policy"]).toContain(`frame-ancestors ${site}`);
    }
    await context.close();
  });
});
