/** Kubernetes protobuf bodies as JSON objects, driven by the table in messages.ts. */
import { Buffer } from "node:buffer";
import { badRequest } from "../errors.ts";
import { MESSAGES } from "./messages.ts";

type Shape = "one" | "list" | "map";

interface Field {
  /** Empty for messages whose fields belong to the surrounding one. */
  readonly name: string;
  readonly type: string;
  readonly shape: Shape;
}

type Message = ReadonlyMap<number, Field>;
type Fields = { [key: string]: unknown };

const MAGIC = Buffer.from("k8s\0");
/** Go writes these fields also when they are absent. Zero cannot be told from absent, so it counts as absent. */
const ZERO_IS_ABSENT: ReadonlySet<string> = new Set(
  `nodePort hostPort healthCheckNodePort generation initialDelaySeconds timeoutSeconds periodSeconds successThreshold
  failureThreshold minReadySeconds hostNetwork hostPID hostIPC stdin stdinOnce tty paused publishNotReadyAddresses
  readOnly`.split(/\s+/),
);

/** Kinds of several groups share a name; those of these versions carry it in front. */
const PREFIXES: Readonly<Record<string, string>> = { "autoscaling/v2": "V2" };

let messages: ReadonlyMap<string, Message> | undefined;

function messageNamed(name: string): Message | undefined {
  messages ??= new Map(
    MESSAGES.trim()
      .split(/\n(?! )/)
      .map(parseMessage),
  );
  return messages.get(name);
}

function parseMessage(text: string): readonly [string, Message] {
  const colon = text.indexOf(":");
  const fields = new Map<number, Field>();
  let number = 0;
  for (const word of text
    .slice(colon + 1)
    .trim()
    .split(/\s+/)) {
    const match = /^(?:(\d+)=)?(@?)(\w+)(\[\]|\{\})?(?::(\S+))?$/.exec(word);
    if (match === null) throw new Error(`messages.ts: cannot read ${JSON.stringify(word)} in ${text.slice(0, colon)}`);
    const [, explicit, inline, name = "", suffix, type = "string"] = match;
    number = explicit === undefined ? number + 1 : Number(explicit);
    const shape: Shape = suffix === "[]" ? "list" : suffix === "{}" ? "map" : "one";
    fields.set(number, inline === "@" ? { name: "", type: name, shape } : { name, type, shape });
  }
  return [text.slice(0, colon), fields];
}

/** One field as it is on the wire. */
interface Raw {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** @throws ApiError 400 when the bytes end too early or use a wire type that the API has no fields of */
function* rawFields(bytes: Buffer): Generator<Raw> {
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw badRequest("unexpected end of protobuf body");
      at += 1;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw badRequest("invalid varint in protobuf body");
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw badRequest("unexpected end of protobuf body");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8) };
        break;
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: take(4) };
        break;
      default:
        throw badRequest(`unknown wire type ${tag & 7} in protobuf body`);
    }
  }
}

const textOf = (value: bigint | Buffer) => value.toString();
const isEmpty = (value: bigint | Buffer) =>
  typeof value === "bigint" ? value === 0n : value.every((byte) => byte === 0);

function integer(value: bigint | Buffer): number {
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
}

/** The few fields of small messages, by number. */
function numbered(value: bigint | Buffer): ReadonlyMap<number, bigint | Buffer> {
  if (typeof value === "bigint") return new Map();
  return new Map([...rawFields(value)].map((raw) => [raw.number, raw.value]));
}

function timeText(value: bigint | Buffer): string | null {
  return microText(value)?.replace(/\.0{6}Z$/, "Z") ?? null;
}

/** Go clients refuse a MicroTime without its six digits. */
function microText(value: bigint | Buffer): string | null {
  const fields = numbered(value);
  if (fields.size === 0) return null;
  const seconds = new Date(integer(fields.get(1) ?? 0n) * 1000).toISOString().slice(0, 19);
  const micros = Math.floor(integer(fields.get(2) ?? 0n) / 1000);
  return `${seconds}.${String(micros).padStart(6, "0")}Z`;
}

