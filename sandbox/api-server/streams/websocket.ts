/** WebSockets of the API server: accepting them, and one as a stream of bytes. */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { TakenSocket } from "../http/call.ts";

export const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket";

/** The protocols that the client speaks, in the order of its preference. */
export function offeredProtocols({ headers }: IncomingMessage): readonly string[] {
  return (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** @param protocol one of those that the client offers */
export function acceptWebSocket(request: IncomingMessage, taken: TakenSocket, protocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });
  return new Promise((resolve) => {
    server.handleUpgrade(request, taken.socket, taken.head, (socket) => {
      socket.on("error", () => socket.terminate());
      resolve(socket);
    });
  });
}

export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** What binary messages carry, as one stream. */
export function byteStream(socket: WebSocket): Duplex {
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => socket.send(chunk, (error) => done(error ?? null)),
    final: (done) => {
      socket.close(1000);
      done();
    },
    destroy: (_error, done) => {
      socket.terminate();
      done(null);
    },
  });
  socket.on("message", (data) => stream.push(bytesOf(data)));
  socket.once("close", () => {
    stream.push(null);
    stream.destroy();
  });
  return stream;
}
