/** The size of a client's terminal, as clients send it: {"Width":80,"Height":24}. */
import type { Buffer } from "node:buffer";

/** Text that is no size is ignored: a wrong size does not end a command. */
export function sizeOf(text: Buffer, listener: (columns: number, rows: number) => void): void {
  for (const [, width, height] of text.toString("utf8").matchAll(/"Width":(\d+),"Height":(\d+)/g)) {
    listener(Number(width), Number(height));
  }
}
