/** Starts the console for a cluster: its watches, its server, and the link that a person opens. */
import { join } from "node:path";
import { createAccess } from "../console/access.ts";
import { createSeries, type MetricsServer } from "../console/series.ts";
import { type RunningConsole, startConsole } from "../console/server.ts";
import type { Mode } from "../console/types.ts";
import { createClusterCache } from "../kube/cluster-cache.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { PROJECT_ROOT } from "../project-root.ts";
import { systemClock } from "../time/system-clock.ts";
import type { ClusterClient } from "./cluster.ts";
import { UserError } from "./command.ts";

export interface ServedConsole extends RunningConsole {
  /** What a person opens; with a token that works once in the mode `local`. */
  readonly link: string;
  readonly worksOnce: boolean;
}

export interface ServeOptions {
  readonly mode: Mode;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** "/" or "/console/". */
  readonly basePath: string;
  /** Absent: there are no charts of canary and primary. */
  readonly metrics?: MetricsServer;
}

/** Everything stops when `signal` is aborted, the server when it is told to. @throws UserError when the port is taken */
export async function serveConsole(
  client: ClusterClient,
  { mode, metrics, ...where }: ServeOptions,
  signal: AbortSignal,
): Promise<ServedConsole> {
  const world = { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
  const cache = createClusterCache(world, signal);
  const canaries = cache.track(RESOURCES.canary);
  await Promise.race([canaries.synced, canaries.denied ?? new Promise(() => undefined)]);
  const access = createAccess(mode, client, systemClock);
  const running = await startConsole({
    ...{ client, access, canaries, series: createSeries(metrics, systemClock), signal, clock: systemClock },
    ...where,
    pages: join(PROJECT_ROOT, "dist/console"),
  }).catch((cause: unknown) => {
    throw new UserError(`the console cannot listen: ${cause instanceof Error ? cause.message : cause}`, 1, { cause });
  });
  const token = access.oneTimeToken;
  const link = token === undefined ? running.url : `${running.url}login?token=${token}`;
  return { ...running, link, worksOnce: token !== undefined };
}
