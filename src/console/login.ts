/** How a person gets a session: by a link that works once, by a token, or at an identity provider. */
import type { Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import type { Flow } from "./oidc.ts";
import { textOf } from "./oidc.ts";
import type { ConsoleOptions } from "./served.ts";
import { userOf } from "./served.ts";
import { localCookie } from "./sessions.ts";

const LONGEST_TOKEN = 16_384;

export function addLogin(app: Hono, options: ConsoleOptions): void {
  const { access, sessions, oidc, basePath, signal } = options;
  /** Known before anyone signs in: which way to sign in there is. */
  app.get("/api/v1/login", (context) => context.json({ mode: access.mode }));

  app.get("/login", async (context) => {
    if (oidc !== undefined) return await begin(options, context);
    const session = access.redeem(context.req.query("token") ?? "");
    if (session === undefined) {
      // The person who used the link may use it again, for example from the history of the browser.
      if ((await userOf(options, context)) !== undefined) return context.redirect(basePath);
      return context.text("This link was used already, or is not complete. Start `aviary console` again.\n", 401);
    }
    setCookie(context, localCookie(context), session, { httpOnly: true, sameSite: "Strict", path: basePath });
    return context.redirect(basePath);
  });

  app.get("/callback", async (context) => {
    if (oidc === undefined) return context.text("this console has no identity provider\n", 404);
    const flow = sessions.takeFlow(context) as Flow | undefined;
    if (flow === undefined)
      return failed(context, basePath, "This sign-in took longer than ten minutes, or was begun in another browser.");
    try {
      const user = await oidc.end(new URL(context.req.url).searchParams, flow, signal);
      const problem = sessions.keep(context, user);
      return problem === undefined ? context.redirect(basePath + flow.to) : failed(context, basePath, problem);
    } catch (error) {
      return failed(context, basePath, `The identity provider's answer is not accepted: ${textOf(error)}`);
    }
  });

  app.post("/api/v1/login", async (context) => {
    if (access.mode !== "token") return context.json({ error: "this console takes no tokens" }, 404);
    const body = await context.req.json().catch(() => undefined);
    const token: unknown = body?.token;
    if (typeof token !== "string" || token === "" || token.length > LONGEST_TOKEN)
      return context.json({ error: "send a token" }, 400);
    const user = await access.review(token.trim(), signal);
    if (user === undefined)
      return context.json({ error: "the API server does not know this token: it may have expired" }, 401);
    const problem = sessions.keep(context, user);
    return problem === undefined ? context.json({ user: user.name }) : context.json({ error: problem }, 400);
  });

  app.post("/api/v1/logout", (context) => {
    sessions.end(context);
    return context.json({});
  });
}

async function begin(options: ConsoleOptions, context: Context): Promise<Response> {
  const { oidc, sessions, basePath, signal } = options;
  if (oidc === undefined) return context.text("this console has no identity provider\n", 404);
  try {
    const { url, flow } = await oidc.begin(pageOf(context.req.query("to") ?? ""), signal);
    sessions.keepFlow(context, flow);
    return context.redirect(url);
  } catch (error) {
    return failed(context, basePath, textOf(error));
  }
}

/** A path below the console and nothing else: a link must not lead a person who signs in to another site. */
function pageOf(to: string): string {
  const path = to.replace(/^\/+/, "");
  return /^[\w\-./?=&%:]*$/.test(path) && !path.includes("//") && !path.startsWith("login") ? path : "";
}

/** Plain text: a page of the browser that fails to sign in has no script to trust. */
const failed = (context: Context, basePath: string, why: string): Response =>
  context.text(`${why}\n\nTry again: ${basePath}login\n`, 403);
