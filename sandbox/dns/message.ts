/**
 * DNS messages (RFC 1035), as much of them as a nameserver needs that only knows addresses:
 *
 *   header (12 bytes): id, flags, counts of questions, answers, authorities, additionals
 *   question: name as length-prefixed labels, type, class
 *   answer: the name as a pointer to the question (0xC00C), type, class, seconds to live, address
 */

export const TYPE_A = 1;
export const TYPE_ANY = 255;

export interface Question {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question's bytes as received: they are repeated in the answer, so that the case of the name survives. */
  readonly bytes: Buffer;
}

export type Request =
  | { readonly kind: "question"; readonly question: Question }
  /** It can be answered, but only with an error. */
  | { readonly kind: "refused"; readonly id: number; readonly code: number }
  /** Not a request at all: no answer. */
  | { readonly kind: "garbage" };

export const CODES = { ok: 0, malformed: 1, noSuchName: 3, notImplemented: 4, refused: 5 } as const;

const HEADER = 12;
const LONGEST_LABEL = 63;
const LONGEST_NAME = 253;
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const CLASS_IN = 1;
const CLASS_ANY = 255;
/** Without EDNS a datagram holds no more. */
const LARGEST = 512;
const ANSWER = 16;

/** Reads a datagram. Never throws: any client may send anything. */
export function parseRequest(datagram: Buffer): Request {
  if (datagram.length < HEADER) return { kind: "garbage" };
  const id = datagram.readUInt16BE(0);
  const flags = datagram.readUInt16BE(2);
  if ((flags & RESPONSE) !== 0) return { kind: "garbage" };
  if (((flags >> 11) & 0xf) !== 0) return { kind: "refused", id, code: CODES.notImplemented };
  if (datagram.readUInt16BE(4) !== 1) return { kind: "refused", id, code: CODES.malformed };
  const name = parseName(datagram, HEADER);
  if (name === undefined || name.end + 4 > datagram.length) return { kind: "refused", id, code: CODES.malformed };
  const kind = datagram.readUInt16BE(name.end + 2);
  if (kind !== CLASS_IN && kind !== CLASS_ANY) return { kind: "refused", id, code: CODES.refused };
  const question: Question = {
    id,
    recursionDesired: (flags & RECURSION_DESIRED) !== 0,
    name: name.text,
    type: datagram.readUInt16BE(name.end),
    class: kind,
    bytes: datagram.subarray(HEADER, name.end + 4),
  };
  return { kind: "question", question };
}

/** Questions come first in a message, so their names have nothing to point to: a pointer there is malformed. */
function parseName(datagram: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let length = 0;
  for (;;) {
    const size = datagram[at];
    if (size === undefined || size > LONGEST_LABEL) return undefined;
    at += 1;
    if (size === 0) return { text: labels.join(".").toLowerCase(), end: at };
    if (at + size > datagram.length) return undefined;
    labels.push(datagram.toString("latin1", at, at + size));
    at += size;
    length += size + 1;
    if (length > LONGEST_NAME) return undefined;
  }
}

/** Addresses for the question; those that do not fit a datagram are left out, and the message says so. */
export function addressesMessage(question: Question, addresses: readonly string[], secondsToLive: number): Buffer {
  const room = Math.floor((LARGEST - HEADER - question.bytes.length) / ANSWER);
  const fitting = addresses.slice(0, room);
  const truncated = fitting.length < addresses.length ? TRUNCATED : 0;
  const answers = fitting.map((address) => {
    const record = Buffer.alloc(ANSWER);
    record.writeUInt16BE(0xc000 | HEADER, 0);
    record.writeUInt16BE(TYPE_A, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(secondsToLive, 6);
    record.writeUInt16BE(4, 10);
    for (const [i, part] of address.split(".").entries()) record.writeUInt8(Number(part), 12 + i);
    return record;
  });
  const head = header(question.id, CODES.ok | truncated | wish(question), 1, fitting.length);
  return Buffer.concat([head, question.bytes, ...answers]);
}

/** An error about the question, e.g. CODES.noSuchName. */
export function errorMessage(question: Question, code: number): Buffer {
  return Buffer.concat([header(question.id, code | wish(question), 1, 0), question.bytes]);
}

/** An error about a request whose question is not known. */
export function refusal(id: number, code: number): Buffer {
  return header(id, code, 0, 0);
}

function wish({ recursionDesired }: Question): number {
  return recursionDesired ? RECURSION_DESIRED : 0;
}

function header(id: number, flags: number, questions: number, answers: number): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(RESPONSE | AUTHORITATIVE | flags, 2);
  head.writeUInt16BE(questions, 4);
  head.writeUInt16BE(answers, 6);
  return head;
}
