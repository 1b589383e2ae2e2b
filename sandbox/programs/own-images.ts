/**
 * Images of one's own: a container whose image has an entry in images.yaml is a program of this machine. The program
 * listens on $PORT; the pod's port leads there.
 *
 *   pod 127.B.1.7:8080 (containerPort) ---> 127.0.0.1:$PORT (the program)
 */

import { connect, createServer, type Server } from "node:net";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { App, AppContext, AppTable, RunningApp } from "../apps.ts";
import type { Cluster } from "../cluster.ts";
import { servedAt } from "../low-ports.ts";
import { startChild } from "./child.ts";
import { commandWords, followImageFile, type ImageProgram } from "./image-file.ts";
import { makePodFolder } from "./pod-folder.ts";
import { freePorts } from "./ports.ts";
import { relay } from "./relay.ts";

export interface OwnImagesOptions {
  readonly cluster: Cluster;
  /** URL of the API server, for the pod's kubeconfig. */
  readonly server: string;
  /** Of Services' ports below 1024, see low-ports.ts; 0 when absent. */
  readonly portShift: number;
  /** Path of images.yaml; it need not exist. */
  readonly file: string;
  /** Receives what is wrong with the file. */
  readonly report: (message: string) => void;
}

/** An image with its tag is looked for first, so that two versions may be two programs. */
export function ownImages(options: OwnImagesOptions): AppTable {
  const programs = followImageFile(options.file);
  let reported = "";
  return ({ repository, tag }) => {
    try {
      const found = programs().get(`${repository}:${tag}`) ?? programs().get(repository);
      reported = "";
      return found && runProgram(options, found, { repository, tag });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== reported) options.report(message);
      reported = message;
      return undefined;
    }
  };
}

const LOOK_AGAIN_MS = 50;

function runProgram(options: OwnImagesOptions, program: ImageProgram, image: { repository: string; tag: string }): App {
  return async (context) => {
    const free = await freePorts(context.ports.length);
    const ports = context.ports.map((port, i) => ({ ...port, local: free[i] ?? 0 }));
    const folder = makePodFolder(context, options.server);
    const [command = "", ...args] = commandWords(program.command);
    const env = {
      ...process.env,
      ...serviceVariables(options, context.namespace),
      ...withoutPath(context.env),
      ...program.env,
      ...portVariables(ports),
      POD_IP: context.address,
      POD_NAME: context.podName,
      POD_NAMESPACE: context.namespace,
      IMAGE_TAG: image.tag,
      KUBECONFIG: folder.kubeconfig,
      AVIARY_MOUNTS: folder.dir,
    };
    const child = await startChild({
      command,
      args: [...args, ...(context.args ?? [])],
      env,
      log: context.log,
      ended: folder.remove,
      ...(program.workingDir !== undefined && { cwd: program.workingDir }),
    });
    const doors = ports.map(({ containerPort, local }) => openDoor(context, containerPort, local));
    const closeDoors = () => Promise.all(doors.map((door) => door.close()));
    void child.exited.then(closeDoors);
    const stop: RunningApp["stop"] = async () => {
      await child.stop();
      await closeDoors();
    };
    return { exited: child.exited, stop, pid: child.pid };
  };
}

/** The container's own PATH is that of an image; programs of this machine are found by this machine's. */
function withoutPath({ PATH: _, ...env }: AppContext["env"]): Readonly<Record<string, string>> {
  return env;
}

interface Port {
  readonly name: string;
  readonly containerPort: number;
  readonly local: number;
}

/** PORT is the first port's; PORT_HTTP_METRICS that of the port http-metrics. */
function portVariables(ports: readonly Port[]): Record<string, string> {
  const [first] = ports;
  const named = ports.filter(({ name }) => name !== "");
  return {
    ...(first !== undefined && { PORT: String(first.local) }),
    ...Object.fromEntries(named.map(({ name, local }) => [`PORT_${variable(name)}`, String(local)])),
  };
}

/** As on every cluster: MY_APP_SERVICE_HOST and MY_APP_SERVICE_PORT for each Service of the namespace. */
function serviceVariables({ cluster, portShift }: OwnImagesOptions, namespace: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { metadata, spec } of cluster.list(RESOURCES.service, namespace)) {
    const ports: readonly KubeFields[] = spec?.ports ?? [];
    if (typeof spec?.clusterIP !== "string" || spec.clusterIP === "None" || ports[0] === undefined) continue;
    found[`${variable(metadata.name)}_SERVICE_HOST`] = spec.clusterIP;
    found[`${variable(metadata.name)}_SERVICE_PORT`] = String(servedAt(ports[0].port, portShift));
  }
  return found;
}

const variable = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9]/g, "_");

/** The pod's port is closed until the program listens, so that a probe of the port tells the truth. */
function openDoor({ address, log }: AppContext, port: number, local: number): { close(): Promise<void> } {
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const look = () => {
    const probe = connect(local, "127.0.0.1");
    probe.once("connect", () => {
      probe.destroy();
      if (!closed) server = forwarder(address, port, local, log);
    });
    probe.once("error", () => {
      if (!closed) timer = setTimeout(look, LOOK_AGAIN_MS);
    });
  };
  look();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      return new Promise((resolve) => {
        if (server?.listening === true) server.close(() => resolve());
        else resolve();
      });
    },
  };
}

function forwarder(address: string, port: number, local: number, log: (line: string) => void): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => relay(socket, local));
  server.once("error", (error) =>
    log(`the sandbox cannot listen on the pod's port ${address}:${port}: ${error.message}`),
  );
  server.listen(port, address);
  return server;
}
