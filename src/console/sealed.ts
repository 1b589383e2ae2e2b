/**
 * Cookies that only the console can read and make: any replica with the same key opens them, so no replica keeps a
 * session. They hold a name and groups, never a token.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

export interface Seal {
  /** @param use an outcome for one use is refused for another */
  seal(use: string, content: unknown): string;
  /** @returns undefined for what was not sealed with this key for this use */
  open(use: string, text: string): unknown;
}

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** What a cookie may hold when it is unpacked. */
const LONGEST = 256 * 1024;

/** @param secret the content of the key file; at least 32 characters */
export function createSeal(secret: string): Seal {
  const keyFor = (use: string) => Buffer.from(hkdfSync("sha256", secret, "", `aviary console ${use}`, KEY_BYTES));
  return {
    seal(use, content) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keyFor(use), nonce);
      const body = Buffer.concat([cipher.update(deflateRawSync(JSON.stringify(content))), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url");
    },
    open(use, text) {
      const bytes = Buffer.from(text, "base64url");
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
      const decipher = createDecipheriv(CIPHER, keyFor(use), bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const packed = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
        return JSON.parse(inflateRawSync(packed, { maxOutputLength: LONGEST }).toString());
      } catch {
        return undefined;
      }
    },
  };
}

/** A browser keeps 4,096 bytes a cookie, names and attributes included. */
const CHUNK = 3500;
/** Proxies in front of the console take 16 KB of headers, or fewer. */
export const MOST_CHUNKS = 3;

/** @returns undefined when it does not fit into the cookies of a browser */
export function chunks(text: string): readonly string[] | undefined {
  const parts = text.match(new RegExp(`.{1,${CHUNK}}`, "g")) ?? [];
  return parts.length > MOST_CHUNKS ? undefined : parts;
}

/** Compares words in a time that does not depend on how much of them is right. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
