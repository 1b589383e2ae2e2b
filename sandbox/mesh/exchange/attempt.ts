/** One try: a request on one connection to one pod. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { PodPort } from "../pod-ports.ts";
import type { Body } from "./body.ts";

/** How a try failed before there was an answer. */
export interface Failure {
  /**
   * connect: the pod never saw the request. stale: a kept connection was closed, or the pod was on its way out. reset:
   * it may have been worked on. invalid: HTTP cannot carry the path or a header.
   */
  readonly kind: "connect" | "stale" | "reset" | "timeout" | "invalid";
  /** In Envoy's words, for the answer's body. */
  readonly reason: string;
}

export interface Attempt {
  /** Gives the try up; nothing is called any more. */
  cancel(): void;
}

export interface AttemptOptions {
  readonly target: PodPort;
  readonly method: string;
  readonly path: string;
  /** Raw, with Host. */
  readonly headers: readonly string[];
  readonly body: Body;
  /** Where the rest of a streamed body is. */
  readonly source: IncomingMessage;
  readonly connectTimeoutMs: number;
  /** One request per connection. */
  readonly fresh: boolean;
  readonly sent: (bytes: number) => void;
  readonly answered: (answer: IncomingMessage) => void;
  readonly failed: (failure: Failure) => void;
}

export function startAttempt(options: AttemptOptions): Attempt {
  const { target } = options;
  let over = false;
  let stopTimer = () => {};
  let request: ClientRequest | undefined;
  const settle = (failure: Failure) => {
    if (over) return;
    over = true;
    stopTimer();
    request?.destroy();
    options.failed(failure);
  };
  try {
    const opened = open(options);
    request = opened;
    stopTimer = connectTimer(opened, options.connectTimeoutMs, () => settle({ kind: "connect", reason: TIMED_OUT }));
    opened.on("error", (error: NodeJS.ErrnoException) => settle(failureOf(opened, error, target.retired)));
    opened.on("response", (answer) => {
      if (over) return answer.destroy();
      over = true;
      stopTimer();
      options.answered(answer);
    });
    send(opened, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reason = error.message;
    queueMicrotask(() => settle({ kind: "invalid", reason }));
  }
  return {
    cancel: () => {
      over = true;
      stopTimer();
      request?.destroy();
    },
  };
}

/** @throws TypeError when the path or a header cannot be sent */
function open({ target, method, path, headers, body, fresh }: AttemptOptions): ClientRequest {
  const { address, port, agent } = target;
  return httpRequest({
    agent: fresh ? false : agent,
    host: address,
    port,
    method,
    path,
    // Node takes the raw list, too; its type does not say so.
    headers: framed(method, headers, body, fresh) as unknown as OutgoingHttpHeaders,
  });
}

const TIMED_OUT = "connection timeout";

/** Without a length Node would announce a body in chunks for these. */
const BODILY = new Set(["POST", "PUT", "PATCH"]);

/** How the body is delimited on this connection. */
function framed(method: string, headers: readonly string[], body: Body, fresh: boolean): string[] {
  const framed = [...headers];
  if (fresh) framed.push("Connection", "close");
  const sized = headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === "content-length");
  if (body.kind === "whole" && !sized) framed.push("Content-Length", String(body.bytes.length));
  if (body.kind === "none" && BODILY.has(method) && !sized) framed.push("Content-Length", "0");
  if (body.kind === "stream" && !sized) framed.push("Transfer-Encoding", "chunked");
  return framed;
}

/** A connection must be there in time; kept ones are. */
function connectTimer(request: ClientRequest, ms: number, late: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    timer = setTimeout(late, Math.min(ms, 2_147_483_647));
    socket.once("connect", () => clearTimeout(timer));
  });
  return () => clearTimeout(timer);
}

function send(request: ClientRequest, { body, source, sent }: AttemptOptions): void {
  if (body.kind === "none") return void request.end();
  if (body.kind === "whole") {
    sent(body.bytes.length);
    return void request.end(body.bytes);
  }
  // What was taken from the caller cannot be taken again: nothing is until there is a connection.
  const { head } = body;
  onceConnected(request, () => pump(request, head, source, sent));
}

function onceConnected(request: ClientRequest, run: () => void): void {
  request.once("socket", (socket) => {
    if (socket.connecting) socket.once("connect", run);
    else run();
  });
}

function pump(request: ClientRequest, head: readonly Buffer[], source: IncomingMessage, sent: (n: number) => void) {
  for (const chunk of head) {
    sent(chunk.length);
    request.write(chunk);
  }
  source.on("data", (chunk: Buffer) => {
    sent(chunk.length);
    if (request.write(chunk) || request.destroyed) return;
    source.pause();
    request.once("drain", () => source.resume());
  });
  source.once("end", () => request.end());
  // When the pod has answered early, the rest of the body still has to leave the caller's connection.
  request.once("close", () => source.resume());
  source.resume();
}

function failureOf(request: ClientRequest, error: NodeJS.ErrnoException, retired: boolean): Failure {
  if (error.syscall === "connect" || request.socket?.connecting !== false) {
    const why = error.code === "ECONNREFUSED" ? "Connection refused" : (error.code ?? error.message);
    return {
      kind: "connect",
      reason: `remote connection failure, transport failure reason: delayed connect error: ${why}`,
    };
  }
  return { kind: request.reusedSocket || retired ? "stale" : "reset", reason: "connection termination" };
}
