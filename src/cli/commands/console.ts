/** The console: see and steer the canaries of a cluster in a browser. */
import { spawn } from "node:child_process";
import type { Mode } from "../../console/types.ts";
import { isForbidden, isNotFound } from "../../ports/kube.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { AUTH_OPTIONS, modeOf, signInOf } from "../console-auth.ts";
import { describeOptions, type OptionSpec, portOf, readOptions, refuseWords } from "../options.ts";
import { serveConsole } from "../serve-console.ts";

const OPTIONS = {
  host: { type: "string", help: "address to listen at; 127.0.0.1, and in a pod 0.0.0.0, when absent" },
  port: { type: "string", preset: "0", help: "port; 0: any free port" },
  "base-path": { type: "string", preset: "/", help: "where a proxy serves the console, e.g. /console/" },
  "metrics-server": { type: "string", help: "the operator's Prometheus, for charts of canary and primary" },
  "mesh-provider": { type: "string", preset: DEFAULT_PROVIDER, help: "as the operator's -mesh-provider" },
  namespace: { type: "string", short: "n", help: "show this namespace alone; else all that you may see" },
  open: { type: "boolean", help: "open the browser" },
  ...AUTH_OPTIONS,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const consoleCommand: Command = {
  help: `Usage: aviary console [OPTIONS]

Serves the console. With --auth local it listens on 127.0.0.1 only, acts as your kubeconfig's identity, and prints a link that
works once. The other ways are for a pod in the cluster, where it listens on all addresses; elsewhere use --host:
  none   everyone sees, no one steers
  token  every user brings a bearer token, which the API server reviews
  oidc   every user signs in at an identity provider
  proxy  a proxy names the user, and proves itself by a secret or a client certificate

Examples:
  aviary console                 on a laptop
  aviary console --auth token    in a cluster: every user brings a bearer token

${describeOptions(OPTIONS)}`,
  run,
};

/**
 * Who reaches the console is decided by the address. On a laptop that is the laptop, unless its user says otherwise; a
 * pod is reached by its own address. @throws UserError for a console of the user's own identity that others could reach
 */
export function hostOf(named: string | undefined, mode: Mode, env: CommandContext["env"]): string {
  if (mode === "local") {
    if (named === undefined || /^(127(\.\d+){3}|::1|localhost)$/.test(named)) return named ?? "127.0.0.1";
    throw new UserError(
      `--auth local acts with your own rights, so it listens on this machine only: leave out --host ${named}, or choose --auth token`,
      2,
    );
  }
  const isPod = (env["KUBERNETES_SERVICE_HOST"] ?? "") !== "";
  return named ?? env["AVIARY_LISTEN_ADDRESS"] ?? (isPod ? "0.0.0.0" : "127.0.0.1");
}

async function run({ argv, env, out, signal }: CommandContext): Promise<0> {
  const options = readOptions(argv, OPTIONS);
  refuseWords(options);
  const mode = modeOf(options);
  const signIn = signInOf(options);
  const basePath = options.text("base-path") ?? "/";
  if (!/^\/([\w.-]+\/)*$/.test(basePath))
    throw new UserError(`--base-path must begin and end with a slash, found "${basePath}"`, 2);
  const whole = await connectCluster(options, env, { raw: true });
  const only = options.text("namespace") ?? (mode === "local" ? await onlyNamespace(whole, signal) : undefined);
  // The pages show the name of the cluster, and so what they cover.
  const client = only === undefined ? whole : { ...whole, name: `${whole.name}, namespace ${only} alone` };
  const port = portOf(options.text("port"), "--port") ?? 0;
  const host = hostOf(options.text("host"), mode, env);
  const address = options.text("metrics-server");
  const meshProvider = options.text("mesh-provider") ?? DEFAULT_PROVIDER;
  const metrics = address === undefined ? {} : { metrics: { address, meshProvider } };
  const { link, worksOnce, stop } = await serveConsole(
    client,
    { mode, basePath, host, port, ...(only === undefined ? {} : { namespace: only }), ...signIn, ...metrics },
    signal,
  );
  out(`cluster: ${client.name}\nconsole: ${link}\n`);
  if (only !== undefined && options.text("namespace") === undefined) {
    out(
      `You may not list Canaries of all namespaces. The console shows namespace ${only}, the context's; -n names another.\n`,
    );
  }
  if (worksOnce) out("The link works once. The console ends with Ctrl-C.\n");
  if (options.flag("open"))
    spawn("xdg-open", [link], { stdio: "ignore", detached: true })
      .on("error", () => undefined)
      .unref();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await stop();
  return 0;
}

/** The context's namespace, when the user may not list the Canaries of all; undefined when the user may. */
async function onlyNamespace(client: ClusterClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    await client.kube.list(RESOURCES.canary, "", { limit: 1 }, signal);
    return undefined;
  } catch (error) {
    if (isForbidden(error)) return client.namespace;
    if (isNotFound(error)) return undefined; // the pages say what to install
    throw asUserError(error);
  }
}
