/**
 * One request on its way through the mesh:
 *
 *   route --fault, CORS, redirect--> destination by weight --> pool --> pod --try--> answer --> caller
 *                                                               ^--- retry: another pod --'
 *
 * A try that certainly did no work (no connection; or a kept connection that was closed under a request) is repeated
 * silently, so that pods may come and go unnoticed by users. All other repetitions are the route's retry policy.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { judge, type Member, type Pool, pick } from "../pools.ts";
import { choose, RequestView, type Route } from "../routes/route.ts";
import { affinityOf } from "./affinity.ts";
import { type Failure, startAttempt } from "./attempt.ts";
import { takeBody } from "./body.ts";
import { answerPreflight, corsHeaders } from "./cors.ts";
import type { Door, Surroundings } from "./door.ts";
import { editTwice, headerOf, requestHeaders, responseHeaders, setHeader } from "./headers.ts";
import { sendMirrors } from "./mirror.ts";
import { admitted } from "./queue.ts";
import {
  BAD_REQUEST,
  FAULT_BODY,
  NO_CLUSTER,
  NO_HEALTHY,
  NO_ROUTE,
  OVERFLOW,
  type Reply,
  TIMEOUT,
  unreachable,
} from "./replies.ts";
import { reportExchange, reportTry } from "./reports.ts";
import { mayRetry, pauseMs, repeatsSilently } from "./retry.ts";
import type { Exchange } from "./state.ts";

/** Serves one request. Never throws: every error becomes an answer. */
export function serveExchange(around: Surroundings, door: Door, request: IncomingMessage, response: ServerResponse) {
  const source = door.source(request.socket.remoteAddress ?? "");
  const view = new RequestView(request, request.headers.host ?? "", door.port, source);
  const meshed = door.meshed();
  const exchange: Exchange = {
    around,
    door,
    request,
    response,
    view,
    startedAt: performance.now(),
    meshed,
    route: undefined,
    destination: undefined,
    pool: undefined,
    body: { kind: "none" },
    path: request.url ?? "/",
    headers: [],
    affinity: undefined,
    member: undefined,
    cancel: () => {},
    tried: [],
    triedAt: 0,
    retries: 0,
    silentTries: 0,
    flags: "-",
    requestBytes: 0,
    responseBytes: 0,
    status: 0,
    deadline: undefined,
    over: false,
  };
  response.once("close", () => onClosed(exchange));
  exchange.route = door.routeFor(view);
  if (exchange.route === undefined) return reply(exchange, NO_ROUTE);
  if (exchange.route.cors !== undefined && answerPreflight(exchange, exchange.route.cors)) return;
  injectFault(exchange, exchange.route, () => perform(exchange, exchange.route ?? unreachableRoute()));
}

function unreachableRoute(): never {
  throw new Error("an exchange went on without a route");
}

function injectFault(exchange: Exchange, { fault }: Route, next: () => void) {
  if (fault === undefined) return next();
  const { random } = exchange.around;
  const delayed = fault.delayMs > 0 && random() < fault.delayShare;
  const aborted = fault.abortShare > 0 && random() < fault.abortShare;
  const go = () => {
    if (delayed) exchange.flags = "DI";
    if (aborted) reply(exchange, { code: fault.abortStatus, flags: delayed ? "DI,FI" : "FI", text: FAULT_BODY });
    else next();
  };
  if (!delayed) return go();
  const timer = setTimeout(go, fault.delayMs);
  exchange.cancel = () => clearTimeout(timer);
}

function perform(exchange: Exchange, route: Route) {
  const { action } = route;
  if (action.kind === "forward") return forward(exchange, route);
  const { response, request, meshed } = exchange;
  request.resume();
  const headers: string[] = [];
  const body = action.kind === "answer" ? action.body : Buffer.alloc(0);
  if (action.kind === "redirect") headers.push("location", action.location(exchange.view));
  else if (body.length > 0) headers.push("content-type", "text/plain");
  editTwice(headers, route.response, undefined);
  if (meshed) corsHeaders(exchange, headers);
  exchange.status = action.status;
  exchange.responseBytes = body.length;
  headers.push("content-length", String(body.length));
  writeOwnHead(response, action.status, headers);
  response.end(body);
}

