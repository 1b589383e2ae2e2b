/**
 * The real Contour with a real Envoy, as child processes against the sandbox's API server. Contour reads HTTPProxies and
 * EndpointSlices, Envoy carries the requests to the pods. None of their code is here: both programs are found on this machine.
 */
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { RunningApp } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import { contourCrds } from "../crds/contour.ts";
import { startChild } from "../programs/child.ts";

export interface ContourOptions {
  readonly cluster: Cluster;
  /** Path of a kubeconfig of the sandbox. */
  readonly kubeconfig: string;
  /** A folder that holds the programs; $PATH is searched, too. */
  readonly programs?: string;
  /** Of Envoy on 127.0.0.1; any free port when absent. */
  readonly port?: number;
  readonly log: (line: string) => void;
}

export interface MeshPrograms {
  /** Where Envoy listens for users. */
  readonly url: string;
  /** Envoy's metrics in Prometheus' format. */
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/** @throws Error that names the programs that are missing */
export async function startContour(options: ContourOptions): Promise<MeshPrograms> {
  const { cluster, kubeconfig } = options;
  const [contour, envoy] = findAll(["contour", "envoy"], options.programs);
  for (const crd of contourCrds()) cluster.create(RESOURCES.crd, crd);
  const metadata = { name: "projectcontour" };
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata });
  const [xds = 0, metrics = 0, health = 0, stats = 0, debug = 0, https = 0, free = 0] = await freePorts(7);
  const port = options.port ?? free;
  const dir = mkdtempSync(join(tmpdir(), "aviary-contour-"));
  const started: RunningApp[] = [];
  const stop = async () => {
    for (const program of started.toReversed()) await program.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const start = async (command: string, args: readonly string[]) => {
    const program = await startChild({ command, args, env: process.env, cwd: dir, log: options.log });
    started.push(program);
    return program;
  };
  try {
    const at = (name: string, number: number) => [`--${name}-address=127.0.0.1`, `--${name}-port=${number}`];
    const places = [
      at("xds", xds),
      at("http", metrics),
      at("health", health),
      at("stats", stats),
      at("debug-http", debug),
    ];
    const doors = [at("envoy-service-http", port), at("envoy-service-https", https)];
    const how = ["--no-incluster", `--kubeconfig=${kubeconfig}`, "--insecure", "--disable-leader-election"];
    // A pipe of Node's cannot be opened by its name, so Envoy's access log may not be /dev/stdout.
    const quiet = ["--envoy-http-access-log=/dev/null", "--envoy-https-access-log=/dev/null"];
    await start(contour, ["serve", ...how, ...quiet, ...[...places, ...doors].flat()]);
    const config = join(dir, "envoy.json");
    const bootstrap = ["bootstrap", ...at("xds", xds), `--admin-address=${join(dir, "admin.sock")}`, config];
    const made = await start(contour, bootstrap);
    if ((await made.exited) !== 0) throw new Error("contour bootstrap failed; its words are in the sandbox's log");
    const who = ["--service-node", "envoy-sandbox", "--service-cluster", "projectcontour"];
    await start(envoy, ["-c", config, ...who, "--disable-hot-restart", "--concurrency", "1", "-l", "warn"]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, metricsUrl: `http://127.0.0.1:${stats}/stats/prometheus`, stop };
}

/** Paths of the programs. @throws Error that names those that are missing */
export function findAll<const T extends readonly string[]>(
  names: T,
  programs: string | undefined,
  path = process.env["PATH"] ?? "",
): { readonly [K in keyof T]: string } {
  const dirs = [...(programs === undefined ? [] : [programs]), ...path.split(delimiter)].filter((dir) => dir !== "");
  const found = names.map((name) => dirs.map((dir) => join(dir, name)).find(isProgram));
  const missing = names.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const where = programs === undefined ? "on the PATH" : `in ${programs} or on the PATH`;
    throw new Error(
      `not found ${where}: ${missing.join(", ")}; install them, or name their folder with --mesh-programs`,
    );
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
async function freePorts(count: number): Promise<readonly number[]> {
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
