/** TLS of outgoing connections. */
import { createSecureContext } from "node:tls";

export interface TlsOptions {
  /** PEM. Replaces the machine's trust store. */
  readonly ca?: string | Buffer;
  /** PEM: client certificate and its key. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name to expect in the server's certificate, when it is not the URL's host. */
  readonly servername?: string;
  /** false: accept any certificate. */
  readonly rejectUnauthorized?: boolean;
}

/**
 * Certificates and keys are read once for all connections: reading a CA each time costs more than the handshake. A
 * value that cannot be read stays as it is, and the connection reports why.
 */
export function sharedTls(tls: TlsOptions = {}) {
  const { ca, cert, key, ...rest } = tls;
  if (ca === undefined && cert === undefined && key === undefined) return rest;
  try {
    return { ...rest, secureContext: createSecureContext({ ca, cert, key }) };
  } catch {
    return tls;
  }
}
