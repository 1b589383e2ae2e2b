/**
 * A Google service account's key from a Secret that a tenant writes. Google's own libraries follow every instruction in
 * such a key: they open files, start programs and call addresses that the key names. This reader uses two fields only:
 * it opens no file, makes no connection and starts no program.
 */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { parseBounded } from "../../json/bounded-json.ts";
import { MetricError } from "../metric-error.ts";

export interface ServiceAccount {
  readonly email: string;
  readonly key: KeyObject;
  /** `private_key_id`, which tells Google which of the account's keys has signed. */
  readonly keyId?: string;
}

/** A key of 4,096 bits has 3.3 kB in PEM. */
const LONGEST_KEY = 16 * 1024;
const MOST_BITS = 4096;
const TOKEN_LIFE_S = 3600;
const WHERE = "the serviceAccountKey of the stackdriver credentials";

/**
 * The texts name the fault and never quote the key, which is a secret.
 * @throws MetricError for any other kind of key
 */
export function readServiceAccount(text: string): ServiceAccount {
  const fields = fieldsOf(text);
  if (fields.type !== "service_account") {
    throw new MetricError(
      `${WHERE} must be of type service_account: other types name files, programs or addresses to fetch a token from, ` +
        "which a Secret may not ask of the operator",
    );
  }
  const { client_email: email, private_key: pem, private_key_id: keyId } = fields;
  if (typeof email !== "string" || email === "") throw new MetricError(`${WHERE} has no client_email`);
  if (typeof pem !== "string" || pem === "") throw new MetricError(`${WHERE} has no private_key`);
  return { email, key: rsaKey(pem), ...(typeof keyId === "string" && keyId !== "" ? { keyId } : {}) };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = parseBounded(text);
  } catch {
    throw new MetricError(`${WHERE} is no JSON`);
  }
  if (typeof parsed !== "object" || parsed === null) throw new MetricError(`${WHERE} is no JSON object`);
  return parsed as Readonly<Record<string, unknown>>;
}

function rsaKey(pem: string): KeyObject {
  const wrong = new MetricError(`${WHERE} has a private_key that is no RSA key in PEM of at most ${MOST_BITS} bits`);
  if (pem.length > LONGEST_KEY) throw wrong;
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch {
    throw wrong;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa" || bits > MOST_BITS) throw wrong;
  return key;
}

/**
 * A token that the key itself signs. Google accepts it instead of an access token, so no token has to be fetched.
 * @param now milliseconds since the epoch
 * @throws MetricError when the key cannot sign
 */
export function selfSignedToken({ email, key, keyId }: ServiceAccount, scope: string, now: number): string {
  const issuedAt = Math.trunc(now / 1000);
  const header = { alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) };
  const claims = { iss: email, sub: email, scope, iat: issuedAt, exp: issuedAt + TOKEN_LIFE_S };
  const signed = `${encoded(header)}.${encoded(claims)}`;
  try {
    return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), key).toString("base64url")}`;
  } catch {
    throw new MetricError(`${WHERE} has a private_key that cannot sign`);
  }
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
