/** How an alert travels: one POST of JSON, five seconds, any 2xx is a success. */
import { type Dispatcher, interceptors, request } from "undici";
import { withoutUserinfo } from "../net/userinfo.ts";

/** Why an alert did not arrive. The text never shows the address: those of chat services are secrets. */
export class PostError extends Error {
  override readonly name = "PostError";
  constructor(
    message: string,
    /** false when the service understood and refused: asking again will not help. */
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
  readonly signal: AbortSignal;
}

const MAX_REDIRECTS = 10;
const MAX_ERROR_BYTES = 4096;

/** @throws PostError; the signal's reason when it is aborted */
export async function postJson(post: Post): Promise<void> {
  const limit = AbortSignal.timeout(post.timeoutMs);
  const { url, authorization } = withoutUserinfo(post.url);
  const proof = post.token === undefined ? authorization : `Bearer ${post.token}`;
  try {
    const response = await request(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(proof === undefined ? {} : { authorization: proof }),
      },
      body: JSON.stringify(post.body),
      dispatcher: post.dispatcher.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTS })),
      signal: AbortSignal.any([post.signal, limit]),
    });
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) {
      // It has arrived, whatever becomes of the rest of the answer; reading it gives the connection back.
      response.body.dump({ limit: MAX_ERROR_BYTES }).catch(() => undefined);
      return;
    }
    const text = await beginningOf(response.body);
    throw new PostError(
      `postMessage failed: sending notification bad response ${statusCode}: ${text}`,
      statusCode === 429 || statusCode >= 500,
    );
  } catch (error) {
    if (error instanceof PostError) throw error;
    post.signal.throwIfAborted();
    const cause = limit.aborted ? `no answer within ${post.timeoutMs / 1000} s` : causeText(error);
    throw new PostError(`postMessage failed: sending notification failed to send: ${cause}`, true);
  }
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES).toString("utf8");
}

function causeText(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  if (!(first instanceof Error)) return String(first);
  return first.message === "" ? ((first as NodeJS.ErrnoException).code ?? first.name) : first.message;
}
