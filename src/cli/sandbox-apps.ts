/** Aviary's own programs as pods of the sandbox run them: the very program users install, as child processes. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { App, AppContext, AppTable } from "../../sandbox/apps.ts";
import { startChild } from "../../sandbox/programs/child.ts";
import { makePodFolder } from "../../sandbox/programs/pod-folder.ts";
import type { SandboxServices } from "../../sandbox/sandbox.ts";

/**
 * Options of Node for the sandbox, which waits most of its time. The small nursery keeps some ten megabytes free.
 * The heap grows by three tenths, and not to the fourfold, before garbage is collected: most of what a sandbox
 * allocates is garbage within a second.
 */
export const SMALL_HEAP = ["--max-semi-space-size=2", "--heap-growing-percent=30"] as const;
/** For the programs in the sandbox, which do even less. Compact code is slower. */
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

/**
 * Images whose name says Aviary or Flagger run as child processes, with the rights of their pod's ServiceAccount.
 * @param kubeconfigFile beside which the token of the load tester is written
 * @param nodeOptions options of Node for the programs; those that keep memory small when absent
 */
export function aviaryApps(
  program: string,
  kubeconfigFile: string,
  nodeOptions: readonly string[] = [...SMALL_HEAP, COMPACT_CODE],
): (services: SandboxServices) => AppTable {
  return (services) => {
    const token = webhookTokenOf(kubeconfigFile);
    writeFileSync(token, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
    const start = [...nodeOptions, program];
    return ({ repository }) => {
      const name = repository.split("/").at(-1) ?? "";
      return ENTRY_POINTS[name] === undefined ? undefined : childProcess(start, name, services, token);
    };
  };
}

/**
 * The load tester runs commands, and every user of the machine and every web page can reach it. So it takes only
 * requests that carry this file's token, or that the operator has signed with it.
 */
export function webhookTokenOf(kubeconfigFile: string): string {
  return join(dirname(resolve(kubeconfigFile)), "webhook-token");
}

/**
 * All pods of a sandbox are on one machine, so that the operator must be allowed to ask its own. The load tester's
 * commands see the variables that its manifest names, and none of the developer's.
 */
function flagsOf(command: string, token: string, env: Readonly<Record<string, string>>): readonly string[] {
  if (command === "operator") return ["-allow-local-egress", `-webhook-key-file=${token}`];
  if (command !== "loadtester") return [];
  return [`-token-file=${token}`, `-command-env=${Object.keys(env).join(",")}`];
}

/** What the manifest says comes last, and wins; only a load tester without a token is no choice that it has. */
export function commandLine(
  image: string,
  token: string,
  { argv, env }: Pick<AppContext, "argv" | "env">,
): readonly string[] {
  const [command = "", ...given] = wordsFor(image, argv) ?? argv;
  const kept = command === "loadtester" ? given.filter((word) => !/^--?token-file(?:=(?:""|'')?)?$/.test(word)) : given;
  return [command, ...flagsOf(command, token, env), ...kept];
}

/** @param start the words for Node before those of the command */
function childProcess(start: readonly string[], image: string, services: SandboxServices, token: string): App {
  return (context) => {
    const folder = makePodFolder(context, services.url);
    const words = commandLine(image, token, context);
    return startChild({
      command: process.execPath,
      args: [...start, ...words],
      // KUBECONFIG is there also when the file is not: no program of a pod may find the kubeconfig of a person.
      env: { ...process.env, ...context.env, ...placeOf(context, services), KUBECONFIG: folder.kubeconfig },
      log: context.log,
      ended: folder.remove,
    });
  };
}

function placeOf(
  { address, namespace, podName }: AppContext,
  { nameserver, portShift }: SandboxServices,
): Record<string, string> {
  const search = [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"].join(" ");
  return {
    AVIARY_NAMESERVER: nameserver,
    AVIARY_SEARCH: search,
    ...(portShift !== 0 && { AVIARY_PORT_SHIFT: String(portShift) }),
    AVIARY_LISTEN_ADDRESS: address,
    AVIARY_PARENT_PIPE: "1",
    HOSTNAME: podName,
  };
}
