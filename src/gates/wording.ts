/** Connection errors in the words of Go's HTTP client: events contain them, and people search for them. */

import { firstCause } from "../net/show.ts";

/** @param url the address, for errors that do not contain it */
export function errorText(error: unknown, url: URL | undefined): string {
  const cause = causeOf(error);
  const { address, port, hostname } = cause as { address?: string; port?: number; hostname?: string };
  const code = codeOf(cause);
  const peer = address === undefined ? hostAndPort(url) : `${address}:${port ?? ""}`;
  if (isCertificateError(cause)) return `tls: failed to verify certificate: ${cause.message}`;
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp ${peer}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `dial tcp ${peer}: connect: no route to host`;
    case "ENETUNREACH":
      return `dial tcp ${peer}: connect: network is unreachable`;
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return `dial tcp ${peer}: i/o timeout`;
    case "ENOTFOUND":
    case "ESERVFAIL":
      return `dial tcp: lookup ${hostname ?? url?.hostname ?? "?"}: no such host`;
    case "ECONNRESET":
      return "read: connection reset by peer";
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return "http: server gave HTTP response to HTTPS client";
    case "UND_ERR_SOCKET":
      return /other side closed/.test(cause.message) ? "EOF" : cause.message;
    default:
      return cause.message === "" ? code || cause.name : cause.message;
  }
}

/** Another attempt does not change the certificate. */
export function isCertificateError(error: unknown): boolean {
  const code = codeOf(causeOf(error));
  return /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(GET|VERIFY|DECRYPT))/.test(code);
}

/** Node bundles the errors of all addresses of a name; the first one is enough. */
function causeOf(error: unknown): Error {
  const first = firstCause(error);
  return first instanceof Error ? first : new Error(String(first));
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "";
}

function hostAndPort(url: URL | undefined): string {
  if (url === undefined) return "?";
  return `${url.hostname}:${url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port}`;
}
