/** Aviary's own programs as pods of the sandbox run them: the very program users install, as child processes. */
import { spawn } from "node:child_process";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import type { App, AppContext, AppTable } from "../../sandbox/apps.ts";
import type { SandboxServices } from "../../sandbox/sandbox.ts";

/** Time between asking a program to end and ending it. */
const KILL_AFTER_MS = 10_000;

/** These programs wait most of their time: a small nursery and compact code keep a dozen megabytes free each. */
export const SMALL_HEAP = "--max-semi-space-size=2";
const COMPACT_CODE = "--optimize-for-size";

/** What runs when a container of the image names no command: the image's entry point. */
const ENTRY_POINTS: Readonly<Record<string, readonly string[]>> = {
  aviary: ["operator"],
  "aviary-loadtester": ["loadtester"],
  flagger: ["operator"],
  "flagger-loadtester": ["loadtester"],
};

/** Programs of the images under the names by which Flagger's charts call them. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  aviary: [],
  flagger: ["operator"],
  loadtester: ["loadtester"],
};

/**
 * The words of Aviary's command line that stand for a container's command and arguments.
 * @param image the last part of the image's name @returns undefined when the image is not Aviary's
 */
export function wordsFor(image: string, argv: readonly string[]): readonly string[] | undefined {
  const entryPoint = ENTRY_POINTS[image];
  if (entryPoint === undefined) return undefined;
  const [first = "-", ...rest] = argv;
  const command = COMMANDS[basename(first)];
  if (command !== undefined) return [...command, ...rest];
  // As the image does it: arguments alone go to the entry point, a word is a command of Aviary's.
  return first.startsWith("-") || image !== "aviary" ? [...entryPoint, ...argv] : argv;
}

/** Images whose name says Aviary or Flagger run as child processes. */
export function aviaryApps(program: string, kubeconfigFile: string): (services: SandboxServices) => AppTable {
  return ({ nameserver }) => {
    const environment = { AVIARY_NAMESERVER: nameserver, KUBECONFIG: kubeconfigFile };
    return ({ repository }) => {
      const name = repository.split("/").at(-1) ?? "";
      return ENTRY_POINTS[name] === undefined ? undefined : childProcess(program, name, environment);
    };
  };
}

function childProcess(program: string, image: string, environment: Readonly<Record<string, string>>): App {
  return (context) => {
    const env = { ...process.env, ...context.env, ...environment, ...placeOf(context) };
    const given = wordsFor(image, context.argv) ?? context.argv;
    // All pods of a sandbox are on one machine.
    const words = given[0] === "operator" ? [...given, "-allow-local-egress"] : given;
    // The pipe is the leash: when this process is gone, however that happened, the program sees its stdin end.
    const child = spawn(process.execPath, [SMALL_HEAP, COMPACT_CODE, program, ...words], {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", context.log);
    const exited = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? 137));
    });
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
      await exited.finally(() => clearTimeout(insist));
    };
    return Promise.resolve({ exited, stop, pid: child.pid });
  };
}

function placeOf({ address, namespace, podName }: AppContext): Record<string, string> {
  const search = [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"].join(" ");
  return { AVIARY_SEARCH: search, AVIARY_LISTEN_ADDRESS: address, AVIARY_PARENT_PIPE: "1", HOSTNAME: podName };
}
