/**
 * Who may come in, over real HTTP: tokens and roles of the sandbox's API server, an identity provider of the test's
 * own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../cli/cluster.ts";
import { AUTH_OPTIONS, signInOf } from "../cli/console-auth.ts";
import { readOptions } from "../cli/options.ts";
import { type ServeOptions, serveConsole } from "../cli/serve-console.ts";
import { crds } from "../crd/index.ts";
import { type KubeFields, namespaced, RESOURCES } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { type Identity, startProvider } from "../testing/oidc-provider.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const RBAC = "rbac.authorization.k8s.io";
const ROLE = namespaced(RBAC, "v1", "Role", "roles");
const ROLE_BINDING = namespaced(RBAC, "v1", "RoleBinding", "rolebindings");

let folder: string;
let server: ApiServer;
let provider: Awaited<ReturnType<typeof startProvider>>;
const undo: (() => Promise<unknown> | unknown)[] = [];
const agent = new Agent();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "console-sign-in-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const addresses = await claimAddressBlock();
  undo.push(() => addresses.release());
  server = await startApiServer({ addresses });
  undo.push(() => server.stop());
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  for (const name of ["test", "other"])
    server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  writeFileSync(join(folder, "kubeconfig"), server.kubeconfig);
  mkdirSync(join(folder, "pages"));
  writeFileSync(join(folder, "pages/index.html"), "<html><head></head></html>");
  for (const namespace of ["test", "other"]) {
    server.cluster.create(RESOURCES.canary, {
      ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo", namespace } },
      spec: {
        targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
        service: { port: 80 },
        analysis: { interval: "10s", threshold: 5, maxWeight: 50, stepWeight: 10 },
      },
    });
  }
  bind("viewer", ["get", "list"], [{ kind: "Group", name: "team-shop", apiGroup: RBAC }]);
  bind(
    "operator",
    ["get", "list", "pause"],
    [
      { kind: "User", name: "alice@example.com", apiGroup: RBAC },
      { kind: "ServiceAccount", name: "robot", namespace: "test" },
    ],
  );
  provider = await startProvider();
  undo.push(() => provider.stop());
  undo.push(() => agent.close());
});
afterAll(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

/** A role in the namespace `test`. */
function bind(name: string, verbs: readonly string[], subjects: readonly KubeFields[]): void {
  const types = { apiVersion: `${RBAC}/v1`, metadata: { name, namespace: "test" } };
  const rules = [{ apiGroups: ["flagger.app"], resources: ["canaries"], verbs }];
  server.cluster.create(ROLE, { ...types, kind: "Role", rules });
  const roleRef = { apiGroup: RBAC, kind: "Role", name };
  server.cluster.create(ROLE_BINDING, { ...types, kind: "RoleBinding", roleRef, subjects });
}

async function start(options: Partial<ServeOptions>) {
  const stopped = new AbortController();
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: join(folder, "kubeconfig") });
  const running = await serveConsole(
    client,
    {
      ...{ mode: "oidc", host: "127.0.0.1", port: 0, basePath: "/", cookieSecret: KEY },
      ...{ pages: join(folder, "pages"), ...options },
    },
    stopped.signal,
  );
  undo.push(async () => {
    await running.stop();
    stopped.abort();
  });
  return running.url;
}

const oidc = (url: string, parts: Partial<NonNullable<ServeOptions["oidc"]>> = {}) => ({
  ...{ issuer: provider.issuer, clientId: "aviary", clientSecret: "s3cret", redirectUri: `${url}callback` },
  ...{ scopes: "openid email groups", usernameClaim: "email", groupsClaim: "groups", isInsecureAllowed: true },
  ...{ usernamePrefix: "", groupsPrefix: "", groupsFilter: "", ...parts },
});

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly location: string;
  /** name=value, without attributes */
  readonly cookies: readonly string[];
  readonly attributes: readonly string[];
}

