/** Writing protobuf: just enough for the OpenAPI v2 document. */
import { Buffer } from "node:buffer";

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** A field that holds bytes, a text or a message. */
export function block(number: number, content: string | Buffer): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

/** A boolean field. */
export function bool(number: number, value: boolean): Buffer {
  return Buffer.from([...varint(number * 8), value ? 1 : 0]);
}

/** A message: its fields one after the other. */
export function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}
