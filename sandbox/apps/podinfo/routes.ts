/** podinfo's HTTP API, endpoint by endpoint. */
import { createHash } from "node:crypto";
import { cpus } from "node:os";
import type { AppContext } from "../../apps.ts";
import type { PodinfoFlags } from "./flags.ts";
import { type Exchange, type Route, readBody, sendBuffer, sendJson, sendText } from "./server.ts";
import { swagger } from "./swagger.ts";
import { issueToken, validateToken } from "./token.ts";

/** What the endpoints read and change: one instance's memory. */
export interface PodinfoState {
  readonly context: AppContext;
  readonly flags: PodinfoFlags;
  readonly version: string;
  readonly jwtSecret: string;
  ready: boolean;
  healthy: boolean;
  /** Set over HTTP: every endpoint but the probes answers 500. */
  faulty: boolean;
  readonly metricsText: () => string;
  readonly connections: () => number;
  /** Ends the program at once. */
  readonly crash: (code: number) => void;
  /** Calls back after so many seconds, unless the program has crashed by then. */
  readonly later: (seconds: number, run: () => void) => void;
  readonly random: () => number;
}

const REVISION = "sandbox";

function get(path: string, serve: Route["serve"], probe = false): Route {
  return { method: "GET", path, serve, probe };
}

function post(path: string, serve: Route["serve"], probe = false): Route {
  return { method: "POST", path, serve, probe };
}

export function routesOf(state: PodinfoState): readonly Route[] {
  return [
    ...probeRoutes(state),
    ...infoRoutes(state),
    ...behaviourRoutes(state),
    ...tokenRoutes(state),
    ...storageRoutes(),
  ];
}

function probeRoutes(state: PodinfoState): Route[] {
  const health = Buffer.from(JSON.stringify({ status: "OK" }, null, 2));
  const verdict = (holds: () => boolean) => (exchange: Exchange) => {
    if (holds()) sendBuffer(exchange.response, 200, "application/json; charset=utf-8", health);
    else sendJson(exchange.response, 503, { code: 503, message: "Service Unavailable" });
  };
  const setReady = (ready: boolean) => (exchange: Exchange) => {
    state.ready = ready;
    sendJson(exchange.response, 202, { status: "OK" });
  };
  return [
    get(
      "/healthz",
      verdict(() => state.healthy),
      true,
    ),
    get(
      "/livez",
      verdict(() => state.healthy),
      true,
    ),
    get(
      "/readyz",
      verdict(() => state.ready),
      true,
    ),
    post("/readyz/enable", setReady(true), true),
    post("/readyz/disable", setReady(false), true),
    get(
      "/metrics",
      ({ response }) =>
        sendBuffer(response, 200, "text/plain; version=0.0.4; charset=utf-8", Buffer.from(state.metricsText())),
      true,
    ),
  ];
}

function infoRoutes(state: PodinfoState): Route[] {
  const { context, flags, version } = state;
  const runtime = () => ({
    hostname: context.podName,
    version,
    revision: REVISION,
    color: flags.uiColor,
    logo: flags.uiLogo,
    message: flags.uiMessage,
    goos: "linux",
    goarch: process.arch === "x64" ? "amd64" : process.arch,
    runtime: `node ${process.version}`,
    num_goroutine: String(state.connections() + 1),
    num_cpu: String(CPUS),
  });
  // Only the connection count changes, and it may be slightly old: the answer is made at most ten times a second.
  let prepared: Buffer = Buffer.alloc(0);
  let preparedAt = Number.NEGATIVE_INFINITY;
  const info = ({ response }: Exchange) => {
    const now = performance.now();
    if (now - preparedAt > 100) {
      prepared = Buffer.from(JSON.stringify(runtime(), null, 2));
      preparedAt = now;
    }
    sendBuffer(response, 200, "application/json; charset=utf-8", prepared);
  };
  const index = (exchange: Exchange) => {
    if (exchange.request.headers["user-agent"]?.includes("Mozilla") !== true) return info(exchange);
    sendBuffer(exchange.response, 200, "text/html; charset=utf-8", Buffer.from(page(runtime())));
  };
  const configs = ({ response }: Exchange) => {
    const root = `${flags.configPath.replace(/\/+$/, "")}/`;
    const below = [...context.files].filter(([path]) => flags.configPath !== "" && path.startsWith(root));
    sendJson(
      response,
      200,
      Object.fromEntries(below.map(([p, content]) => [p.slice(root.length), Buffer.from(content).toString("utf8")])),
    );
  };
  return [
    get("/", index),
    get("/api/info", info),
    get("/version", ({ response }) => sendJson(response, 200, { commit: REVISION, version })),
    get("/env", ({ response }) =>
      sendJson(
        response,
        200,
        Object.entries(context.env).map(([k, v]) => `${k}=${v}`),
      ),
    ),
    get("/headers", ({ request, response }) => sendJson(response, 200, headersOf(request.rawHeaders))),
    get("/configs", configs),
    get("/swagger.json", ({ response }) => sendJson(response, 200, swagger(version))),
  ];
}

const CPUS = cpus().length;

/** Names as Go writes them, each with the list of its values. */
function headersOf(raw: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase().replace(/(^|-)([a-z])/g, (all) => all.toUpperCase());
    if (name === "Host") continue;
    headers[name] = [...(headers[name] ?? []), raw[i + 1] ?? ""];
  }
  return headers;
}

