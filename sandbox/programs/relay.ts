/** A connection that leads on to a program of this machine. */
import { connect, type Socket } from "node:net";

/** Carries the bytes to and fro until both sides have ended, or one breaks. @param port on 127.0.0.1 */
export function relay(socket: Socket, port: number): void {
  const onward = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.pipe(onward).pipe(socket);
  socket.once("error", () => onward.destroy());
  socket.once("close", () => onward.destroy());
  onward.once("error", () => socket.destroy());
  onward.once("close", () => socket.destroy());
}