function forward(exchange: Exchange, route: Route) {
  const { around, door, request, view } = exchange;
  const destination = route.action.kind === "forward" ? choose(route.action.split, around.random) : undefined;
  if (destination === undefined) return reply(exchange, NO_CLUSTER);
  const pool = around.pools.find(destination.service, destination.port, destination.subset, door.port, exchange.meshed);
  exchange.destination = destination;
  exchange.pool = pool;
  if (pool === undefined) return reply(exchange, NO_CLUSTER);
  if (route.rewrite !== undefined) exchange.path = route.rewrite(view);
  const headers = requestHeaders(request, exchange.meshed, door.gateway);
  editTwice(headers, route.request, destination.request);
  const host = destination.request?.authority ?? route.request?.authority ?? route.authority ?? view.authority;
  headers.push("Host", host);
  exchange.headers = headers;
  exchange.affinity = affinityOf(exchange, pool);
  if (route.timeoutMs > 0) exchange.deadline = setTimeout(() => onDeadline(exchange), route.timeoutMs);
  takeBody(request, (body) => {
    exchange.body = body;
    if (exchange.over) return;
    if (route.mirrors.length > 0) sendMirrors(exchange, route.mirrors, host);
    tryNext(exchange, pool, route);
  });
}

function onDeadline(exchange: Exchange): void {
  exchange.cancel();
  exchange.cancel = () => {};
  if (exchange.response.headersSent) {
    exchange.flags = "UT";
    exchange.response.destroy();
    return;
  }
  if (exchange.pool !== undefined && exchange.member !== undefined) judge(exchange.pool, exchange.member, 504);
  reply(exchange, TIMEOUT);
}

/**
 * Picks a pod and tries it, as soon as the pool has room: a pod that is picked before the wait may be gone after it.
 */
function tryNext(exchange: Exchange, pool: Pool, route: Route): void {
  const fits = admitted(exchange, pool, (done) => {
    const member = pick(pool, exchange.around.random, exchange.affinity?.hash, exchange.tried);
    if (member !== undefined) return attempt(exchange, pool, member, route, done);
    done();
    return reply(exchange, NO_HEALTHY);
  });
  if (!fits) reply(exchange, OVERFLOW);
}

function attempt(exchange: Exchange, pool: Pool, member: Member, route: Route, done: () => void): void {
  const { perTryTimeoutMs } = route.retry;
  exchange.member = member;
  exchange.triedAt = performance.now();
  exchange.requestBytes = 0;
  member.active += 1;
  if (member.target.pod !== undefined) member.target.pod.requests += 1;
  let timer: NodeJS.Timeout | undefined;
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    member.active -= 1;
    done();
  };
  const failed = (failure: Failure) => {
    finish();
    onFailure(exchange, pool, member, route, failure);
  };
  const running = startAttempt({
    target: member.target,
    method: exchange.view.method,
    path: exchange.path,
    headers: exchange.headers,
    body: exchange.body,
    source: exchange.request,
    connectTimeoutMs: pool.policy.connectTimeoutMs,
    // A kept connection may turn out to be closed. A streamed body cannot be repeated then; others are repeated once.
    fresh: pool.policy.maxRequestsPerConnection === 1 || exchange.body.kind === "stream" || exchange.silentTries > 0,
    sent: (bytes) => {
      exchange.requestBytes += bytes;
    },
    answered: (answer) => {
      clearTimeout(timer);
      onAnswer(exchange, pool, member, route, answer, finish);
    },
    failed,
  });
  exchange.cancel = () => {
    running.cancel();
    finish();
  };
  if (perTryTimeoutMs > 0) {
    timer = setTimeout(() => {
      running.cancel();
      failed({ kind: "timeout", reason: "per try timeout" });
    }, perTryTimeoutMs);
  }
}

/** Whether the same request can be sent once more: nothing of it was lost on the way. */
function repeatable({ body, requestBytes }: Exchange): boolean {
  return body.kind !== "stream" || requestBytes === 0;
}

function onFailure(exchange: Exchange, pool: Pool, member: Member, route: Route, failure: Failure) {
  if (exchange.over) return;
  if (failure.kind === "invalid") return reply(exchange, BAD_REQUEST);
  exchange.tried.push(member);
  judge(pool, member, failure.kind === "timeout" ? 504 : 503);
  if (repeatable(exchange) && repeatsSilently(exchange, pool, member, failure)) {
    exchange.silentTries += 1;
    return tryNext(exchange, pool, route);
  }
  if (mayRetry(exchange, route.retry, failure) && repeatable(exchange)) {
    if (failure.kind !== "connect") reportTry(exchange, member, 503, "UC", exchange.triedAt);
    return retry(exchange, pool, route);
  }
  if (failure.kind === "timeout") return reply(exchange, TIMEOUT);
  const kind = failure.kind === "connect" ? "connect" : "reset";
  reply(exchange, unreachable(kind, failure.reason, exchange.retries > 0 && exchange.retries >= route.retry.attempts));
}