function page(info: Readonly<Record<string, string>>): string {
  const safe = (text = "") => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!doctype html><title>${safe(info["hostname"])}</title>
<body style="background:${safe(info["color"])};color:#fff;font-family:sans-serif;text-align:center;padding-top:20vh">
<h1>${safe(info["message"])}</h1><p>Served by ${safe(info["hostname"])}, version ${safe(info["version"])}</p>
`;
}

function behaviourRoutes(state: PodinfoState): Route[] {
  const seconds = (exchange: Exchange, ifMissing: number): number | undefined => {
    const value = exchange.parameter === "" ? ifMissing : Number(exchange.parameter);
    if (Number.isFinite(value) && value >= 0) return value;
    sendJson(exchange.response, 400, {
      code: 400,
      message: `strconv.Atoi: parsing "${exchange.parameter}": invalid syntax`,
    });
    return undefined;
  };
  const delay = (exchange: Exchange) => {
    const wait = seconds(exchange, 0);
    if (wait !== undefined) state.later(wait, () => sendJson(exchange.response, 200, { delay: wait }));
  };
  const chunked = (exchange: Exchange) => {
    const wait = seconds(exchange, Math.floor(state.random() * 10));
    if (wait === undefined) return;
    const { response } = exchange;
    response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" });
    response.flushHeaders();
    state.later(wait, () => response.end(JSON.stringify({ delay: wait }, null, 2)));
  };
  const status = ({ response, parameter }: Exchange) => {
    const code = Number(parameter);
    if (!Number.isInteger(code) || code < 200 || code > 599) {
      sendJson(response, 400, { code: 400, message: `"${parameter}" is not a status code from 200 to 599` });
    } else if (code === 204 || code === 304) response.writeHead(code).end();
    else sendJson(response, code, { status: code });
  };
  const setFaulty =
    (faulty: boolean) =>
    ({ response }: Exchange) => {
      state.faulty = faulty;
      sendJson(response, 202, { status: faulty ? "enabled" : "disabled" });
    };
  return [
    get("/delay/{wait}", delay),
    get("/chunked", chunked),
    get("/chunked/{wait}", chunked),
    get("/status/{code}", status),
    get("/panic", () => state.crash(255)),
    post("/echo", (exchange) => echo(state, exchange)),
    post("/api/echo", (exchange) => echo(state, exchange)),
    post("/fault_injection/enable", setFaulty(true), true),
    post("/fault_injection/disable", setFaulty(false), true),
    get(
      "/fault_injection/status",
      ({ response }) => sendJson(response, 200, { status: state.faulty ? "enabled" : "disabled" }),
      true,
    ),
  ];
}

/** Without backends the posted text comes back; with backends their answers do. */
async function echo({ flags }: PodinfoState, { request, response }: Exchange): Promise<void> {
  const body = await readBody(request);
  if (flags.backendUrls.length === 0) {
    sendBuffer(response, 202, "text/plain; charset=utf-8", body);
    return;
  }
  const headers = { "content-type": request.headers["content-type"] ?? "text/plain" };
  const ask = async (url: string) => {
    const answer = await fetch(url, { method: "POST", headers, body: new Uint8Array(body) });
    if (answer.status >= 400) throw new Error(`backend ${url} answered ${answer.status}`);
    return await answer.text();
  };
  try {
    sendJson(response, 202, await Promise.all(flags.backendUrls.map(ask)));
  } catch (error) {
    const message = `backend call failed: ${error instanceof Error ? error.message : String(error)}`;
    sendJson(response, 500, { code: 500, message });
  }
}

function tokenRoutes({ jwtSecret }: PodinfoState): Route[] {
  const issue = async ({ request, response }: Exchange) => {
    const user = (await readBody(request)).toString("utf8");
    sendJson(response, 200, issueToken(user === "" ? "anonymous" : user, jwtSecret, Date.now()));
  };
  const validate = ({ request, response }: Exchange) => {
    const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer === undefined) {
      sendJson(response, 401, { code: 401, message: "authorization bearer header required" });
      return;
    }
    const result = validateToken(bearer, jwtSecret, Date.now());
    if (result.kind === "refused") sendJson(response, 401, { code: 401, message: result.why });
    else sendJson(response, 200, { token_name: result.name, expires_at: result.expiresAt });
  };
  return [post("/token", issue), get("/token/validate", validate), post("/token/validate", validate)];
}

/** Files by the SHA-1 of their content, and a cache by key: both in memory, both lost with the pod. */
function storageRoutes(): Route[] {
  const files = new Map<string, Buffer>();
  const cache = new Map<string, Buffer>();
  const store = async ({ request, response }: Exchange) => {
    const content = await readBody(request);
    const hash = createHash("sha1").update(content).digest("hex");
    files.set(hash, content);
    sendJson(response, 202, { hash });
  };
  const read =
    (from: ReadonlyMap<string, Buffer>) =>
    ({ response, parameter }: Exchange) => {
      const content = from.get(parameter);
      if (content === undefined) sendJson(response, 404, { code: 404, message: "Not Found" });
      else sendBuffer(response, 200, "text/plain; charset=utf-8", content);
    };
  const save = async ({ request, response, parameter }: Exchange) => {
    cache.set(parameter, await readBody(request));
    sendText(response, 202, "");
  };
  return [
    post("/store", store),
    { method: "PUT", path: "/store", serve: store },
    get("/store/{hash}", read(files)),
    post("/cache/{key}", save),
    { method: "PUT", path: "/cache/{key}", serve: save },
    get("/cache/{key}", read(cache)),
    {
      method: "DELETE",
      path: "/cache/{key}",
      serve: ({ response, parameter }) => {
        cache.delete(parameter);
        sendText(response, 202, "");
      },
    },
  ];
}
