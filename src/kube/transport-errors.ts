/** Turns the errors of the HTTP clients and the API server into one kind of error with a helpful text. */
import type { IncomingHttpHeaders } from "node:http";
import { DeadlineExceeded } from "../async/back-off.ts";
import { CONNECT_TIMEOUT } from "../net/http-client.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";

type Asked = { readonly method: string; readonly path: string };

/** The reason for a status code when the body has none. */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** From a metav1.Status, the body of an answer or of a watch's ERROR event. */
export function statusError(status: KubeFields, fallbackCode: number, fallbackMessage: string): KubeError {
  const code = typeof status?.code === "number" ? status.code : fallbackCode;
  const reason = typeof status?.reason === "string" && status.reason !== "" ? status.reason : undefined;
  const message = typeof status?.message === "string" && status.message !== "" ? status.message : fallbackMessage;
  return new KubeError(code, reason ?? REASONS[code] ?? "Unknown", message, status?.details);
}

/** The API server's text for an unknown group. Go's client, and so Flagger's users, see another text. */
const UNKNOWN_PATH = "404 page not found";

/** From an answer of status 400 or more. Retry-After is put where the API server puts it: details.retryAfterSeconds. */
export function answerError(asked: Asked, code: number, headers: IncomingHttpHeaders, text: string): KubeError {
  let status: KubeFields;
  try {
    status = JSON.parse(text);
  } catch {
    status = undefined; // proxies and unknown paths answer in plain text
  }
  const body = text.trim().slice(0, 200);
  const error = statusError(
    status?.kind === "Status" ? status : undefined,
    code,
    code === 404 && body === UNKNOWN_PATH
      ? "the server could not find the requested resource"
      : `${asked.method} ${asked.path} was answered with ${code}${body === "" ? "" : `: ${body}`}`,
  );
  const retryAfter = Number(headers["retry-after"]);
  if (headers["retry-after"] === undefined || !Number.isFinite(retryAfter)) return error;
  const details = { ...error.details, retryAfterSeconds: retryAfter };
  return new KubeError(error.code, error.reason, error.message, details);
}

/** Error codes of connections that were never established. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  CONNECT_TIMEOUT,
]);

const TOO_LATE = "no connection could be made in time; is there a firewall or a VPN in between?";
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is the cluster running?",
  ENOTFOUND: "the host name does not resolve; check the server's address in the kubeconfig",
  EAI_AGAIN: "name resolution does not work at the moment",
  UND_ERR_CONNECT_TIMEOUT: TOO_LATE,
  [CONNECT_TIMEOUT]: TOO_LATE,
  UND_ERR_SOCKET: "the connection was closed before the answer was complete",
  ECONNRESET: "the connection was reset before the answer was complete",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is not signed by the kubeconfig's certificate-authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is not signed by the kubeconfig's certificate-authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is not signed by the kubeconfig's certificate-authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name; see tls-server-name",
  CERT_HAS_EXPIRED: "its certificate has expired",
};

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : codeOf(error.cause);
}

/** True when the request cannot have reached the server. */
export function wasNeverSent(error: KubeError): boolean {
  return NEVER_SENT.has(codeOf(error.cause) ?? "");
}

/**
 * The error to throw for `error`: the caller's own reason after an abort, a clear error unchanged, or why no answer
 * came.
 */
export function connectionError(asked: Asked, server: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof KubeError) return error;
  const what = `${asked.method} ${asked.path}`;
  if (error instanceof DeadlineExceeded) {
    const message = `the API server ${server} gave ${error.message} to ${what}`;
    return new KubeError(0, "Timeout", message, undefined, { cause: error });
  }
  if (error instanceof SyntaxError) {
    return new KubeError(0, "BadAnswer", `the answer to ${what} is not JSON: ${error.message}`, undefined, {
      cause: error,
    });
  }
  const hint = HINTS[codeOf(error) ?? ""];
  const cause = error instanceof Error && error.message !== "" ? error.message : String(codeOf(error) ?? error);
  const text = `cannot reach the API server ${server} (${what}): ${cause}${hint === undefined ? "" : ` - ${hint}`}`;
  return new KubeError(0, "Unreachable", text, undefined, { cause: error });
}
