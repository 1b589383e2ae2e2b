/**
 * Chooses the cluster and the credentials, in this order; `master` replaces the server's address:
 *
 *   the --kubeconfig flag  ─►  $KUBECONFIG (a list)  ─►  the pod's service account  ─►  ~/.kube/config
 */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { errorText } from "../error-text.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import type { Clock } from "../ports/clock.ts";
import { type ClusterAccess, fixedCredentials } from "./access.ts";
import {
  configError,
  type Entry,
  type Kubeconfig,
  listedFiles,
  mergeKubeconfigs,
  pathIn,
  readKubeconfig,
} from "./kubeconfig.ts";
import { tokenFileCredentials, userCredentials } from "./user-credentials.ts";

export interface AccessOptions {
  readonly clock: Clock;
  /** --kubeconfig; "" counts as absent. */
  readonly kubeconfig?: string;
  /** --master: URL of the API server; overrides the kubeconfig's. */
  readonly master?: string;
  /** Instead of the kubeconfig's current-context. */
  readonly context?: string;
  /** KUBECONFIG, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
  /** The folder in which pods find their service account. */
  readonly serviceAccountDir?: string;
}

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/** @throws KubeError with reason "Config", which says where this function looked and what to do */
export async function loadAccess(options: AccessOptions): Promise<ClusterAccess> {
  const found = await findAccess(options);
  const { master = "" } = options;
  if (master === "") return found;
  return { ...found, server: serverUrl(master, "--master"), source: `${found.source}, at the address of --master` };
}

async function findAccess(options: AccessOptions): Promise<ClusterAccess> {
  const env = options.env ?? process.env;
  const { kubeconfig = "", context } = options;
  if (kubeconfig !== "") {
    const config = await readKubeconfig(kubeconfig);
    if (config === undefined) return configError(`the kubeconfig ${kubeconfig} given with --kubeconfig does not exist`);
    return await accessOf(config, context, options.clock);
  }
  const looked: string[] = [];
  const listed = listedFiles(env.KUBECONFIG);
  const configs = (await Promise.all(listed.map(readKubeconfig))).filter((config) => config !== undefined);
  if (configs.length > 0) return await accessOf(mergeKubeconfigs(configs), context, options.clock);
  // A user who names a file does not mean another cluster when the file is missing.
  if (listed.length > 0)
    return configError(`$KUBECONFIG names ${listed.join(", ")}, which does not exist: correct or unset it`);
  looked.push("$KUBECONFIG is not set");

  const inCluster = await podAccess(env, options);
  if (inCluster !== undefined) return inCluster;
  looked.push("not inside a pod ($KUBERNETES_SERVICE_HOST is not set)");

  const home = join(options.home ?? homedir(), ".kube", "config");
  const config = await readKubeconfig(home);
  if (config !== undefined) return await accessOf(config, context, options.clock);
  looked.push(`no such file ${home}`);
  const { master = "" } = options;
  if (master !== "") {
    const credentials = fixedCredentials();
    return {
      server: serverUrl(master, "--master"),
      namespace: "default",
      tls: {},
      credentials,
      source: "no kubeconfig",
    };
  }
  return configError(
    `no Kubernetes cluster is configured (${looked.join("; ")}): ` +
      "give --kubeconfig, set KUBECONFIG, or start a sandbox with `aviary sandbox`",
  );
}

async function podAccess(
  env: Readonly<Record<string, string | undefined>>,
  options: AccessOptions,
): Promise<ClusterAccess | undefined> {
  const host = env.KUBERNETES_SERVICE_HOST;
  if (host === undefined || host === "") return undefined;
  const folder = options.serviceAccountDir ?? SERVICE_ACCOUNT_DIR;
  const port = env.KUBERNETES_SERVICE_PORT_HTTPS ?? env.KUBERNETES_SERVICE_PORT ?? "443";
  const why = "this looks like a pod ($KUBERNETES_SERVICE_HOST is set); is automountServiceAccountToken off?";
  const ca = await fileOf(join(folder, "ca.crt"), why);
  const namespace = await readFile(join(folder, "namespace"), "utf8").catch(() => "default");
  const token = join(folder, "token");
  await fileOf(token, why);
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    tls: { ca },
    credentials: tokenFileCredentials(token, options.clock),
    source: "the pod's service account",
  };
}

async function accessOf(config: Kubeconfig, wanted: string | undefined, clock: Clock): Promise<ClusterAccess> {
  const files = config.files.join(", ");
  const known = [...config.contexts.keys()].join(", ") || "none";
  const contextName = wanted ?? config.currentContext;
  if (contextName === undefined) {
    return configError(
      `${files} has no current-context: run \`kubectl config use-context NAME\` (there are: ${known})`,
    );
  }
  const context = config.contexts.get(contextName);
  if (context === undefined)
    return configError(`there is no context "${contextName}" in ${files} (there are: ${known})`);
  const named = (kind: "cluster" | "user", entries: ReadonlyMap<string, Entry>): Entry => {
    const name = context.fields[kind];
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
    return configError(`context "${contextName}" of ${files} names the ${kind} "${name}", which is not there`);
  };
  const cluster = named("cluster", config.clusters);
  const anonymous: Entry = { fields: {}, folder: context.folder };
  const user = context.fields.user === undefined ? anonymous : named("user", config.users);
  const proxy = cluster.fields["proxy-url"];
  return {
    server: serverUrl(cluster.fields.server, `cluster "${context.fields.cluster}" of ${files}`),
    namespace: context.fields.namespace ?? "default",
    tls: await tlsOf(cluster, user),
    credentials: userCredentials(user, cluster, context.fields.user ?? "", clock),
    ...(typeof proxy === "string" && proxy !== "" ? { proxy } : {}),
    source: `context ${contextName} of ${files}`,
  };
}

async function tlsOf(cluster: Entry, user: Entry): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([
    pem(cluster, "certificate-authority"),
    pem(user, "client-certificate"),
    pem(user, "client-key"),
  ]);
  const servername = cluster.fields["tls-server-name"];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(typeof servername === "string" ? { servername } : {}),
    ...(cluster.fields["insecure-skip-tls-verify"] === true ? { rejectUnauthorized: false } : {}),
  };
}

/** Inline data wins over a file, as in kubectl. */
async function pem(entry: Entry, field: string): Promise<string | undefined> {
  const data = entry.fields[`${field}-data`];
  if (typeof data === "string" && data !== "") return Buffer.from(data, "base64").toString("utf8");
  const file = entry.fields[field];
  if (typeof file !== "string" || file === "") return undefined;
  return await fileOf(pathIn(entry, file), `the kubeconfig names it as ${field}`);
}

async function fileOf(path: string, why: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    return configError(`cannot read ${path}: ${errorText(error)} - ${why}`, error);
  }
}

function serverUrl(server: unknown, where: string): string {
  const text = typeof server === "string" && !server.includes("://") ? `http://${server}` : server;
  if (typeof text !== "string" || !URL.canParse(text)) {
    return configError(`the API server's address "${server}" (${where}) is not a URL such as https://10.0.0.1:6443`);
  }
  return text.replace(/\/+$/, "");
}
