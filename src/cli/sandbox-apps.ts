/** Aviary's own programs as pods of the sandbox run them: the very program users install, as child processes. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { App, AppContext, AppTable } from "../../sandbox/apps.ts";
import type { SandboxServices } from "../../sandbox/sandbox.ts";

/** Time between asking a program to end and ending it. */
const KILL_AFTER_MS = 10_000;

/** These programs wait most of their time: a small nursery and compact code keep a dozen megabytes free each. */
export const SMALL_HEAP = "--max-semi-space-size=2";
const COMPACT_CODE = "--optimize-for-size";

/** Images whose name says Aviary or Flagger: the first word of their arguments picks the program. */
export function aviaryApps(program: string, kubeconfigFile: string): (services: SandboxServices) => AppTable {
  return ({ nameserver }) => {
    const environment = { AVIARY_NAMESERVER: nameserver, KUBECONFIG: kubeconfigFile };
    return ({ repository }) => {
      const name = repository.split("/").at(-1);
      if (name === "aviary" || name === "aviary-loadtester") return childProcess(program, [], environment);
      if (name === "flagger") return childProcess(program, ["operator"], environment);
      if (name === "flagger-loadtester") return childProcess(program, ["loadtester"], environment);
      return undefined;
    };
  };
}

function childProcess(program: string, first: readonly string[], environment: Readonly<Record<string, string>>): App {
  return (context) => {
    const env = { ...process.env, ...context.env, ...environment, ...placeOf(context) };
    const words = context.argv.filter((word) => word !== "./flagger" && word !== "./loadtester");
    // The pipe is the leash: when this process is gone, however that happened, the program sees its stdin end.
    const child = spawn(process.execPath, [SMALL_HEAP, COMPACT_CODE, program, ...first, ...words], {
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

function placeOf({ address, podName }: AppContext): Record<string, string> {
  return { AVIARY_LISTEN_ADDRESS: address, AVIARY_PARENT_PIPE: "1", HOSTNAME: podName };
}
