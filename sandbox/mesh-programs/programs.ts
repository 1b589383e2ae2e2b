/** What the real meshes have in common: how their programs are found, started and stopped, and free ports for them. */
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { AppTable } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import { type ChildProgram, startChild } from "../programs/child.ts";

export interface MeshOptions {
  readonly cluster: Cluster;
  /** Path of a kubeconfig of the sandbox. */
  readonly kubeconfig: string;
  /** Of the sandbox's API server on 127.0.0.1. */
  readonly apiPort: number;
  /** A folder that holds the programs; $PATH is searched, too. */
  readonly programs?: string;
  /** Of Envoy on 127.0.0.1; any free port when absent. */
  readonly port?: number;
  /** Files and folders with CRDs of the mesh and of the Gateway API, which replace the sandbox's own of the same name. */
  readonly crds?: readonly string[];
  /** Gives pods further programs. @returns takes them away */
  readonly provide: (apps: AppTable) => () => void;
  readonly log: (line: string) => void;
}

export interface MeshPrograms {
  /** Where the proxy listens for users. */
  readonly url: string;
  /** Where it listens for the listener of the Gateway `ingress/gateway`; absent without the Gateway API. */
  readonly gatewayUrl?: string;
  /** The proxy's metrics in Prometheus' format. */
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/** The child processes of one mesh, in a folder of their own. */
export interface ProgramGroup {
  /** Is removed by `stop`. */
  readonly dir: string;
  /** @throws Error when the program cannot be started */
  start(
    command: string,
    args: readonly string[],
    env?: Readonly<Record<string, string | undefined>>,
  ): Promise<ChildProgram>;
  /** Waits until `url` answers 200. @throws Error when the program ends before, or needs too long */
  ready(program: ChildProgram, url: string): Promise<void>;
  /** Stops the programs, the latest first. */
  stop(): Promise<void>;
}

/** A busy machine takes its time; `sandbox up` waits no longer than a minute. */
const READY_TIMEOUT_MS = 45_000;
const LOOK_AGAIN_MS = 250;
const SEE_LOG = "the sandbox's log has its words";

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );

export function programGroup(name: string, log: (line: string) => void): ProgramGroup {
  const dir = mkdtempSync(join(tmpdir(), `aviary-${name}-`));
  const started: ChildProgram[] = [];
  return {
    dir,
    start: async (command, args, env = {}) => {
      const program = await startChild({ command, args, env: { ...process.env, ...env }, cwd: dir, log });
      started.push(program);
      void program.exited.then((code) => log(`${basename(command)} has ended with code ${code}`));
      return program;
    },
    ready: async (program, url) => {
      const late = AbortSignal.timeout(READY_TIMEOUT_MS);
      let ended: number | undefined;
      void program.exited.then((code) => {
        ended = code;
      });
      while (!(await answers(url))) {
        if (ended !== undefined) throw new Error(`a program of ${name} has ended (code ${ended}); ${SEE_LOG}`);
        if (late.aborted) throw new Error(`${name} was not ready after ${READY_TIMEOUT_MS / 1000} s; ${SEE_LOG}`);
        await setTimeout(LOOK_AGAIN_MS);
      }
    },
    stop: async () => {
      for (const program of started.splice(0).toReversed()) await program.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Paths of the programs. @param option names their folder @throws Error that names those that are missing */
export function findAll<const T extends readonly string[]>(
  names: T,
  programs: string | undefined,
  path = process.env["PATH"] ?? "",
  option = "--mesh-programs",
): { readonly [K in keyof T]: string } {
  const dirs = [...(programs === undefined ? [] : [programs]), ...path.split(delimiter)].filter((dir) => dir !== "");
  const found = names.map((name) => dirs.map((dir) => join(dir, name)).find(isProgram));
  const missing = names.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const where = programs === undefined ? "on the PATH" : `in ${programs} or on the PATH`;
    throw new Error(`not found ${where}: ${missing.join(", ")}; install them, or name their folder with ${option}`);
  }
  return found as unknown as { readonly [K in keyof T]: string };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All are held until the last one is known, so that they differ. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return ports;
}

/** Whether a program may listen for the port on every address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "0.0.0.0", () => server.close(() => resolve(true)));
  });
}
