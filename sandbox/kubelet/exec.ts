/**
 * Commands of `kubectl exec`. A pod has no file system of its own: a command is a program of this machine, with the
 * environment and the folder of the container's program, and with an HTTP proxy that knows the names of the cluster.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { PassThrough, Readable, Writable } from "node:stream";
import type { AppContext } from "../apps.ts";
import type { Cluster, ContainerCommand } from "../cluster.ts";
import { makePodFolder } from "../programs/pod-folder.ts";
import type { ContainerState } from "./container.ts";
import { type NameProxy, startNameProxy } from "./name-proxy.ts";
import { onTerminal, resizeTerminal } from "./terminal.ts";

type Program = NonNullable<ContainerState["program"]>;

/** The exit code of shells for an unknown command. */
const NOT_FOUND = 127;

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  leave(): void;
}

export interface CommandServices {
  readonly cluster: Cluster;
  /** URL of the API server. */
  readonly apiServer: string;
  /** Of Services' ports below 1024, see low-ports.ts. */
  readonly portShift: number;
}

/** A command that cannot be started is one that ends at once, with the reason as its output. */
export async function startCommand(
  { cluster, apiServer, portShift }: CommandServices,
  { running, context }: Program,
  { command, tty }: { readonly command: readonly string[]; readonly tty: boolean },
): Promise<ContainerCommand> {
  const place = running.pid === undefined ? ownPlace(context, apiServer) : placeOf(running.pid);
  const proxy = await startNameProxy(cluster, context, portShift);
  const leave = async () => {
    place.leave();
    await proxy.stop();
  };
  const [name = "", ...args] = tty ? onTerminal(command) : command;
  // A group of its own: the command's children end with it.
  const child = spawn(name, args, { cwd: place.cwd, env: { ...variables(proxy), ...place.env }, detached: true });
  const started = await new Promise<Error | undefined>((resolve) => {
    child.once("spawn", () => resolve(undefined));
    child.once("error", resolve);
  });
  if (started !== undefined) {
    await leave();
    return failed(command[0] ?? "", started);
  }
  return commandOf(child, context, leave);
}

function commandOf(child: ChildProcess, { signal }: AppContext, leave: () => Promise<void>): ContainerCommand {
  const stop = () => {
    if (child.exitCode === null && child.signalCode === null) signalGroup(child);
  };
  signal.addEventListener("abort", stop, { once: true });
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code, by) => {
      signal.removeEventListener("abort", stop);
      void leave().then(() => resolve(code ?? (by === "SIGKILL" ? 137 : 143)));
    });
  });
  const stdin = child.stdin ?? nowhere();
  stdin.on("error", () => {});
  return {
    stdin,
    stdout: kept(child.stdout),
    stderr: kept(child.stderr),
    exited,
    resize: (columns, rows) => resizeTerminal(child.pid ?? 0, columns, rows),
    stop,
  };
}

/** Node.js throws away what a child wrote before it ended, unless the output was read from the start. */
function kept(output: Readable | null): Readable {
  return output === null ? Readable.from([]) : output.pipe(new PassThrough());
}

function signalGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, "SIGTERM");
  } catch (error) {
    // The group may have ended this very moment.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function failed(name: string, error: NodeJS.ErrnoException): ContainerCommand {
  const why = error.code === "ENOENT" ? `"${name}" was not found on this machine` : error.message;
  const text = `cannot run the command: ${why}. Pods of the sandbox have no files of their own: commands are programs of this machine.\n`;
  return {
    stdin: nowhere(),
    stdout: Readable.from([]),
    stderr: Readable.from([Buffer.from(text)]),
    exited: Promise.resolve(NOT_FOUND),
    resize: () => {},
    stop: () => {},
  };
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** What a process of this machine sees. */
function placeOf(pid: number): Place {
  const env = readFileSync(`/proc/${pid}/environ`, "utf8")
    .split("\0")
    .filter((line) => line.includes("="));
  return {
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    env: Object.fromEntries(env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])),
    leave: () => {},
  };
}

/** A program within the sandbox's own process has no folder: its command gets one with the pod's mounted files. */
function ownPlace(context: AppContext, apiServer: string): Place {
  const folder = makePodFolder(context, apiServer);
  const { PATH = "/usr/local/bin:/usr/bin:/bin" } = process.env;
  const env = {
    ...context.env,
    PATH,
    HOME: folder.dir,
    HOSTNAME: context.podName,
    POD_IP: context.address,
    POD_NAME: context.podName,
    POD_NAMESPACE: context.namespace,
    KUBECONFIG: folder.kubeconfig,
    AVIARY_MOUNTS: folder.dir,
  };
  return { cwd: folder.dir, env, leave: folder.remove };
}

function variables({ url }: NameProxy): Readonly<Record<string, string>> {
  const { TERM = "xterm" } = process.env;
  return { TERM, http_proxy: url, HTTP_PROXY: url, https_proxy: url, HTTPS_PROXY: url };
}
