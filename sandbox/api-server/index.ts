/** The embedded Kubernetes API server: an in-memory store behind the HTTP that kubectl and every other client speak. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { stringify } from "yaml";
import type { Clock } from "../../src/ports/clock.ts";
import type { AddressBlock } from "../addresses.ts";
import { machineClock } from "../clock.ts";
import type { Cluster, PodConnections, PodLogs } from "../cluster.ts";
import { createBootstrapRoles } from "./authorization/bootstrap.ts";
import { createAuthorizer } from "./authorization/rbac.ts";
import { createListener, createTokens, trackSockets } from "./http/listener.ts";
import { type Certificate, selfSigned } from "./http/tls.ts";
import { createStore, type Store } from "./store.ts";

export type { Store } from "./store.ts";

export interface ApiServerOptions {
  /** Where cluster IPs come from. */
  readonly addresses: Pick<AddressBlock, "service" | "releaseService">;
  /** 127.0.0.1 when absent. */
  readonly host?: string;
  /** A free port when 0 or absent. */
  readonly port?: number;
  /** Random when absent. */
  readonly token?: string;
  readonly logs?: PodLogs;
  readonly clock?: Clock;
  /**
   * To come back as the server that was stopped: with `port` and `token`, clients notice an outage and nothing more.
   */
  readonly resumed?: Pick<ApiServer, "store" | "certificate">;
  /** Called for every request before it is answered. */
  readonly onRequest?: (request: ApiRequest) => void;
}

export interface ApiRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly userAgent: string;
}

export interface ApiServer {
  readonly cluster: Cluster;
  /** For `resumed`. */
  readonly store: Store;
  readonly certificate: Certificate;
  /** https://host:port */
  readonly url: string;
  /** PEM: the authority (and certificate) of the server. */
  readonly ca: string;
  readonly token: string;
  /** A token for a ServiceAccount that does not expire. */
  tokenFor(namespace: string, account: string): string;
  /** YAML text of a kubeconfig with one context, "aviary-sandbox". */
  readonly kubeconfig: string;
  setLogs(logs: PodLogs): void;
  setConnections(connections: PodConnections): void;
  /** Ends all watches and connections. */
  stop(): Promise<void>;
}

/** Starts the server. @throws Error when it cannot listen, e.g. because the port is taken */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { host = "127.0.0.1", port = 0, clock = machineClock, addresses } = options;
  const token = options.token ?? randomBytes(24).toString("base64url");
  let logs = options.logs;
  let connections: PodConnections | undefined;
  // Versions grow from run to run, so that a client of an earlier run is told to list again instead of waiting for
  // ever.
  const store = options.resumed?.store ?? createStore({ clock, addresses, firstVersion: clock.now() });
  const hosts = [host, "localhost", "kubernetes", "kubernetes.default.svc"];
  const certificate = options.resumed?.certificate ?? selfSigned(hosts, clock.now());
  const tokens = createTokens(token, () => clock.now());
  const authorizer = createAuthorizer(store);
  if (options.resumed === undefined) createBootstrapRoles(store);
  const shared = {
    store,
    authorizer,
    logs: () => logs,
    connections: () => connections,
    issueToken: tokens.issue,
    userOfToken: tokens.userOf,
  };
  const listener = createListener(shared, tokens, certificate);
  const { onRequest } = options;
  if (onRequest !== undefined) {
    listener.on("request", ({ method = "", url = "", headers }) => {
      onRequest({ method, url, userAgent: headers["user-agent"] ?? "" });
    });
  }
  const closeSockets = trackSockets(listener);
  const actualPort = await listen(listener, host, port);
  const url = `https://${host}:${actualPort}`;
  return {
    cluster: store,
    store,
    certificate,
    url,
    ca: certificate.cert,
    token,
    tokenFor: (namespace, account) => tokens.issue(namespace, account, Number.POSITIVE_INFINITY),
    kubeconfig: kubeconfig(url, certificate.cert, token),
    setLogs: (source) => {
      logs = source;
    },
    setConnections: (source) => {
      connections = source;
    },
    stop: () =>
      new Promise((resolve, reject) => {
        listener.close((error) => (error === undefined ? resolve() : reject(error)));
        closeSockets();
      }),
  };
}

function listen(server: HttpsServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const place = `${host}:${port}`;
      const words =
        error.code === "EADDRINUSE"
          ? `the API server cannot listen on ${place}: the port is taken; stop the other program or choose another port`
          : `the API server cannot listen on ${place}: ${error.message}`;
      reject(new Error(words, { cause: error }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

const NAME = "aviary-sandbox";

/** YAML text. @param ca PEM */
export function kubeconfig(server: string, ca: string, token: string): string {
  const authority = Buffer.from(ca).toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: NAME, cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name: NAME, user: { token } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME, namespace: "default" } }],
    "current-context": NAME,
  });
}
