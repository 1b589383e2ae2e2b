/** One HTTP exchange, with the time of each of its stages. */
import type { Dispatcher } from "undici";

export interface ExchangeRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Closes the connection after the response. */
  readonly reset: boolean;
  /** 0: no limit. */
  readonly timeoutMs: number;
}

/** Seconds throughout, as hey reports them. */
export interface Exchange {
  readonly status: number;
  readonly bytes: number;
  readonly total: number;
  /** Waiting for a connection, made or reused. */
  readonly connect: number;
  /** From the request until the first byte of the response's head. */
  readonly wait: number;
  readonly read: number;
}

export type ExchangeResult =
  | { readonly kind: "done"; readonly exchange: Exchange }
  | { readonly kind: "failed"; readonly error: string };

class OutOfTime extends Error {}

/** Never rejects: an error is part of the measurement. An abort of `signal` ends the exchange. */
export function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  monotonicMs: () => number,
  signal: AbortSignal,
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const begun = monotonicMs();
    const cut = new AbortController();
    const stop = () => cut.abort(signal.reason);
    const timer =
      request.timeoutMs > 0 ? setTimeout(() => cut.abort(new OutOfTime()), request.timeoutMs).unref() : undefined;
    let connected = begun;
    let answered = begun;
    let status = 0;
    let bytes = 0;
    const finish = (result: ExchangeResult) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve(result);
    };
    const fail = (error: unknown) => finish({ kind: "failed", error: failureText(request, error) });
    if (signal.aborted) return fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        connected = monotonicMs();
        const abort = () => controller.abort(cut.signal.reason as Error);
        if (cut.signal.aborted) abort();
        else cut.signal.addEventListener("abort", abort, { once: true });
      },
      onResponseStart(_controller, statusCode) {
        status = statusCode;
        answered = monotonicMs();
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
      },
      onResponseEnd() {
        const ended = monotonicMs();
        const seconds = (from: number, to: number) => Math.max(0, to - from) / 1000;
        finish({
          kind: "done",
          exchange: {
            status,
            bytes,
            total: seconds(begun, ended),
            connect: seconds(begun, connected),
            wait: seconds(connected, answered),
            read: seconds(answered, ended),
          },
        });
      },
      onResponseError(_controller, error) {
        fail(error);
      },
    };
    // A connection that is never established must not outlive the time-out: the request has not started yet.
    cut.signal.addEventListener("abort", () => fail(cut.signal.reason), { once: true });
    try {
      dispatcher.dispatch(
        {
          origin: request.origin,
          path: request.path,
          method: request.method,
          headers: request.headers,
          body: request.body ?? null,
          reset: request.reset,
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      );
    } catch (error) {
      fail(error);
    }
  });
}

/** The words of Go's HTTP client for common errors, because people search their logs for them. */
function failureText(request: ExchangeRequest, error: unknown): string {
  const method = request.method.charAt(0) + request.method.slice(1).toLowerCase();
  const what = `${method} "${request.origin}${request.path}"`;
  if (error instanceof OutOfTime) return `${what}: context deadline exceeded (Client.Timeout exceeded)`;
  const cause = causeOf(error);
  const code = (cause as NodeJS.ErrnoException).code;
  const { address, port, hostname } = cause as { address?: string; port?: number; hostname?: string };
  const peer = address === undefined ? new URL(request.origin).host : `${address}:${port}`;
  switch (code) {
    case "ECONNREFUSED":
      return `${what}: dial tcp ${peer}: connect: connection refused`;
    case "ENOTFOUND":
      return `${what}: dial tcp: lookup ${hostname ?? new URL(request.origin).hostname}: no such host`;
    case "ECONNRESET":
      return `${what}: read: connection reset by peer`;
    case "UND_ERR_SOCKET":
      return `${what}: EOF`;
    default:
      return `${what}: ${cause.message === "" ? (code ?? cause.name) : cause.message}`;
  }
}

/** The first error of the bundle that Node makes when a name has several addresses. */
function causeOf(error: unknown): Error {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return first instanceof Error ? first : new Error(String(first));
}
