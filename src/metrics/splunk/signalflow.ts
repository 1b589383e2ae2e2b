/**
 * SignalFlow's binary messages, in which numbers come:
 *
 *   version 1, type 1, flags 1, reserved 1, channel 16 (NUL-padded), then, gzipped when bit 0 of the flags is set:
 *   time 8 (ms), count 4, and for each number: type 1, series 8, value 8. All big-endian.
 */
import { gunzipSync } from "node:zlib";

export interface DataPoint {
  /** The time series that it belongs to. */
  readonly series: bigint;
  readonly value: number;
}

const HEADER_BYTES = 20;
const DATA_HEADER_BYTES = 12;
const POINT_BYTES = 17;
const COMPRESSED = 1;
const JSON_ENCODED = 2;
const DATA = 5;
/** More points than a check of one number can need: 10,000. */
const LARGEST_DATA = 256 * 1024;

/**
 * Leaves out points of an unknown type, which mean "no value".
 * @throws Error when it is no such message, or too large
 */
export function dataPoints(message: Buffer): readonly DataPoint[] {
  if (message.length <= HEADER_BYTES) {
    throw new Error(`expected SignalFlow message of at least 21 bytes, got ${message.length} bytes`);
  }
  const flags = message.readUInt8(2);
  if ((flags & JSON_ENCODED) !== 0 || message.readUInt8(1) !== DATA)
    throw new Error("cannot handle json binary message");
  const rest = message.subarray(HEADER_BYTES);
  const data = (flags & COMPRESSED) === 0 ? rest : gunzipSync(rest, { maxOutputLength: LARGEST_DATA });
  if (data.length > LARGEST_DATA) throw new Error(`a SignalFlow message is longer than ${LARGEST_DATA} bytes`);
  if (data.length < DATA_HEADER_BYTES) throw new Error("a SignalFlow message ends before its data");
  const count = data.readUInt32BE(8);
  if (data.length < DATA_HEADER_BYTES + count * POINT_BYTES) throw new Error("a SignalFlow message ends in its data");
  return Array.from({ length: count }, (_, index) => DATA_HEADER_BYTES + index * POINT_BYTES).flatMap((at) => {
    const value = numberAt(data, at);
    return value === undefined ? [] : [{ series: data.readBigUInt64BE(at + 1), value }];
  });
}

function numberAt(data: Buffer, at: number): number | undefined {
  switch (data.readUInt8(at)) {
    case 1:
      return Number(data.readBigInt64BE(at + 9));
    case 2:
      return data.readDoubleBE(at + 9);
    case 3:
      return data.readInt32BE(at + 9);
    default:
      return undefined;
  }
}
