/** Connections that are not HTTP/1.1: bytes to and fro, to a pod that is chosen once. */
import { connect, type Socket } from "node:net";
import type { Surroundings } from "./exchange/door.ts";
import { type Member, type Pool, pick } from "./pools.ts";
import { choose, type Split } from "./routes/route.ts";

export interface Connection {
  readonly socket: Socket;
  readonly split: Split;
  readonly port: number;
  readonly meshed: boolean;
}

/** Takes the connection over; it ends when both sides have ended, or one breaks. */
export function serveConnection(around: Surroundings, { socket, split, port, meshed }: Connection): void {
  const destination = choose(split, around.random);
  const pool =
    destination && around.pools.find(destination.service, destination.port, destination.subset, port, meshed);
  // No answer is possible: the caller sees its connection break.
  socket.on("error", () => socket.destroy());
  if (pool === undefined) return void socket.destroy();
  socket.pause();
  connectTo(around, pool, socket, []);
}

function connectTo(around: Surroundings, pool: Pool, socket: Socket, tried: readonly Member[]): void {
  const member = pick(pool, around.random, undefined, tried);
  if (member === undefined || tried.includes(member) || socket.destroyed) return void socket.destroy();
  const { address, port, pod } = member.target;
  const other = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
  const refused = () => connectTo(around, pool, socket, [...tried, member]);
  other.once("error", refused);
  const giveUp = () => other.destroy();
  socket.once("close", giveUp);
  other.once("connect", () => {
    other.off("error", refused);
    if (pod !== undefined) pod.requests += 1;
    member.active += 1;
    other.once("close", () => {
      member.active -= 1;
      socket.destroy();
    });
    other.on("error", () => other.destroy());
    socket.pipe(other);
    other.pipe(socket);
  });
}
