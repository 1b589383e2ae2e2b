/**
 * SPDY/3 frames as bytes. Kubernetes' clients use it to have several streams on one connection, and use no more of it
 * than this: no flow control, no settings, no pushed streams.
 *
 *   control  1 | version (15 bits) | type (16)  | flags (8) | length (24) | payload
 *   data     0 | stream (31 bits)               | flags (8) | length (24) | payload
 */
import { Buffer } from "node:buffer";

export const TYPES = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, headers: 8 } as const;

/** The sender sends no more on this stream. */
export const FIN = 1;

const HEADER_BYTES = 8;
const VERSION = 3;
/** No client of Kubernetes sends longer frames. */
const MAX_LENGTH = 1 << 24;

export type Frame =
  | { readonly kind: "data"; readonly stream: number; readonly flags: number; readonly payload: Buffer }
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly payload: Buffer };

/** Cuts what arrives into frames. @returns the frames that are complete; the rest is kept for the next call */
export function frameReader(): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + (rest.readUInt32BE(4) % MAX_LENGTH);
      if (rest.length < end) break;
      frames.push(frameOf(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
    return frames;
  };
}

function frameOf(bytes: Buffer): Frame {
  const word = bytes.readUInt32BE(0);
  const flags = bytes.readUInt8(4);
  const payload = bytes.subarray(HEADER_BYTES);
  if (word < 0x80000000) return { kind: "data", stream: word, flags, payload };
  return { kind: "control", type: word & 0xffff, flags, payload };
}

export function dataFrame(stream: number, payload: Buffer, flags = 0): Buffer {
  return Buffer.concat([header(stream, flags, payload.length), payload]);
}

export function controlFrame(type: number, payload: Buffer, flags = 0): Buffer {
  return Buffer.concat([header(0x80000000 + VERSION * 0x10000 + type, flags, payload.length), payload]);
}

function header(word: number, flags: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32BE(word, 0);
  bytes.writeUInt32BE(flags * MAX_LENGTH + length, 4);
  return bytes;
}

export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

/** Names are lower-case; of several values of a name the first one counts. @throws RangeError when the block is cut */
export function headersOf(block: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = 4;
  const text = () => {
    const end = at + 4 + block.readUInt32BE(at);
    const value = block.subarray(at + 4, end).toString("utf8");
    at = end;
    return value;
  };
  for (let left = block.readUInt32BE(0); left > 0; left -= 1) {
    const name = text().toLowerCase();
    headers.set(name, text().split("\0")[0] ?? "");
  }
  return headers;
}

export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers);
  const texts = entries.flat().flatMap((text) => [words(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat([words(entries.length), ...texts]);
}
