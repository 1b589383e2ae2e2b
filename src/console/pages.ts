/** What is no API: the built pages, and the badge of one canary. */
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import type { Context, Hono } from "hono";
import type { ConsoleOptions } from "./served.ts";
import { userOf } from "./served.ts";
import { rowOf } from "./views.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".png": "image/png",
};

export function addBadge(app: Hono, options: ConsoleOptions): void {
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

export function page({ pages, basePath }: ConsoleOptions, context: Context): Response {
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
  if (isFile) return context.body(readFileSync(found));
  return context.body(
    readFileSync(found, "utf8")
      .replaceAll('"./assets/', `"${basePath}assets/`)
      .replace("<head>", `<head><meta name="base-path" content="${basePath}">${preloads(basePath)}`),
  );
}

/** What every page reads: the browser asks for it while it still reads the script. */
const preloads = (basePath: string): string =>
  ["me", "canaries"]
    .map((name) => `<link rel="preload" as="fetch" crossorigin href="${basePath}api/v1/${name}">`)
    .join("");

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