const SCALARS: Readonly<Record<string, (value: bigint | Buffer) => unknown>> = {
  string: textOf,
  i: integer,
  b: (value) => value !== 0n,
  y: (value) => (typeof value === "bigint" ? "" : value.toString("base64")),
  time: timeText,
  micro: microText,
  quantity: (value) => textOf(numbered(value).get(1) ?? Buffer.alloc(0)),
  intstr: (value) => {
    const fields = numbered(value);
    const isText = integer(fields.get(1) ?? 0n) === 1;
    return isText ? textOf(fields.get(3) ?? Buffer.alloc(0)) : integer(fields.get(2) ?? 0n);
  },
  json: (value) => JSON.parse(textOf(numbered(value).get(1) ?? Buffer.from("null"))),
  texts: (value) => (typeof value === "bigint" ? [] : [...rawFields(value)].map((raw) => textOf(raw.value))),
};

function decodeValue(type: string, value: bigint | Buffer, path: string): unknown {
  const scalar = SCALARS[type];
  if (scalar !== undefined) return scalar(value);
  if (typeof value === "bigint") throw badRequest(`${path}: expected a message in protobuf body`);
  return decodeMessage(type, value, path);
}

function decodeMessage(name: string, bytes: Buffer, path: string): Fields {
  const message = messageNamed(name);
  if (message === undefined) throw badRequest(`${path}: no protobuf decoding for ${name}: send JSON`);
  const result: Fields = {};
  for (const { number, value } of rawFields(bytes)) {
    const field = message.get(number);
    if (field === undefined) {
      // Go also writes empty values of fields that the table lacks: those may be dropped, others may not.
      if (isEmpty(value)) continue;
      throw badRequest(`${path}: field ${number} of ${name} is not supported in protobuf: send JSON`);
    }
    assign(result, field, value, path);
  }
  return result;
}

function assign(result: Fields, { name, type, shape }: Field, value: bigint | Buffer, path: string): void {
  if (type === "~") return;
  if (name === "") {
    Object.assign(result, decodeValue(type, value, path));
    return;
  }
  const at = `${path}.${name}`;
  if (shape === "list") {
    const list = (result[name] ?? []) as unknown[];
    result[name] = [...list, decodeValue(type, value, at)];
  } else if (shape === "map") {
    const entry = numbered(value);
    const key = textOf(entry.get(1) ?? Buffer.alloc(0));
    const item = decodeValue(type, entry.get(2) ?? Buffer.alloc(0), `${at}.${key}`);
    result[name] = { ...(result[name] as Fields | undefined), [key]: item };
  } else {
    const decoded = decodeValue(type, value, at);
    const absent = decoded === "" || decoded === null || (isEmpty(value) && ZERO_IS_ABSENT.has(name));
    if (!absent) result[name] = decoded;
  }
}

/** @throws ApiError 400 for bodies without the Kubernetes envelope, and for kinds and fields without a table entry */
export function decodeProtobuf(body: Buffer): Record<string, unknown> {
  if (!body.subarray(0, 4).equals(MAGIC)) throw badRequest("provided data does not appear to be a protobuf message");
  const envelope = numbered(body.subarray(4));
  const typeMeta = numbered(envelope.get(1) ?? Buffer.alloc(0));
  const apiVersion = textOf(typeMeta.get(1) ?? Buffer.alloc(0));
  const kind = textOf(typeMeta.get(2) ?? Buffer.alloc(0));
  const raw = envelope.get(2) ?? Buffer.alloc(0);
  const prefixed = `${PREFIXES[apiVersion] ?? ""}${kind}`;
  // DeleteOptions and their like are the same for every group.
  const name = messageNamed(prefixed) === undefined ? kind : prefixed;
  return { apiVersion, kind, ...(decodeValue(name, raw, kind) as Fields) };
}