function retry(exchange: Exchange, pool: Pool, route: Route): void {
  if (exchange.retries === 0) pool.retries += 1;
  exchange.retries += 1;
  const timer = setTimeout(() => tryNext(exchange, pool, route), pauseMs(exchange.retries, exchange.around.random));
  exchange.cancel = () => clearTimeout(timer);
}

function onAnswer(
  exchange: Exchange,
  pool: Pool,
  member: Member,
  route: Route,
  answer: IncomingMessage,
  finish: () => void,
) {
  const status = answer.statusCode ?? 502;
  judge(pool, member, status);
  if (exchange.over) {
    answer.destroy();
    return finish();
  }
  if (repeatable(exchange) && mayRetry(exchange, route.retry, { kind: "answer", status })) {
    answer.on("error", () => {});
    answer.resume();
    finish();
    exchange.tried.push(member);
    reportTry(exchange, member, status, "-", exchange.triedAt);
    return retry(exchange, pool, route);
  }
  deliver(exchange, route, answer, finish);
}

/** Hands the answer to the caller, as it comes. */
function deliver(exchange: Exchange, route: Route, answer: IncomingMessage, finish: () => void) {
  const { response, meshed } = exchange;
  const headers = responseHeaders(answer.rawHeaders);
  editTwice(headers, exchange.destination?.response, route.response);
  if (route.cors !== undefined) corsHeaders(exchange, headers);
  if (exchange.affinity?.cookie !== undefined) headers.push("set-cookie", exchange.affinity.cookie);
  if (meshed) {
    setHeader(headers, "x-envoy-upstream-service-time", String(Math.round(performance.now() - exchange.startedAt)));
  }
  exchange.status = answer.statusCode ?? 502;
  exchange.cancel = () => {
    answer.destroy();
    finish();
  };
  try {
    response.writeHead(exchange.status, answer.statusMessage, headers);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    exchange.cancel();
    return reply(exchange, { code: 502, flags: "UPE", text: `invalid answer of the pod: ${error.message}` });
  }
  const broken = () => {
    finish();
    if (exchange.over) return;
    exchange.flags = "UC";
    response.destroy();
  };
  answer.on("data", (chunk: Buffer) => {
    exchange.responseBytes += chunk.length;
    if (response.write(chunk)) return;
    answer.pause();
    response.once("drain", () => answer.resume());
  });
  answer.once("end", () => {
    finish();
    if (answer.rawTrailers.length > 0) response.addTrailers(trailers(answer.rawTrailers));
    response.end();
  });
  answer.once("error", broken);
  answer.once("close", () => {
    if (!answer.complete) broken();
  });
}

function trailers(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return pairs;
}

/** The mesh's own answer. */
export function reply(exchange: Exchange, { code, flags, text }: Reply): void {
  const { response, route } = exchange;
  if (exchange.over) return;
  exchange.flags = exchange.flags === "DI" && flags !== "-" ? `DI,${flags.replace("DI,", "")}` : flags;
  exchange.status = code;
  exchange.responseBytes = Buffer.byteLength(text);
  exchange.request.resume();
  const headers = text === "" ? [] : ["content-type", "text/plain"];
  headers.push("content-length", String(exchange.responseBytes));
  if (route !== undefined) editTwice(headers, route.response, undefined);
  writeOwnHead(response, code, headers);
  response.end(text);
}

/** A route's header edits may hold what HTTP cannot carry; then the answer goes without any headers but its own. */
function writeOwnHead(response: ServerResponse, code: number, headers: readonly string[]): void {
  try {
    response.writeHead(code, [...headers]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    response.writeHead(code, ["content-length", headerOf(headers, "content-length") ?? "0"]);
  }
}

/** The answer is with the caller, or the caller is gone. */
function onClosed(exchange: Exchange): void {
  if (exchange.over) return;
  exchange.over = true;
  clearTimeout(exchange.deadline);
  const whole = exchange.response.writableFinished;
  if (!whole) {
    exchange.cancel();
    if (exchange.flags === "-") exchange.flags = "DC";
  }
  if (exchange.pool !== undefined && exchange.retries > 0) exchange.pool.retries -= 1;
  if (exchange.meshed) reportExchange(exchange);
}
