/**
 * Calls a webhook. A gate is open when the final answer is 200, 201 or 202 (Q67). Every other answer refuses, and users
 * see the text of the refusal in the Canary's events.
 */
import { Agent, type Dispatcher } from "undici";
import { createBackOff, NO_JITTER } from "../async/back-off.ts";
import type { Webhook } from "../core/spec/spec.ts";
import type { Answer } from "../core/turn/observation.ts";
import { type DurationError, parseDuration } from "../go/duration.ts";
import { show } from "../net/show.ts";
import type { Clock } from "../ports/clock.ts";
import { attemptPost } from "./exchange.ts";
import { encodePayload, eventPayload, type HookEvent, type HookPayload } from "./payload.ts";

export type Hook = Pick<Webhook, "name" | "url"> &
  Partial<Pick<Webhook, "timeout" | "retries" | "disableTLS" | "metadata">>;

export interface HookPorts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** undici's global one when absent: then no proxy is used. */
  readonly dispatcher?: Dispatcher;
  /** For hooks with `disableTLS`: like `dispatcher`, proxies included (Q71), but accepting any certificate. */
  readonly insecureDispatcher?: Dispatcher;
  /** Signs the request, for receivers that know the key. */
  readonly key?: string;
}

export type HookAnswer = Extract<Answer, { readonly kind: "passed" | "refused" }>;

const DEFAULT_TIMEOUT_MS = 10_000;
const FIRST_WAIT_MS = 1000;
/** Also the longest `Retry-After` that is honoured: a server must not block a turn for longer. */
const LONGEST_WAIT_MS = 30_000;
const LAST_SUCCESS = 202;
/** For all attempts of one call together. A hook without a time limit, or with endless retries, ends then. */
const LONGEST_CALL_MS = 3_600_000;

/** @throws the signal's reason when it is aborted; every other failure is an answer */
export function callWebhook(hook: Hook, payload: HookPayload, ports: HookPorts): Promise<HookAnswer> {
  const timeout = hook.timeout ?? "";
  // Q69: "5" is no Go duration, but too short to be one, and then the default counts.
  return callWithin(hook, payload, ports, timeout.length < 2 ? DEFAULT_TIMEOUT_MS : parseDuration(timeout));
}

/**
 * Announces an event. `detail` of a refusal is the whole log line.
 * @throws the signal's reason when it is aborted
 */
export async function callEventWebhook(
  hook: Hook,
  subject: Omit<HookPayload, "metadata">,
  event: HookEvent,
  ports: HookPorts,
): Promise<HookAnswer> {
  const timeout = hook.timeout ?? "";
  const limit = timeout === "" ? DEFAULT_TIMEOUT_MS : parseDuration(timeout);
  const answer = await callWithin(hook, eventPayload(subject, event, hook.metadata), ports, limit);
  if (answer.kind === "passed") return answer;
  return { kind: "refused", detail: `error sending event to webhook: ${answer.detail}` };
}

async function callWithin(
  hook: Hook,
  payload: HookPayload,
  ports: HookPorts,
  timeoutMs: number | DurationError,
): Promise<HookAnswer> {
  if (typeof timeoutMs !== "number") return { kind: "refused", detail: timeoutMs.message };
  const { clock, signal } = ports;
  const dispatcher = hook.disableTLS === true ? (ports.insecureDispatcher ?? lenient()) : ports.dispatcher;
  const body = encodePayload(payload);
  const retries = Math.max(0, Math.trunc(hook.retries ?? 0));
  const end = clock.now() + LONGEST_CALL_MS;
  const backOff = createBackOff(FIRST_WAIT_MS, LONGEST_WAIT_MS, NO_JITTER);
  for (let attempts = 1; ; attempts += 1) {
    const left = Math.max(1, end - clock.now());
    const limit = timeoutMs > 0 ? Math.min(timeoutMs, left) : left;
    const result = await attemptPost({
      url: hook.url,
      body,
      timeoutMs: limit,
      ports: { clock, signal, dispatcher },
      key: ports.key,
    });
    const givingUp = `POST ${show(hook.url)} giving up after ${attempts} attempt(s)`;
    if (result.kind === "unreadable") return { kind: "refused", detail: `error reading body: ${result.cause}` };
    if (result.kind === "failed") {
      if (!result.mayRetry || attempts > retries || clock.now() >= end)
        return { kind: "refused", detail: `${givingUp}: ${result.cause}` };
      await clock.sleep(backOff.next(), signal);
      continue;
    }
    if (result.status <= LAST_SUCCESS) return { kind: "passed" };
    if (!isRetryable(result.status)) return { kind: "refused", detail: result.body };
    // Q68: the documentation promises the body; the prefix stays for users who search for it.
    if (attempts > retries || clock.now() >= end) {
      return { kind: "refused", detail: result.body === "" ? givingUp : `${givingUp}: ${result.body}` };
    }
    const growing = backOff.next();
    await clock.sleep(requestedWait(result.status, result.retryAfter, clock.now()) ?? growing, signal);
  }
}

let lenientAgent: Agent | undefined;

/** One dispatcher for the process. Its idle connections do not keep the process alive. */
function lenient(): Dispatcher {
  lenientAgent ??= new Agent({ connect: { rejectUnauthorized: false } });
  return lenientAgent;
}

function isRetryable(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** What the server asks for with `Retry-After`, up to the longest wait. */
function requestedWait(status: number, retryAfter: string | undefined, now: number): number | undefined {
  const asked = status === 429 || status === 503 ? retryAfterMs(retryAfter, now) : undefined;
  return asked === undefined ? undefined : Math.min(LONGEST_WAIT_MS, asked);
}

/** The header's value: seconds, or a date. */
function retryAfterMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) || !/^[A-Z][a-z]{2}, /.test(text) ? undefined : Math.max(0, date - now);
}
