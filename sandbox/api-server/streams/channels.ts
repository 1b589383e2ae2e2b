/**
 * A command's streams as channels of one WebSocket: the first byte of each message names the channel.
 *
 *   0 stdin   1 stdout   2 stderr   3 how it ended   4 size of the terminal   255 (v5) closes the channel that follows
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { PassThrough, Writable } from "node:stream";
import type { WebSocket } from "ws";
import type { TakenSocket } from "../http/call.ts";
import type { CommandStreams, Wanted } from "./command-streams.ts";
import { sizeOf } from "./terminal.ts";
import { acceptWebSocket, bytesOf } from "./websocket.ts";

export const CHANNEL_PROTOCOLS: readonly string[] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;

export async function acceptChannels(
  request: IncomingMessage,
  taken: TakenSocket,
  wanted: Wanted,
  protocol: string,
): Promise<CommandStreams> {
  const socket = await acceptWebSocket(request, taken, protocol);
  const stdin = new PassThrough();
  let resized: (columns: number, rows: number) => void = () => {};
  socket.on("message", (data) => {
    const message = bytesOf(data);
    const payload = message.subarray(1);
    if (message[0] === STDIN && !stdin.writableEnded) stdin.write(payload);
    else if (message[0] === CLOSE && payload[0] === STDIN) stdin.end();
    else if (message[0] === RESIZE) sizeOf(payload, resized);
  });
  const gone = new Promise<void>((resolve) => {
    socket.once("close", () => {
      stdin.end();
      resolve();
    });
  });
  return {
    stdin: wanted.stdin ? stdin : undefined,
    stdout: wanted.stdout ? channel(socket, STDOUT) : undefined,
    stderr: wanted.stderr ? channel(socket, STDERR) : undefined,
    onResize: (listener) => {
      resized = listener;
    },
    finish: (status) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(Buffer.concat([Buffer.of(ERROR), Buffer.from(JSON.stringify(status))]));
      socket.close(1000);
    },
    gone,
  };
}

function channel(socket: WebSocket, number: number): Writable {
  const prefix = Buffer.of(number);
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => socket.send(Buffer.concat([prefix, chunk]), (error) => done(error)),
  });
}
