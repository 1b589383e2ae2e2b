/** The console over HTTP: pages, REST, one stream of events, and the headers that keep a browser honest. */
import { createServer as createTlsServer } from "node:https";
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { faultsOf } from "./described.ts";
import { addStream } from "./follow.ts";
import { addLogin } from "./login.ts";
import { bodyOf, openApi } from "./openapi.ts";
import { addBadge, page } from "./pages.ts";
import type { Answer } from "./route.ts";
import { ROUTES } from "./routes.ts";
import { type ConsoleOptions, type Served, type TlsFiles, userOf } from "./served.ts";
import { shown, shownText } from "./shown.ts";
import { createStream } from "./stream.ts";
import { createViewers, type Viewers } from "./viewers.ts";

export interface RunningConsole {
  /** http://HOST:PORT plus the base path */
  readonly url: string;
  /** How many pages follow the stream now. */
  viewers(): number;
  stop(): Promise<void>;
}

const BODY_BYTES = 64 * 1024;

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** @throws Error when the port is taken */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const { host, port, basePath, tls } = options;
  const viewers = createViewers();
  const stream = createStream(options.canaries, options.runs, options.clock, options.signal);
  const app = createApp({ ...options, stream }, viewers);
  const outer = basePath === "/" ? app : new Hono().route(basePath.replace(/\/$/, ""), app);
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: outer.fetch, hostname: host, port, ...serverOf(tls) }, (address) => {
      resolve({
        url: `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${address.port}${basePath}`,
        viewers: viewers.count,
        stop: () =>
          new Promise((done) => {
            server.close(() => done());
            if ("closeAllConnections" in server) server.closeAllConnections();
          }),
      });
    });
    server.once("error", reject);
  });
}

/** Cookies of a person with many groups are longer than Node takes by itself. */
const HEADER_BYTES = 64 * 1024;

function serverOf(tls: TlsFiles | undefined) {
  const serverOptions = { maxHeaderSize: HEADER_BYTES };
  if (tls === undefined) return { serverOptions };
  const { ca, ...own } = tls;
  // A probe shows no certificate: each request of a person is held to it, see sessions.ts.
  const client = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
  return { createServer: createTlsServer, serverOptions: { ...serverOptions, ...own, ...client } };
}

function createApp(options: Served, viewers: Viewers): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    const frames = options.frameAncestors ?? [];
    // As it was sent: to the browser "/%65mbed/" is no address of an embed, and would be the console itself in a frame.
    const { pathname } = new URL(context.req.url);
    if (frames.length > 0 && pathname.startsWith(`${options.basePath}embed/`))
      context.header(
        "content-security-policy",
        POLICY.replace("frame-ancestors 'none'", `frame-ancestors ${frames.join(" ")}`),
      );
  });
  const tooLarge = (context: Context) => context.json({ error: "the request is larger than 64 KB" }, 413);
  app.use(bodyLimit({ maxSize: BODY_BYTES, onError: tooLarge }));
  app.use(async (context, next) => {
    const refusal = wrongHost(options, context) ?? crossSite(context);
    return refusal === undefined ? await next() : context.json({ error: refusal }, 403);
  });
  app.onError((error, context) => context.json({ error: shownText(error.message) }, 502));

  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/api/v1/openapi.json", (context) => context.json(openApi(options.basePath)));
  for (const path of ["/api/v1/canaries", "/api/v1/runs", "/assets/*"]) app.use(path, compress());
  addLogin(app, options);
  addRoutes(app, options);
  addStream(app, options, viewers);
  addBadge(app, options);

  // Every other address is a page: the browser draws it from the path.
  app.get("*", (context) => page(options, context));
  return app;
}

/**
 * As Kubernetes has it for Canaries, their releases and namespaces. Any other text might lead to another path of the
 * API server.
 */
const OBJECT_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

function addRoutes(app: Hono, options: Served): void {
  const { access, signal } = options;
  for (const route of ROUTES) {
    const described = bodyOf(route.method, route.path);
    app.on(route.method, route.path, async (context) => {
      const user = await userOf(options, context);
      if (user === undefined) return context.json({ error: "sign in first" }, 401);
      const params = context.req.param() as Record<string, string>;
      const asked = ["namespace", "canary"].flatMap((name) => context.req.query(name) || []);
      const stranger = [...Object.values(params), ...asked].find((value) => !OBJECT_NAME.test(value));
      if (stranger !== undefined) return context.json({ error: `${JSON.stringify(stranger)} is no name` }, 400);
      if (route.right !== undefined) {
        const { verb, resource } = route.right;
        const refusal = await access.refusal(
          user,
          verb,
          resource,
          params["namespace"] ?? "",
          params["name"] ?? "",
          signal,
        );
        if (refusal !== undefined) return context.json({ error: refusal }, 403);
      }
      const body = route.method === "POST" ? await jsonOf(context) : undefined;
      if (body === NO_JSON)
        return context.json({ error: "the body must be JSON, with content-type application/json" }, 415);
      // A word that is misspelt, or of another type, would be passed over: the canary would be frozen without an end.
      const [fault] = described === undefined ? [] : faultsOf(body, described, "the body");
      if (fault !== undefined) return context.json({ error: fault }, 400);
      return reply(
        context,
        await route.handle(options, { user, params, query: (name) => context.req.query(name), body }),
      );
    });
  }
}

/**
 * On a laptop only these names reach the console: a page of a stranger cannot make a name of its own point here. Where
 * people must sign in such a page has no session.
 */
function wrongHost({ access: { mode }, host: listensAt }: ConsoleOptions, context: Context): string | undefined {
  const isOpen = mode === "none" && (listensAt === "localhost" || isLoopback(listensAt));
  if (mode !== "local" && !isOpen) return undefined;
  const host = (context.req.header("host") ?? "").replace(/:\d+$/, "");
  return ["localhost", "127.0.0.1", "[::1]"].includes(host) ? undefined : `the host name ${host} is not served`;
}

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

function crossSite(context: Context): string | undefined {
  if (context.req.method === "GET") return undefined;
  const site = context.req.header("sec-fetch-site");
  const origin = context.req.header("origin");
  const fromHere = origin === undefined || hostOf(origin) === context.req.header("host");
  const allowed = site === undefined ? fromHere : site === "same-origin" || site === "none";
  return allowed && fromHere ? undefined : "requests of other sites are refused";
}

/** undefined: it is no address. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

const NO_JSON = Symbol("no JSON");

async function jsonOf(context: Context): Promise<unknown> {
  if (!/^application\/json\b/.test(context.req.header("content-type") ?? "")) return NO_JSON;
  try {
    return await context.req.json();
  } catch {
    return NO_JSON;
  }
}

function reply(context: Context, { status, body, lines }: Answer): Response {
  context.header("cache-control", "no-store");
  if (lines === undefined) return context.json(shown(body) as object, status as 200);
  context.header("content-type", "application/json");
  return context.body(onLines(shown(body) as { readonly rows: readonly unknown[] }), status as 200);
}

function onLines({ rows, ...others }: { readonly rows: readonly unknown[] }): string {
  const [first, last] = ['{"rows":[', `],${JSON.stringify(others).slice(1)}`];
  return [first, ...rows.map((row, at) => `${JSON.stringify(row)}${at < rows.length - 1 ? "," : ""}`), last].join("\n");
}
