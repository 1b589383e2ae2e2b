/**
 * Credentials from a program that the kubeconfig names (`users[].user.exec`), as cloud providers use them. The program
 * prints an ExecCredential; it runs again when that expires or the API server refuses it.
 */
import { spawn } from "node:child_process";
import { abortable } from "../async/abortable.ts";
import { DeadlineExceeded, withDeadline } from "../async/back-off.ts";
import { errorText } from "../error-text.ts";
import type { Clock } from "../ports/clock.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import type { Credentials, Proof } from "./access.ts";
import { configError, type Entry, pathIn } from "./kubeconfig.ts";

/** A plugin may call a cloud; a person would wait for a minute. */
const PLUGIN_MS = 60_000;
/** A token that expires during the request is refused, so its last seconds are not used. */
const EARLY_MS = 10_000;

interface Issued {
  readonly proof: Proof;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** @param user the kubeconfig's user @param cluster passed to a plugin with provideClusterInfo */
export function execCredentials(user: Entry, cluster: Entry, name: string, clock: Clock): Credentials {
  const { exec } = user.fields;
  if (typeof exec?.command !== "string") configError(`user ${name} of the kubeconfig has exec without a command`);
  if (exec.interactiveMode === "Always") {
    configError(
      `user ${name} of the kubeconfig wants to ask questions (interactiveMode: Always): the operator has no terminal to answer`,
    );
  }
  let current: Promise<Issued> | undefined;
  let settled: Issued | undefined;

  async function issue(): Promise<Issued> {
    const printed = await runPlugin(user, cluster, clock);
    const { status } = printed;
    const proof: Proof = {
      headers: typeof status.token === "string" ? { authorization: `Bearer ${status.token}` } : {},
      ...(typeof status.clientCertificateData === "string"
        ? { tls: { cert: status.clientCertificateData, key: status.clientKeyData } }
        : {}),
    };
    const expiresAt = Date.parse(status.expirationTimestamp ?? "");
    settled = { proof, expiresAt: Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : expiresAt };
    return settled;
  }

  return {
    async prove(signal) {
      if (settled !== undefined && settled.expiresAt - EARLY_MS <= clock.now()) current = settled = undefined;
      // One run serves all callers that wait for it, so it does not end with the first caller that gives up.
      current ??= issue();
      const mine = current;
      mine.catch(() => {
        if (current === mine) current = undefined; // the next call tries again
      });
      return (await abortable(mine, signal)).proof;
    },
    renew() {
      current = settled = undefined;
      return true;
    },
  };
}

async function runPlugin(user: Entry, cluster: Entry, clock: Clock): Promise<KubeFields> {
  const { exec } = user.fields;
  const command: string = exec.command.includes("/") ? pathIn(user, exec.command) : exec.command;
  const failed = (why: string, cause?: unknown): never => {
    const hint = typeof exec.installHint === "string" ? `\n${exec.installHint.trim()}` : "";
    const message = `the credential plugin "${[command, ...(exec.args ?? [])].join(" ")}" ${why}${hint}`;
    throw new KubeError(0, "Credentials", message, undefined, { cause });
  };
  const info = {
    apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    spec: { interactive: false, ...(exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}) },
  };
  const extra = (exec.env ?? []).map(({ name, value }: KubeFields) => [name, value]);
  const env = { ...process.env, ...Object.fromEntries(extra), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  let ended: { readonly code: number | null; readonly out: string; readonly err: string };
  try {
    const notAborted = new AbortController().signal;
    ended = await withDeadline(clock, PLUGIN_MS, notAborted, ({ signal }) =>
      run(command, exec.args ?? [], env, signal),
    );
  } catch (error) {
    if (error instanceof DeadlineExceeded) return failed(`gave ${error.message}`, error);
    return failed(`cannot be run: ${errorText(error)}`, error);
  }
  if (ended.code !== 0) return failed(`failed with exit code ${ended.code}: ${ended.err.trim().slice(-500)}`);
  try {
    const printed = JSON.parse(ended.out);
    if (typeof printed?.status !== "object" || printed.status === null) throw new Error("it has no status");
    return printed;
  } catch (error) {
    return failed(`did not print an ExecCredential: ${errorText(error)}`, error);
  }
}

function clusterInfo({ fields }: Entry): KubeFields {
  const config = (fields.extensions ?? []).find(
    ({ name }: KubeFields) => name === "client.authentication.k8s.io/exec",
  )?.extension;
  return {
    server: fields.server,
    "certificate-authority-data": fields["certificate-authority-data"],
    "tls-server-name": fields["tls-server-name"],
    "insecure-skip-tls-verify": fields["insecure-skip-tls-verify"],
    ...(config === undefined ? {} : { config }),
  };
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const abort = () => {
      child.kill();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    child.on("error", reject);
    child.on("close", (code) => {
      signal.removeEventListener("abort", abort);
      resolve({ code, out, err });
    });
  });
}
