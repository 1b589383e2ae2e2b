/** The console over HTTP: pages, REST, one stream of events, and the headers that keep a browser honest. */
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { streamSSE } from "hono/streaming";
import type { Clock } from "../ports/clock.ts";
import type { User } from "./access.ts";
import { type Answer, type Console, visible } from "./route.ts";
import { ROUTES } from "./routes.ts";
import { createStream, type StreamEvent } from "./stream.ts";
import { rowOf } from "./views.ts";

export interface ConsoleOptions extends Console {
  readonly clock: Clock;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The folder of the built pages. */
  readonly pages: string;
  /** "/" or "/console/": where a proxy serves the console. */
  readonly basePath: string;
}

export interface RunningConsole {
  /** http://HOST:PORT plus the base path */
  readonly url: string;
  /** How many pages follow the stream now. */
  viewers(): number;
  stop(): Promise<void>;
}

const COOKIE = "aviary-console";
const BODY_BYTES = 64 * 1024;
const HEARTBEAT_MS = 15_000;
const STREAM_MS = 15 * 60_000;

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** @throws Error when the port is taken */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const { host, port, basePath } = options;
  const viewers = new Set<symbol>();
  const app = createApp(options, viewers);
  const outer = basePath === "/" ? app : new Hono().route(basePath.replace(/\/$/, ""), app);
  return await new Promise((resolve, reject) => {
    const server = serve({ fetch: outer.fetch, hostname: host, port }, (address) => {
      resolve({
        url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}${basePath}`,
        viewers: () => viewers.size,
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

/** @param viewers holds one entry for each page that follows the stream */
export function createApp(options: ConsoleOptions, viewers: Set<symbol>): Hono {
  const { access, basePath } = options;
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
  });
  app.use(async (context, next) => {
    const refusal = wrongHost(options, context) ?? crossSite(context);
    return refusal === undefined ? await next() : context.json({ error: refusal }, 403);
  });
  app.onError((error, context) => context.json({ error: error.message }, 502));

  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/login", async (context) => {
    const session = access.redeem(context.req.query("token") ?? "");
    if (session === undefined) {
      // The person who used the link may use it again, for example from the history of the browser.
      if ((await userOf(options, context)) !== undefined) return context.redirect(basePath);
      return context.text("This link was used already, or is not complete. Start `aviary console` again.\n", 401);
    }
    setCookie(context, COOKIE, session, { httpOnly: true, sameSite: "Strict", path: basePath });
    return context.redirect(basePath);
  });

  addRoutes(app, options);
  addStream(app, options, viewers);
  addBadge(app, options);

  // Every other address is a page: the browser draws it from the path.
  app.get("*", (context) => page(options, context));
  return app;
}

function addRoutes(app: Hono, options: ConsoleOptions): void {
  const { access, signal } = options;
  for (const route of ROUTES) {
    const limit = bodyLimit({
      maxSize: BODY_BYTES,
      onError: (context) => context.json({ error: "the request is larger than 64 KB" }, 413),
    });
    app.on(route.method, route.path, limit, async (context) => {
      const user = await userOf(options, context);
      if (user === undefined) return context.json({ error: "sign in first" }, 401);
      const params = context.req.param() as Record<string, string>;
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
      return reply(
        context,
        await route.handle(options, { user, params, query: (name) => context.req.query(name), body }),
      );
    });
  }
}

function addStream(app: Hono, options: ConsoleOptions, viewers: Set<symbol>): void {
  const { signal } = options;
  const stream = createStream(options.canaries, options.clock, signal);
  app.get("/api/v1/stream", async (context) => {
    const user = await userOf(options, context);
    if (user === undefined) return context.json({ error: "sign in first" }, 401);
    const namespaces = options.canaries.list().map(({ metadata }) => metadata.namespace ?? "");
    const sees = await visible(options, user, "canaries", namespaces);
    const since = Number(context.req.header("last-event-id") ?? Number.NaN);
    context.header("x-accel-buffering", "no");
    context.header("cache-control", "no-store, no-transform");
    return streamSSE(context, async (sse) => {
      const ended = new AbortController();
      sse.onAbort(() => ended.abort());
      const send = (events: readonly StreamEvent[]) => {
        for (const { id, event, data, namespace } of events) {
          if (namespace === "" || sees(namespace)) void sse.writeSSE({ id: String(id), event, data });
        }
      };
      const viewer = Symbol("viewer");
      viewers.add(viewer);
      const stop = stream.subscribe(Number.isNaN(since) ? undefined : since, send);
      await sse.writeSSE({ event: "hello", data: "{}", id: String(stream.last), retry: 2000 });
      const until = options.clock.now() + STREAM_MS;
      const any = AbortSignal.any([ended.signal, signal]);
      while (!any.aborted && options.clock.now() < until) {
        await options.clock.sleep(HEARTBEAT_MS, any).catch(() => undefined);
        if (!any.aborted) await sse.write(": still here\n\n");
      }
      viewers.delete(viewer);
      stop();
    });
  });
}

function addBadge(app: Hono, options: ConsoleOptions): void {
  const { access, signal } = options;
  app.get("/badge/:namespace/:file{.+\\.svg}", async (context) => {
    const user = await userOf(options, context);
    const { namespace, file } = context.req.param();
    const name = file.replace(/\.svg$/, "");
    const refusal = user === undefined ? "" : await access.refusal(user, "get", "canaries", namespace, name, signal);
    if (refusal !== undefined) return context.text("no right to see this canary\n", 403);
    const object = options.canaries.get(namespace, name);
    if (object === undefined) return context.text("no such canary\n", 404);
    const { phase, weight, step, steps, running } = rowOf(object);
    const text = running ? `canary ${weight} % (${step}/${steps})` : phase || "new";
    context.header("content-type", "image/svg+xml");
    context.header("cache-control", "no-cache");
    return context.body(badge(text, phase === "Failed" ? "#b3261e" : running ? "#1f5fbf" : "#1d7a46"));
  });
}

async function userOf({ access, signal }: ConsoleOptions, context: Context): Promise<User | undefined> {
  const authorization = context.req.header("authorization") ?? "";
  const bearer = /^Bearer (.+)$/i.exec(authorization)?.[1];
  return await access.user({ session: getCookie(context, COOKIE), bearer }, signal);
}

/** On a laptop only these names reach the console: a page of a stranger cannot make a name of its own point here. */
function wrongHost({ access }: ConsoleOptions, context: Context): string | undefined {
  if (access.mode !== "local") return undefined;
  const host = (context.req.header("host") ?? "").replace(/:\d+$/, "");
  return ["localhost", "127.0.0.1", "[::1]"].includes(host) ? undefined : `the host name ${host} is not served`;
}

function crossSite(context: Context): string | undefined {
  if (context.req.method === "GET") return undefined;
  const site = context.req.header("sec-fetch-site");
  const origin = context.req.header("origin");
  const fromHere = origin === undefined || new URL(origin).host === context.req.header("host");
  const allowed = site === undefined ? fromHere : site === "same-origin" || site === "none";
  return allowed && fromHere ? undefined : "requests of other sites are refused";
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

function reply(context: Context, { status, body }: Answer): Response {
  context.header("cache-control", "no-store");
  return context.json(body as object, status as 200);
}

function page({ pages, basePath }: ConsoleOptions, context: Context): Response {
  const path = normalize(context.req.path.slice(basePath.length - 1));
  const file = join(pages, path);
  const isFile = extname(path) !== "" && file.startsWith(pages) && existsSync(file);
  if (extname(path) !== "" && !isFile) return context.text("no such file\n", 404);
  const found = isFile ? file : join(pages, "index.html");
  if (!existsSync(found)) return context.text("the pages are not built: run `npm run build`\n", 500);
  context.header("content-type", TYPES[extname(found)] ?? "application/octet-stream");
  context.header(
    "cache-control",
    isFile && path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  );
  const text = readFileSync(found, "utf8");
  return context.body(
    isFile
      ? text
      : text
          .replaceAll('"./assets/', `"${basePath}assets/`)
          .replace("<head>", `<head><meta name="base-path" content="${basePath}">`),
  );
}

const CHARACTER = 6.4;

function badge(text: string, colour: string): string {
  const escaped = text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
  const width = Math.round(text.length * CHARACTER) + 16;
  const label = `role="img" aria-label="${escaped}"`;
  const font = 'font-family="Verdana,sans-serif" font-size="11"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" ${label}>`,
    `<rect width="${width}" height="20" rx="3" fill="${colour}"/>`,
    `<text x="${width / 2}" y="14" fill="#fff" text-anchor="middle" ${font}>${escaped}</text></svg>`,
  ].join("");
}
