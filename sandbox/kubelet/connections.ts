/** How the API server reaches what runs in pods: commands beside a program, its output, its ports. */
import { connect, type Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import {
  ApiError,
  type Cluster,
  type ContainerCommand,
  type ContainerPlace,
  type PodConnections,
  type PodLogs,
} from "../cluster.ts";
import type { ContainerState } from "./container.ts";
import { type CommandServices, startCommand } from "./exec.ts";

export interface Connected extends CommandServices {
  readonly logs: PodLogs;
  readonly programOf: (place: ContainerPlace) => ContainerState["program"];
}

export function podConnections({ logs, programOf, ...services }: Connected): PodConnections {
  const { cluster } = services;
  const running = (place: ContainerPlace) => {
    const program = programOf(place);
    if (program !== undefined) return program;
    const { container, pod } = place;
    throw new ApiError(400, "BadRequest", `container "${container}" in pod "${pod}" is not running`);
  };
  return {
    exec: async (place, request) => await startCommand(services, running(place), request),
    attach: async (place) => {
      running(place);
      return followed(logs, place);
    },
    connect: (namespace, pod, port) => dial(cluster, namespace, pod, port),
  };
}

function followed(logs: PodLogs, { namespace, pod, container }: ContainerPlace): ContainerCommand {
  const stdout = new Readable({ read: () => {} });
  let stop: () => void = () => {};
  const exited = new Promise<number>((resolve) => {
    const ended = () => {
      stdout.push(null);
      resolve(0);
    };
    const unfollow = logs.follow(namespace, pod, container, ({ text }) => stdout.push(`${text}\n`), ended);
    stop = () => {
      unfollow();
      ended();
    };
  });
  const stdin = new PassThrough();
  stdin.resume();
  return { stdin, stdout, stderr: Readable.from([]), exited, resize: () => {}, stop: () => stop() };
}

function dial(cluster: Cluster, namespace: string, pod: string, port: number): Promise<Socket> {
  const address: unknown = cluster.get(RESOURCES.pod, namespace, pod)?.status?.podIP;
  return new Promise((resolve, reject) => {
    if (typeof address !== "string") return reject(new Error(`pod ${namespace}/${pod} has no address`));
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", ({ message }) => {
      reject(new Error(`nothing answers on port ${port} of pod ${namespace}/${pod}: ${message}`));
    });
  });
}
