/** The console: see and steer the canaries of a cluster in a browser. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createAccess } from "../../console/access.ts";
import { startConsole } from "../../console/server.ts";
import type { Mode } from "../../console/types.ts";
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { STEERING } from "../../ports/steering.ts";
import { PROJECT_ROOT } from "../../project-root.ts";
import { systemClock } from "../../time/system-clock.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, oneOf, portOf, readOptions, refuseWords } from "../options.ts";

const OPTIONS = {
  port: { type: "string", preset: "0", help: "port; 0: any free port" },
  auth: { type: "string", preset: "local", help: "local: you, on this machine. none: read-only. token: bearer tokens" },
  "base-path": { type: "string", preset: "/", help: "where a proxy serves the console, e.g. /console/" },
  open: { type: "boolean", help: "open the browser" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const consoleCommand: Command = {
  help: `Usage: aviary console [OPTIONS]

Serves the console. With --auth local it listens on 127.0.0.1 only, acts as your kubeconfig's identity, and prints a link that
works once. With --auth none or token it listens on all addresses, for a pod in the cluster.

Examples:
  aviary console                 on a laptop
  aviary console --auth token    in a cluster: every user brings a bearer token

${describeOptions(OPTIONS)}`,
  run,
};

async function run({ argv, env, out, signal }: CommandContext): Promise<0> {
  const options = readOptions(argv, OPTIONS);
  refuseWords(options);
  const mode = oneOf(options, "auth", ["local", "none", "token"]) as Mode;
  const basePath = options.text("base-path") ?? "/";
  if (!/^\/([\w.-]+\/)*$/.test(basePath))
    throw new UserError(`--base-path must begin and end with a slash, found "${basePath}"`, 2);
  const client = await connectCluster(options, env);
  const world = { transport: client.transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
  const cache = createClusterCache(world, signal);
  const canaries = cache.track(RESOURCES.canary);
  await Promise.race([canaries.synced, canaries.denied ?? new Promise(() => undefined)]);
  const access = createAccess(mode, client, systemClock);
  const running = await startConsole({
    ...{ client, access, canaries, runs: cache.track(STEERING.run), signal, clock: systemClock, basePath },
    host: mode === "local" ? "127.0.0.1" : (env["AVIARY_LISTEN_ADDRESS"] ?? "0.0.0.0"),
    port: portOf(options.text("port"), "--port") ?? 0,
    pages: join(PROJECT_ROOT, "dist/console"),
  }).catch((cause: unknown) => {
    throw new UserError(`the console cannot listen: ${cause instanceof Error ? cause.message : cause}`, 1, { cause });
  });
  const link = access.oneTimeToken === undefined ? running.url : `${running.url}login?token=${access.oneTimeToken}`;
  out(`cluster: ${client.name}\nconsole: ${link}\n`);
  if (access.oneTimeToken !== undefined) out("The link works once. The console ends with Ctrl-C.\n");
  if (options.flag("open"))
    spawn("xdg-open", [link], { stdio: "ignore", detached: true })
      .on("error", () => undefined)
      .unref();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await running.stop();
  return 0;
}
