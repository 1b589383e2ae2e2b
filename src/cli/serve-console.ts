/** Starts the console for a cluster: its watches, its server, and the link that a person opens. */
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { createAccess } from "../console/access.ts";
import { createOidc, type OidcOptions } from "../console/oidc.ts";
import { listingParts } from "../console/parts.ts";
import { KEPT } from "../console/records.ts";
import { createSeal } from "../console/sealed.ts";
import { createSeries, type MetricsServer } from "../console/series.ts";
import type { TlsFiles } from "../console/served.ts";
import { type RunningConsole, startConsole } from "../console/server.ts";
import { createSessions, type ProxyHeaders } from "../console/sessions.ts";
import { canarySketch } from "../console/sketches.ts";
import type { Mode } from "../console/types.ts";
import { errorText } from "../error-text.ts";
import { createClusterCache } from "../kube/cluster-cache.ts";
import { boundsFor, createLedger } from "../kube/ledger.ts";
import { RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { PROJECT_ROOT } from "../project-root.ts";
import { systemClock } from "../time/system-clock.ts";
import { type ClusterClient, watchPorts } from "./cluster.ts";
import { UserError } from "./command.ts";

export interface ServedConsole extends RunningConsole {
  /** What a person opens; with a token that works once in the mode `local`. */
  readonly link: string;
  readonly worksOnce: boolean;
}

export interface ServeOptions extends SignIn {
  readonly mode: Mode;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** "/" or "/console/". */
  readonly basePath: string;
  /** Absent: there are no charts of canary and primary. */
  readonly metrics?: MetricsServer;
  /** The only namespace that is shown; absent: all. */
  readonly namespace?: string;
  /** The folder of the built pages; those of this installation when absent. */
  readonly pages?: string;
}

/** How people sign in; nothing of it is needed in the modes `local` and `none`. */
export interface SignIn {
  /** Makes and opens cookies. Replicas share it; a random one when absent. */
  readonly cookieSecret?: string;
  /** Browsers reach the console by https://, through a proxy that ends TLS. */
  readonly isSecure?: boolean;
  readonly audiences?: readonly string[];
  readonly oidc?: OidcOptions;
  readonly proxy?: ProxyHeaders;
  /** The console ends TLS itself. With `ca` a client must show a certificate of it. */
  readonly tls?: TlsFiles;
  /** Other sites that may show the pages below /embed/ in a frame. */
  readonly frameAncestors?: readonly string[];
}

/**
 * Everything stops when `signal` is aborted, the server when it is told to.
 * @throws UserError when the port is taken
 */
export async function serveConsole(
  client: ClusterClient,
  { mode, metrics, cookieSecret, isSecure = false, audiences, oidc, proxy, namespace, ...where }: ServeOptions,
  signal: AbortSignal,
): Promise<ServedConsole> {
  setMaxListeners(0, signal); // each request listens for the end
  const ledger = createLedger(boundsFor(getHeapStatistics().heap_size_limit));
  const keeping = (type: ResourceType) => ({
    ...{ ledger, needsAll: true },
    ...(type === RESOURCES.canary ? { sketch: canarySketch } : {}),
  });
  const only = namespace === undefined ? {} : { namespace };
  const cache = createClusterCache(watchPorts(client), signal, { ...KEPT, keeping, ...only });
  const canaries = cache.track(RESOURCES.canary);
  const runs = cache.track(STEERING.run);
  await Promise.race([canaries.synced, canaries.denied ?? new Promise(() => undefined)]);
  const access = createAccess(mode, client, systemClock, audiences === undefined ? {} : { audiences });
  const seal = createSeal(cookieSecret ?? randomBytes(32).toString("base64url"));
  const sessions = createSessions({
    ...{ seal, clock: systemClock, isSecure },
    ...(proxy === undefined ? {} : { proxy }),
  });
  const running = await startConsole({
    ...{
      client: listingParts(client),
      access,
      sessions,
      canaries,
      runs,
      series: createSeries(metrics, systemClock, client.kube.get),
      signal,
      clock: systemClock,
      ...(namespace === undefined ? {} : { namespace }),
    },
    ...(oidc === undefined ? {} : { oidc: createOidc(oidc) }),
    pages: join(PROJECT_ROOT, "dist/console"),
    ...where,
  }).catch((cause: unknown) => {
    throw new UserError(`the console cannot listen: ${errorText(cause)}`, 1, { cause });
  });
  const token = access.oneTimeToken;
  const link = token === undefined ? running.url : `${running.url}login?token=${token}`;
  return { ...running, link, worksOnce: token !== undefined };
}
