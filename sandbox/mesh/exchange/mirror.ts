/**
 * Copies of requests whose answers are dropped. Bodies that stream cannot be copied: those requests are not mirrored.
 */
import { judge, type Pool, pick } from "../pools.ts";
import type { Mirror } from "../routes/route.ts";
import { startAttempt } from "./attempt.ts";
import type { Exchange } from "./state.ts";

/** A copy that hangs must not hang for ever. */
const LONGEST_MS = 60_000;

/** @param host of the request; copies say so with "-shadow", as Envoy's do */
export function sendMirrors(exchange: Exchange, mirrors: readonly Mirror[], host: string): void {
  const { around, door, body } = exchange;
  if (body.kind === "stream") return;
  for (const { destination, share } of mirrors) {
    if (share < 1 && around.random() >= share) continue;
    const pool = around.pools.find(
      destination.service,
      destination.port,
      destination.subset,
      door.port,
      exchange.meshed,
    );
    if (pool !== undefined) sendCopy(exchange, pool, shadowed(host));
  }
}

function shadowed(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon < 0 ? `${host}-shadow` : `${host.slice(0, colon)}-shadow${host.slice(colon)}`;
}

function sendCopy(exchange: Exchange, pool: Pool, host: string) {
  const { around, view } = exchange;
  const member = pick(pool, around.random, undefined, []);
  const startedAt = performance.now();
  let requestBytes = 0;
  let responseBytes = 0;
  const record = (code: number, flags: string) => {
    if (!exchange.meshed) return;
    around.telemetry.observe({
      source: view.source,
      destination: member?.target.pod?.workload,
      service: pool.service,
      code,
      flags,
      seenBySource: true,
      seenByDestination: member?.target.pod?.sidecar === true && !flags.includes("UF"),
      durationMs: performance.now() - startedAt,
      requestBytes,
      responseBytes,
    });
  };
  if (member === undefined) return record(503, "UH");
  member.active += 1;
  if (member.target.pod !== undefined) member.target.pod.requests += 1;
  let over = false;
  const finish = (code: number, flags: string) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    member.active -= 1;
    judge(pool, member, code);
    record(code, flags);
  };
  const headers = [...exchange.headers.slice(0, -2), "Host", host];
  const attempt = startAttempt({
    target: member.target,
    method: view.method,
    path: exchange.path,
    headers,
    body: exchange.body,
    source: exchange.request,
    connectTimeoutMs: pool.policy.connectTimeoutMs,
    fresh: pool.policy.maxRequestsPerConnection === 1,
    sent: (bytes) => {
      requestBytes += bytes;
    },
    answered: (answer) => {
      const code = answer.statusCode ?? 502;
      answer.on("data", (chunk: Buffer) => {
        responseBytes += chunk.length;
      });
      answer.once("end", () => finish(code, "-"));
      answer.once("error", () => finish(code, "UC"));
    },
    failed: ({ kind }) => finish(503, kind === "connect" || kind === "invalid" ? "UF" : "UC"),
  });
  const timer = setTimeout(() => {
    attempt.cancel();
    finish(504, "UT");
  }, LONGEST_MS);
}
