/**
 * `kubectl exec` and `kubectl attach`: a command's input, output and end over WebSocket (kubectl from 1.31 on) or SPDY
 * (kubectl before that, and where a role allows `create` alone).
 */
import { pipeline } from "node:stream/promises";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { ContainerCommand, ContainerPlace, PodConnections } from "../../cluster.ts";
import { badRequest } from "../errors.ts";
import { type Answer, type Call, flag, type Upgrade } from "../http/call.ts";
import { containerOf } from "../http/containers.ts";
import { existing } from "../http/reading.ts";
import type { Route } from "../http/route.ts";
import { acceptChannels, CHANNEL_PROTOCOLS } from "./channels.ts";
import type { CommandStreams, Wanted } from "./command-streams.ts";
import { acceptSpdyCommand, SPDY_COMMAND_PROTOCOL } from "./spdy-command.ts";
import { connectionsOf, protocolFor, requireUpgrade, type StreamCall } from "./upgrade.ts";
import { isWebSocket } from "./websocket.ts";

/** @throws ApiError 400 when the container does not run, 404 when the pod does not exist */
export function execPod(call: Call, route: Route): Promise<Answer> {
  return execIn(call, existing(call, route));
}

/** @throws ApiError as `execPod` */
export function execIn(call: StreamCall, pod: KubeObject): Promise<Answer> {
  const command = call.query.getAll("command");
  if (command.length === 0) throw badRequest("you must specify at least one command for the container");
  const tty = flag(call.query, "tty");
  return serve(call, pod, (connections, place) => connections.exec(place, { command, tty }));
}

/** The output of the container's program from now on; its input stays closed. @throws ApiError as `execPod` */
export function attachPod(call: Call, route: Route): Promise<Answer> {
  return attachTo(call, existing(call, route));
}

/** @throws ApiError as `execPod` */
export function attachTo(call: StreamCall, pod: KubeObject): Promise<Answer> {
  return serve(call, pod, (connections, place) => connections.attach(place));
}

type Start = (connections: PodConnections, place: ContainerPlace) => Promise<ContainerCommand>;

async function serve(call: StreamCall, pod: KubeObject, start: Start): Promise<Answer> {
  const { namespace = "", name } = pod.metadata;
  const container = containerOf(call, pod);
  const upgrade = requireUpgrade(call);
  const connections = connectionsOf(call);
  const webSocket = isWebSocket(call.request);
  const protocol = protocolFor(call.request, webSocket ? CHANNEL_PROTOCOLS : [SPDY_COMMAND_PROTOCOL]);
  const command = await start(connections, { namespace, pod: name, container });
  const streams = await accept(call, upgrade, webSocket, protocol);
  void carry(command, streams);
  return undefined;
}

function accept(call: StreamCall, upgrade: Upgrade, webSocket: boolean, protocol: string): Promise<CommandStreams> {
  const tty = flag(call.query, "tty");
  const wanted: Wanted = {
    stdin: flag(call.query, "stdin"),
    stdout: flag(call.query, "stdout"),
    // A terminal has one output.
    stderr: flag(call.query, "stderr") && !tty,
    tty,
  };
  if (webSocket) return acceptChannels(call.request, upgrade.take(), wanted, protocol);
  return acceptSpdyCommand(upgrade.take(), wanted, protocol);
}

async function carry(command: ContainerCommand, streams: CommandStreams): Promise<void> {
  void streams.gone.then(() => command.stop());
  streams.onResize((columns, rows) => command.resize(columns, rows));
  // A command need not read its input, and may close it: how the command ends is what counts.
  if (streams.stdin === undefined) command.stdin.end();
  else pipeline(streams.stdin, command.stdin).catch(() => {});
  const outputs = [output(command.stdout, streams.stdout), output(command.stderr, streams.stderr)];
  const code = await command.exited;
  await Promise.all(outputs);
  streams.finish(statusOf(code));
}

async function output(from: NodeJS.ReadableStream, to: NodeJS.WritableStream | undefined): Promise<void> {
  if (to === undefined) return void from.resume();
  // A client that has left is noticed by `gone`.
  await pipeline(from, to).catch(() => {});
}

function statusOf(code: number): KubeFields {
  if (code === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}
