/** corsPolicy: the mesh answers preflight requests, and answers name the sites that may read them. */
import type { Cors } from "../routes/route.ts";
import { setHeader } from "./headers.ts";
import type { Exchange } from "./state.ts";

/** @returns whether the request was a preflight that is now answered */
export function answerPreflight(exchange: Exchange, cors: Cors): boolean {
  const { request, response } = exchange;
  const { origin } = request.headers;
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  if (origin === undefined || !cors.allows(origin)) return false;
  const headers = ["access-control-allow-origin", origin];
  const say = (name: string, value: string) => value !== "" && headers.push(name, value);
  if (cors.credentials) say("access-control-allow-credentials", "true");
  say("access-control-allow-methods", cors.methods);
  say("access-control-allow-headers", cors.headers);
  say("access-control-max-age", cors.maxAge);
  exchange.status = 200;
  request.resume();
  response.writeHead(200, [...headers, "content-length", "0"]);
  response.end();
  return true;
}

/** Adds what an answer to a browser on another site needs. */
export function corsHeaders({ route, request }: Exchange, headers: string[]): void {
  const cors = route?.cors;
  const { origin } = request.headers;
  if (cors === undefined || origin === undefined || !cors.allows(origin)) return;
  setHeader(headers, "access-control-allow-origin", origin);
  if (cors.credentials) setHeader(headers, "access-control-allow-credentials", "true");
  if (cors.exposed !== "") setHeader(headers, "access-control-expose-headers", cors.exposed);
}
