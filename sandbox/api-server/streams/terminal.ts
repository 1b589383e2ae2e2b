/** The size of a client's terminal, as clients send it: {"Width":80,"Height":24}. */
import type { Buffer } from "node:buffer";

/** Text that says no size is passed over: a wrong size is no reason to end a command. */
export function sizeOf(text: Buffer, listener: (columns: number, rows: number) => void): void {
  for (const [, width, height] of text.toString("utf8").matchAll(/"Width":(\d+),"Height":(\d+)/g)) {
    listener(Number(width), Number(height));
  }
}
