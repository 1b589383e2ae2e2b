/**
 * HTTP by Node's own client: for a command that asks a server a few times, without a proxy. undici does more, and
 * loading it takes longer than everything else that such a command does.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS, type HttpAnswer, type HttpClient } from "./http-client.ts";
import { sharedTls, type TlsOptions } from "./tls-options.ts";

export interface PlainClientOptions {
  readonly tls?: TlsOptions;
  /** Time for a connection to be made, in milliseconds; 10 s when absent. */
  readonly connectTimeoutMs?: number;
  /** The most connections to one origin; any number when absent. */
  readonly connections?: number;
}

export function createPlainClient(options: PlainClientOptions = {}): HttpClient {
  const { tls, connections = Number.POSITIVE_INFINITY, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const pool = { keepAlive: true, maxSockets: connections };
  const plain = new HttpAgent(pool);
  const secure = new HttpsAgent({ ...pool, ...sharedTls(tls) });
  const end = async () => {
    plain.destroy();
    secure.destroy();
  };
  return {
    request: ({ origin, path, method, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        const url = new URL(path, origin);
        const sent = url.protocol === "https:" ? httpsRequest : httpRequest;
        const agent = url.protocol === "https:" ? secure : plain;
        const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
        const asked = sent(url, { agent, method, signal, headers: { ...headers, ...length } });
        asked.once("socket", (socket) => limitConnecting(socket, connectTimeoutMs));
        // After the answer has begun, its body reports what goes wrong.
        asked.on("error", (error) => reject(reasonOf(error, signal)));
        asked.once("response", (response) => resolve(answerOf(response, signal)));
        asked.end(body ?? undefined);
      }),
    close: end,
    destroy: end,
  };
}

function limitConnecting(socket: Socket, timeoutMs: number): void {
  if (!socket.connecting) return;
  const late = Object.assign(new Error(`no connection within ${timeoutMs / 1000} s`), { code: CONNECT_TIMEOUT });
  const timer = setTimeout(() => socket.destroy(late), timeoutMs);
  for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
}

/** Node wraps the reason of an abort; callers look for the reason itself. */
const reasonOf = (error: unknown, signal: AbortSignal): unknown => (signal.aborted ? signal.reason : error);

function answerOf(response: IncomingMessage, signal: AbortSignal): HttpAnswer {
  // The iteration throws the error to its reader. Without this line the error of an unread body would end the process.
  response.on("error", () => undefined);
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      throw reasonOf(error, signal);
    }
  }
  const whole = async () => {
    const all: Buffer[] = [];
    for await (const chunk of chunks()) all.push(chunk);
    return Buffer.concat(all).toString("utf8");
  };
  const dump = async () => {
    for await (const _ of chunks());
  };
  const body = { [Symbol.asyncIterator]: chunks, text: whole, dump };
  return { statusCode: response.statusCode ?? 0, headers: response.headers, body };
}
