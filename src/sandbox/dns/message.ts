/** The few forms of DNS messages (RFC 1035) that a nameserver for A records needs. */

export interface Question {
  readonly id: number;
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: number;
  readonly recursionDesired: boolean;
  /** The question section as it came, to be repeated in the answer. */
  readonly section: Uint8Array;
}

export const TYPE_A = 1;
export const NO_ERROR = 0;
export const NAME_ERROR = 3;

const HEADER_BYTES = 12;
const LONGEST_NAME = 253;
const TTL_SECONDS = 1;
/** Points back to the name in the question. */
const NAME_POINTER = 0xc00c;

/** @returns undefined for what is not a plain question for one name */
export function readQuestion(packet: Buffer): Question | undefined {
  if (packet.length < HEADER_BYTES + 5) return undefined;
  const flags = packet.readUInt16BE(2);
  const isQuery = (flags & 0x8000) === 0 && ((flags >> 11) & 0xf) === 0;
  if (!isQuery || packet.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = packet[at];
    // Questions carry no compressed names; a length above 63 would be a pointer.
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    if (at + length > packet.length) return undefined;
    labels.push(packet.toString("latin1", at, at + length).toLowerCase());
    at += length;
  }
  if (at + 4 > packet.length) return undefined;
  const name = labels.join(".");
  if (name.length > LONGEST_NAME) return undefined;
  return {
    id: packet.readUInt16BE(0),
    name,
    type: packet.readUInt16BE(at),
    recursionDesired: (flags & 0x0100) !== 0,
    section: packet.subarray(HEADER_BYTES, at + 4),
  };
}

/** @param addresses dotted IPv4; none with NO_ERROR means: the name exists, but has no record of this type */
export function writeAnswer(question: Question, code: number, addresses: readonly string[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(question.id, 0);
  // An authoritative answer; recursion is repeated and, being about the cluster alone, not needed.
  header.writeUInt16BE(0x8400 | (question.recursionDesired ? 0x0100 : 0) | 0x0080 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  return Buffer.concat([header, question.section, ...addresses.map(addressRecord)]);
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(NAME_POINTER, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(TTL_SECONDS, 6);
  record.writeUInt16BE(4, 10);
  for (const [i, part] of address.split(".").entries()) record.writeUInt8(Number(part), 12 + i);
  return record;
}
