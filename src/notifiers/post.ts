/** How an alert is sent: one POST of JSON, five seconds, any 2xx is a success. */
import type { Dispatcher } from "undici";
import { exchange, OutboundFailure } from "../net/outbound.ts";
import { causeOf, clean } from "../net/show.ts";
import type { Clock } from "../ports/clock.ts";

/** Why an alert did not arrive. The text never contains the address, because addresses of chat services are secrets. */
export class PostError extends Error {
  override readonly name = "PostError";
  constructor(
    message: string,
    /** false when the service refused the alert: another attempt will not help. */
    readonly mayRetry: boolean,
  ) {
    super(message);
  }
}

export interface Post {
  readonly url: URL;
  readonly token: string | undefined;
  readonly body: object;
  readonly dispatcher: Dispatcher;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const LONGEST_ANSWER = 4096;

/** @throws PostError; the signal's reason when it is aborted */
export async function postJson({ url, token, body, dispatcher, timeoutMs, clock, signal }: Post): Promise<void> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const asked = { url, method: "POST", headers, body: JSON.stringify(body), timeoutMs } as const;
  const limits = { longestBody: LONGEST_ANSWER, whenLonger: "cut", redirects: "any" } as const;
  try {
    const answer = await exchange({ ...asked, ...limits }, { clock, dispatcher, signal });
    if (answer.status >= 200 && answer.status < 300) return;
    const said = answer.foreign ? "" : clean(answer.body);
    throw new PostError(
      `postMessage failed: sending notification bad response ${answer.status}: ${said}`,
      answer.status === 429 || answer.status >= 500,
    );
  } catch (error) {
    if (!(error instanceof OutboundFailure)) throw error;
    const cause = error.kind === "time" ? `no answer within ${timeoutMs / 1000} s` : causeText(error);
    throw new PostError(`postMessage failed: sending notification failed to send: ${cause}`, error.kind !== "refused");
  }
}

/** The reason for a redirect contains its target, which may be a secret, too. */
function causeText(error: OutboundFailure): string {
  return causeOf(error.kind === "network" || error.kind === "refused" ? (error.cause ?? error) : error);
}