async function ask(url: string, headers: Readonly<Record<string, string>> = {}, body?: unknown): Promise<Reply> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await request(url, {
    ...{ method: body === undefined ? "GET" : "POST", dispatcher: agent, headers: { ...json, ...headers } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const set = [answer.headers["set-cookie"] ?? []].flat();
  const kept = set.filter((cookie) => !/Max-Age=0/i.test(cookie));
  return {
    ...{ status: answer.statusCode, text: await answer.body.text(), attributes: set },
    location: String(answer.headers["location"] ?? ""),
    cookies: kept.map((cookie) => cookie.split(";")[0] ?? ""),
  };
}

/** Goes the whole way of a browser: console, provider, back to the console. */
async function signIn(url: string, identity: Identity, to = ""): Promise<Reply> {
  const begun = await ask(`${url}login?to=${encodeURIComponent(to)}`);
  provider.identity = identity;
  const sent = await ask(begun.location);
  return await ask(sent.location, { cookie: begun.cookies.join("; ") });
}

const ALICE: Identity = { email: "alice@example.com", email_verified: true, groups: ["team-shop", "team-mail"] };
const me = async (url: string, cookies: readonly string[]) =>
  await ask(`${url}api/v1/me`, { cookie: cookies.join("; ") });

/** The console must know its own address before it starts: the port is chosen, then the console is started there. */
async function oidcConsole(parts: Partial<NonNullable<ServeOptions["oidc"]>> = {}, more: Partial<ServeOptions> = {}) {
  const url = await start({ ...more, oidc: oidc("http://console.test/", parts) });
  // The provider sends people to the address that it was told: here it is the console that was just started.
  provider.sendTo = url;
  return url;
}

describe("a sign-in at an identity provider", () => {
  it("names the person and the groups, and leads to the page that the person wanted", async () => {
    const url = await oidcConsole();
    const back = await signIn(url, ALICE, "canaries/test/podinfo?tab=events");
    expect([back.status, back.location]).toEqual([302, "/canaries/test/podinfo?tab=events"]);
    const { status, text } = await me(url, back.cookies);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ user: "alice@example.com", mode: "oidc", canSteer: true });
    expect(JSON.parse(text).groups).toEqual(["team-shop", "team-mail", "system:authenticated"]);
  });

  it("asks with PKCE, state and nonce, and hands the code in with the verifier", async () => {
    const url = await oidcConsole();
    const { location } = await ask(`${url}login`);
    const asked = new URL(location).searchParams;
    expect(asked.get("code_challenge_method")).toBe("S256");
    for (const name of ["code_challenge", "state", "nonce"]) expect(asked.get(name)?.length).toBeGreaterThan(20);
  });

  it("keeps no session: another replica with the same key knows the person, one with another key does not", async () => {
    const url = await oidcConsole();
    const { cookies } = await signIn(url, ALICE);
    const second = await start({ oidc: oidc(url) });
    const foreign = await start({ oidc: oidc(url), cookieSecret: KEY.toUpperCase() });
    expect((await me(second, cookies)).status).toBe(200);
    expect((await me(foreign, cookies)).status).toBe(401);
  });

  it.each<readonly [string, Identity]>([
    ["a nonce of another sign-in", { ...ALICE, nonce: "another" }],
    ["a signature of another key", { ...ALICE, isForged: true }],
    ["a token that has expired", { ...ALICE, expiresInSeconds: -3600 }],
    ["a token for another client", { ...ALICE, audience: "another" }],
    ["an address that is not verified", { ...ALICE, email_verified: false }],
    ["no address", { ...ALICE, email: undefined }],
  ])("refuses %s, and says so", async (_name, identity) => {
    const url = await oidcConsole();
    const back = await signIn(url, identity);
    expect([back.status, back.text.length > 20]).toEqual([403, true]);
    expect(back.cookies).toEqual([]);
  });

  it("refuses an answer that this browser has not asked for", async () => {
    const url = await oidcConsole();
    const [mine, other] = [await ask(`${url}login`), await ask(`${url}login`)];
    provider.identity = ALICE;
    const sent = await ask(mine.location);
    expect((await ask(sent.location)).status).toBe(403);
    expect((await ask(sent.location, { cookie: other.cookies.join("; ") })).status).toBe(403);
  });

  it.each(["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)//"])(
    "leads to no other site: %s",
    async (to) => {
      const url = await oidcConsole();
      const { location } = await signIn(url, ALICE, to);
      expect(new URL(location, url).origin).toBe(new URL(url).origin);
    },
  );

  it("takes 300 groups, each cookie within 4 KB; says what to do when they do not fit", async () => {
    const url = await oidcConsole();
    const groups = Array.from({ length: 300 }, () => crypto.randomUUID());
    const { cookies } = await signIn(url, { ...ALICE, groups });
    for (const cookie of cookies) expect(cookie.length).toBeLessThan(4096);
    expect(JSON.parse((await me(url, cookies)).text).groups).toHaveLength(301);
    const more = Array.from({ length: 3000 }, () => crypto.randomUUID());
    const refused = await signIn(url, { ...ALICE, groups: more });
    expect([refused.status, refused.text]).toEqual([403, expect.stringMatching(/3000 groups.*--oidc-groups-filter/s)]);
    const filtered = await oidcConsole({ groupsFilter: "team-" });
    const { cookies: few } = await signIn(filtered, { ...ALICE, groups: ["team-shop", ...more] });
    expect(JSON.parse((await me(filtered, few)).text).groups).toEqual(["team-shop", "system:authenticated"]);
  });

  it("gives no person a name or group of the system", async () => {
    const url = await oidcConsole();
    const { cookies } = await signIn(url, { ...ALICE, groups: ["system:masters", "team-shop"] });
    expect(JSON.parse((await me(url, cookies)).text).groups).toEqual(["team-shop", "system:authenticated"]);
    const master = await signIn(url, { ...ALICE, email: "system:admin" });
    expect((await me(url, master.cookies)).status).toBe(401);
  });

  it("uses cookies that no other host can set, where browsers come by https", async () => {
    const url = await oidcConsole({}, { isSecure: true });
    const { attributes } = await signIn(url, ALICE);
    const session = attributes.filter((cookie) => cookie.includes("aviary-session-0"));
    expect(session[0]).toMatch(
      /^__Host-aviary-session-0=.*; Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  it("ends when the person signs out", async () => {
    const url = await oidcConsole();
    const { cookies } = await signIn(url, ALICE);
    const { attributes } = await ask(`${url}api/v1/logout`, { cookie: cookies.join("; ") }, {});
    expect(attributes.some((cookie) => /aviary-session-0=;.*Max-Age=0/.test(cookie))).toBe(true);
  });

  it("says which provider does not answer", async () => {
    const url = await start({ oidc: { ...oidc("http://console.test/"), issuer: "http://127.0.0.1:1" } });
    expect(await ask(`${url}login`)).toMatchObject({ status: 403, text: expect.stringContaining("127.0.0.1:1") });
  });
});

describe("rights", () => {
  it("let a person see the namespace of the roles, and count what is hidden", async () => {
    const url = await oidcConsole();
    const { cookies } = await signIn(url, { ...ALICE, email: "bob@example.com" });
    const cookie = cookies.join("; ");
    const { rows, hidden } = JSON.parse((await ask(`${url}api/v1/canaries`, { cookie })).text);
    expect([rows.map(({ namespace }: KubeFields) => namespace), hidden]).toEqual([["test"], 1]);
    expect((await ask(`${url}api/v1/canaries/test/podinfo`, { cookie })).status).toBe(200);
    const other = await ask(`${url}api/v1/canaries/other/podinfo`, { cookie });
    expect([other.status, other.text]).toEqual([403, expect.stringContaining("you have no right to get canaries")]);
    expect((await ask(`${url}api/v1/checks`, { cookie })).status).toBe(403);
  });

  it("let a person act as far as the roles go, in the person's name; a refusal creates nothing", async () => {
    const url = await oidcConsole();
    const act = async (cookies: readonly string[], verb: string) =>
      await ask(`${url}api/v1/canaries/test/podinfo/actions`, { cookie: cookies.join("; ") }, { verb });
    const bob = await signIn(url, { ...ALICE, email: "bob@example.com" });
    expect(await act(bob.cookies, "pause")).toMatchObject({
      status: 403,
      text: expect.stringContaining("you have no right to pause canaries in namespace test"),
    });
    expect(server.cluster.list(STEERING.action)).toEqual([]);
    const alice = await signIn(url, ALICE);
    expect((await act(alice.cookies, "abort")).status).toBe(403);
    const seen: unknown[] = [];
    // An operator that obeys.
    const stop = server.cluster.watch(STEERING.action, ({ object }) => {
      if (object["status"] !== undefined) return;
      seen.push(object["spec"].by);
      const status = { phase: "Applied", message: "stays at 0 %", at: new Date().toISOString() };
      server.cluster.updateStatus(STEERING.action, { ...object, status });
    });
    expect((await act(alice.cookies, "pause")).status).toBe(202);
    stop();
    expect(seen[0]).toBe("alice@example.com");
  });

  it("hide pods, events and releases from a person who may see canaries only, and say so", async () => {
    const url = await oidcConsole();
    const { cookies } = await signIn(url, { ...ALICE, email: "bob@example.com" });
    const { text } = await ask(`${url}api/v1/canaries/test/podinfo`, { cookie: cookies.join("; ") });
    expect(JSON.parse(text).notShown).toEqual(["pods", "events", "releases"]);
  });
});

describe("a bearer token", () => {
  const token = () => server.tokenFor("test", "robot");

  it("is reviewed by the API server, in the header and by the form; the cookie does not hold it", async () => {
    const url = await start({ mode: "token" });
    const robot = "system:serviceaccount:test:robot";
    const asked = await ask(`${url}api/v1/me`, { authorization: `Bearer ${token()}` });
    expect(JSON.parse(asked.text).user).toBe(robot);
    const { status, cookies } = await ask(`${url}api/v1/login`, {}, { token: token() });
    expect(status).toBe(200);
    expect(cookies.join()).not.toContain(token());
    expect(JSON.parse((await me(url, cookies)).text).user).toBe(robot);
  });

  it("is refused when the API server does not know it", async () => {
    const url = await start({ mode: "token" });
    expect(await ask(`${url}api/v1/login`, {}, { token: "nonsense" })).toMatchObject({
      status: 401,
      text: expect.stringContaining("may have expired"),
    });
    expect((await ask(`${url}api/v1/login`, {}, { token: 5 })).status).toBe(400);
  });

  it("is taken from this site only", async () => {
    const url = await start({ mode: "token" });
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect((await ask(`${url}api/v1/login`, foreign, { token: token() })).status).toBe(403);
  });
});

describe("a proxy", () => {
  const proxy = {
    ...{ user: "X-Forwarded-User", groups: "X-Forwarded-Groups" },
    proof: { header: "X-Aviary-Proxy-Secret", secret: KEY },
  };
  const alice = { "x-forwarded-user": "alice@example.com", "x-forwarded-groups": "team-shop, system:masters" };

  it("names the user when it proves itself, and no one else does", async () => {
    const url = await start({ mode: "proxy", proxy });
    expect((await ask(`${url}api/v1/me`, alice)).status).toBe(401);
    expect((await ask(`${url}api/v1/me`, { ...alice, "x-aviary-proxy-secret": "guess" })).status).toBe(401);
    const asked = await ask(`${url}api/v1/me`, { ...alice, "x-aviary-proxy-secret": KEY });
    expect(JSON.parse(asked.text)).toMatchObject({
      user: "alice@example.com",
      groups: ["team-shop", "system:authenticated"],
    });
  });
});

describe("the options", () => {
  const read =
    (...argv: readonly string[]) =>
    () =>
      signInOf(readOptions(argv, AUTH_OPTIONS));
  const file = (content: string) => {
    const path = join(folder, `file-${content.length}`);
    writeFileSync(path, content);
    return path;
  };

  it.each<readonly [string, () => readonly string[], RegExp]>([
    ["a proxy without a proof", () => ["--auth", "proxy"], /needs a proof/],
    ["a key that is short", () => ["--cookie-key-file", file("short")], /at least 32 characters/],
    ["a key that is not there", () => ["--cookie-key-file", "/nowhere"], /ENOENT/],
    ["a provider without a client", () => ["--auth", "oidc", "--oidc-issuer", "https://x"], /--oidc-client-id/],
    ["an address that is none", () => ["--external-url", "console"], /must be a URL/],
    ["a certificate without its key", () => ["--tls-cert-file", file("cert")], /--tls-key-file/],
    ["a frame of any site", () => ["--frame-ancestors", "*"], /must list sites/],
  ])("refuse %s: the console never starts with less protection than was asked for", (_name, argv, message) => {
    expect(read(...argv())).toThrow(message);
  });
});
