/** The address of the API server, and the credentials for it: what a kubeconfig or a service account provides. */
import type { TlsOptions } from "../net/tls-options.ts";

/** The credentials that one request carries. */
export interface Proof {
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** A client certificate, where an exec plugin hands one out. */
  readonly tls?: Pick<TlsOptions, "cert" | "key">;
}

export interface Credentials {
  /** @throws KubeError with reason "Credentials" when there are none */
  prove(signal: AbortSignal): Promise<Proof>;
  /** The server refused the last credentials (401): do not use them again. @returns false when there are no others */
  renew(): boolean;
}

export interface ClusterAccess {
  /** e.g. "https://10.0.0.1:6443", without a trailing slash */
  readonly server: string;
  /** The context's namespace; "default" when it names none. */
  readonly namespace: string;
  readonly tls: TlsOptions;
  readonly credentials: Credentials;
  /** The kubeconfig's proxy-url. */
  readonly proxy?: string;
  /** Where this came from, for messages: "context dev of /home/me/.kube/config". */
  readonly source: string;
}

/** Credentials that never change. */
export function fixedCredentials(headers: Readonly<Record<string, string>> = {}): Credentials {
  return { prove: async () => ({ headers }), renew: () => false };
}
