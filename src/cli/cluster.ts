/** How commands reach the cluster: a kubeconfig that was named, the environment's, or the sandbox of this folder. */
import type { ClusterAccess } from "../kube/access.ts";
import { createKubeClient } from "../kube/client.ts";
import { loadAccess } from "../kube/config.ts";
import type { WatchPorts } from "../kube/reflector.ts";
import { createTransport, type KubeTransport, type TransportOptions } from "../kube/transport.ts";
import { createPlainClient } from "../net/plain-client.ts";
import { proxyChoice } from "../net/proxy-choice.ts";
import { KubeError, type KubeReader, type KubeWriter } from "../ports/kube.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { systemClock } from "../time/system-clock.ts";
import { AVIARY_VERSION } from "../version.ts";
import { UserError } from "./command.ts";
import type { OptionSpec, ReadOptions } from "./options.ts";
import { DEFAULT_STATE_DIR, readState } from "./sandbox-state.ts";
import { visibleAnswers } from "./visible-answers.ts";

export interface ClusterClient {
  readonly transport: KubeTransport;
  readonly kube: KubeReader & KubeWriter;
  /** The context's namespace; "default" when it names none. */
  readonly namespace: string;
  /** For people: the server's address and where it was read. */
  readonly name: string;
}

export const CLUSTER_OPTIONS = {
  kubeconfig: { type: "string", help: "kubeconfig; else $KUBECONFIG, the sandbox of this folder, ~/.kube/config" },
  context: { type: "string", help: "context of the kubeconfig" },
} as const satisfies Record<string, OptionSpec>;

export interface ConnectOptions {
  /** The answers are not for a terminal: texts stay as they are. */
  readonly raw?: boolean;
  /** Of each request, in milliseconds; 10,000 when absent. */
  readonly timeoutMs?: number;
}

/** Owner of the fields that commands write. */
export const FIELD_MANAGER = "aviary-cli";

/** For caches that a command fills from its cluster; what goes wrong is not logged, because a command prints no log. */
export function watchPorts({ transport }: Pick<ClusterClient, "transport">): WatchPorts {
  return { transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
}

/** @throws UserError when no cluster is configured */
export async function connectCluster(
  options: ReadOptions,
  env: Readonly<Record<string, string | undefined>>,
  { raw = false, timeoutMs = 10_000 }: ConnectOptions = {},
): Promise<ClusterClient> {
  const named =
    options.text("kubeconfig") ?? (env["KUBECONFIG"] ? undefined : readState(DEFAULT_STATE_DIR)?.kubeconfig);
  const context = options.text("context");
  try {
    const access = await loadAccess({
      clock: systemClock,
      env,
      ...(named === undefined ? {} : { kubeconfig: named }),
      ...(context === undefined ? {} : { context }),
    });
    const own = createTransport({
      access,
      connect: await connectorFor(access, env),
      clock: systemClock,
      random: Math.random,
      qps: 0,
      burst: 100,
      userAgent: `aviary-cli/${AVIARY_VERSION}`,
      timeoutMs,
      attempts: 2,
    });
    const transport = raw ? own : visibleAnswers(own);
    const name = `${access.server} (${access.source})`;
    return { transport, kube: createKubeClient(transport, FIELD_MANAGER), namespace: access.namespace, name };
  } catch (error) {
    throw asUserError(error);
  }
}

/** Node's own client where no proxy and no nameserver of a sandbox is on the way: it loads faster. */
async function connectorFor(
  { server, proxy }: ClusterAccess,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TransportOptions["connect"]> {
  const isDirect = proxy === undefined && !env["AVIARY_NAMESERVER"] && proxyChoice(env)(new URL(server)) === undefined;
  if (isDirect) return createPlainClient;
  const { createDispatcher } = await import("../net/dispatcher.ts");
  return (options) => createDispatcher({ ...options, env });
}

/** The API server says no more than "Unauthorized". */
const LOG_IN = "the API server does not accept the kubeconfig's credentials, which may have expired; log in again";

/** What the cluster answered, for people. */
export function asUserError(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const message = error.code === 401 ? `${error.message}: ${LOG_IN}` : error.message;
  return new UserError(message, 1, { cause: error });
}
