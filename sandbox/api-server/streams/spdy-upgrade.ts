/** The answer after which a connection speaks SPDY. */
import type { Duplex } from "node:stream";
import type { TakenSocket } from "../http/call.ts";

export function acceptSpdy({ socket, head }: TakenSocket, protocol: string): Duplex {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: SPDY/3.1",
    `X-Stream-Protocol-Version: ${protocol}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
}
