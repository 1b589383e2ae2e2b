/**
 * A self-signed certificate, written in DER by hand: kubectl sends its token over https only, and the packages that
 * make certificates take longer to load than the whole API server takes to start.
 *
 *   Certificate = SEQUENCE { tbs, algorithm, signature }
 *   tbs         = SEQUENCE { version, serial, algorithm, issuer, validity, subject, public key, extensions }
 */
import { Buffer } from "node:buffer";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  /** PEM; also the authority to trust. */
  readonly cert: string;
  /** PEM */
  readonly key: string;
}

const DAY_MS = 86_400_000;
const SEQUENCE = 0x30;
const CONTEXT = 0xa0;
const ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const KEY_USAGE = [0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE = [0x55, 0x1d, 0x25];
const SERVER_AUTH = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/** One DER element. */
function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

const oid = (bytes: readonly number[]) => der(0x06, bytes);
const algorithm = () => der(SEQUENCE, oid(ECDSA_SHA256));
const name = (text: string) => der(SEQUENCE, der(0x31, der(SEQUENCE, oid(COMMON_NAME), der(0x0c, Buffer.from(text)))));

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  // UTCTime ends with the year 2049.
  return Number(text.slice(0, 4)) < 2050
    ? der(0x17, Buffer.from(`${text.slice(2)}Z`))
    : der(0x18, Buffer.from(`${text}Z`));
}

function extension(id: readonly number[], critical: boolean, value: Buffer): Buffer {
  return der(SEQUENCE, oid(id), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));
}

function alternativeName(host: string): Buffer {
  if (isIP(host) === 4) return der(0x87, host.split(".").map(Number));
  return der(0x82, Buffer.from(host));
}

/**
 * A certificate for these hosts (IPv4 addresses or names), valid for a year.
 * @param now milliseconds since the epoch
 */
export function selfSigned(hosts: readonly string[], now: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01;
  const subject = name("aviary-sandbox");
  const extensions = der(
    SEQUENCE,
    extension(BASIC_CONSTRAINTS, true, der(SEQUENCE, der(0x01, [0xff]))),
    // digitalSignature and keyCertSign
    extension(KEY_USAGE, true, der(0x03, [0x02, 0x84])),
    extension(EXTENDED_KEY_USAGE, false, der(SEQUENCE, oid(SERVER_AUTH), oid(CLIENT_AUTH))),
    extension(SUBJECT_ALT_NAME, false, der(SEQUENCE, ...hosts.map(alternativeName))),
  );
  const tbs = der(
    SEQUENCE,
    der(CONTEXT, der(0x02, [2])),
    der(0x02, serial),
    algorithm(),
    subject,
    der(SEQUENCE, time(now - DAY_MS), time(now + 365 * DAY_MS)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(CONTEXT + 3, extensions),
  );
  const certificate = der(SEQUENCE, tbs, algorithm(), der(0x03, [0], sign("sha256", tbs, privateKey)));
  return {
    cert: pem("CERTIFICATE", certificate),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
