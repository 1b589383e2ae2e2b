/** A command's streams over SPDY: the client opens one stream for each, and names its type in a header. */
import type { Duplex } from "node:stream";
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import type { TakenSocket } from "../http/call.ts";
import type { CommandStreams, Wanted } from "./command-streams.ts";
import { serveSpdy } from "./spdy/connection.ts";
import { acceptSpdy } from "./spdy-upgrade.ts";
import { sizeOf } from "./terminal.ts";

export const SPDY_COMMAND_PROTOCOL = "v4.channel.k8s.io";

/** Resolves when the client has opened all streams that it asked for, or has left. */
export async function acceptSpdyCommand(taken: TakenSocket, wanted: Wanted, protocol: string): Promise<CommandStreams> {
  const transport = acceptSpdy(taken, protocol);
  const expected = ["error", "stdin", "stdout", "stderr", "resize"].filter((type) => isExpected(type, wanted));
  const streams = new Map<string, Duplex>();
  const gone = new Promise<void>((resolve) => void transport.once("close", () => resolve()));
  let complete: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    complete = resolve;
  });
  serveSpdy(transport, ({ headers, body }) => {
    const type = headers.get("streamtype") ?? "";
    streams.set(type, body);
    // The client writes to two of them alone; the end of the others is read so that they can close.
    if (type !== "stdin" && type !== "resize") body.resume();
    if (expected.every((name) => streams.has(name))) complete();
  });
  await Promise.race([opened, gone]);
  return {
    stdin: streams.get("stdin"),
    stdout: streams.get("stdout"),
    stderr: streams.get("stderr"),
    onResize: (listener) => void streams.get("resize")?.on("data", (text) => sizeOf(text, listener)),
    finish: (status) => finish(streams, status),
    gone,
  };
}

function isExpected(type: string, { stdin, stdout, stderr, tty }: Wanted): boolean {
  if (type === "error") return true;
  return type === "resize" ? tty : { stdin, stdout, stderr }[type] === true;
}

function finish(streams: ReadonlyMap<string, Duplex>, status: KubeFields): void {
  for (const type of ["stdin", "resize"]) streams.get(type)?.end();
  streams.get("error")?.end(JSON.stringify(status));
}
