/**
 * The identity of the operator's own process at Google, for a MetricTemplate without a Secret. Only the people who run
 * the operator choose it, by its environment:
 *
 *   GOOGLE_APPLICATION_CREDENTIALS   a file: a service account's key, or a workload identity federation whose token
 *                                    is in a file
 *   otherwise                        the metadata server of the machine (workload identity of GKE)
 */
import { readFile } from "node:fs/promises";
import { errorText } from "../../error-text.ts";
import type { OutboundPorts } from "../../net/outbound.ts";
import { ask, type MetricRequest } from "../http.ts";
import { parseAnswer } from "../json.ts";
import { MetricError } from "../metric-error.ts";
import { readServiceAccount, selfSignedToken } from "./service-account.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a token is asked for with. */
export interface TokenRequest {
  readonly env: Environment;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly scope: string;
  readonly ports: OutboundPorts;
}

const METADATA_HOST = "metadata.google.internal";
const TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";
const CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/** An access token. @throws MetricError when the process has no identity at Google */
export async function ownToken(wanted: TokenRequest): Promise<string> {
  const file = wanted.env["GOOGLE_APPLICATION_CREDENTIALS"] ?? "";
  return file === "" ? fromMetadata(wanted) : fromFile(file, wanted);
}

async function fromMetadata({ env, scope, ports }: TokenRequest): Promise<string> {
  const host = env["GCE_METADATA_HOST"] || METADATA_HOST;
  const search = `scopes=${encodeURIComponent(scope)}`;
  return tokenFrom(
    { url: `http://${host}${TOKEN_PATH}`, search, headers: { "Metadata-Flavor": "Google" } },
    "access_token",
    ports,
  );
}

async function fromFile(file: string, wanted: TokenRequest): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new MetricError(`cannot read GOOGLE_APPLICATION_CREDENTIALS: ${errorText(error)}`);
  });
  if (typeOf(text) === "external_account") return federated(JSON.parse(text), wanted);
  return selfSignedToken(readServiceAccount(text), wanted.scope, wanted.now);
}

function typeOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type;
  } catch {
    return undefined;
  }
}

interface Federation {
  readonly audience?: string;
  readonly subject_token_type?: string;
  readonly token_url?: string;
  readonly service_account_impersonation_url?: string;
  readonly credential_source?: {
    readonly file?: string;
    readonly format?: { readonly type?: string; readonly subject_token_field_name?: string };
  };
}

/** A token of another identity provider, stored in a file, is exchanged for one of Google's. */
async function federated(federation: Federation, wanted: TokenRequest): Promise<string> {
  const {
    credential_source: { file, format } = {},
    token_url: url,
    service_account_impersonation_url: acting,
  } = federation;
  if (file === undefined || url === undefined) {
    throw new MetricError(
      "GOOGLE_APPLICATION_CREDENTIALS names an external_account without credential_source.file and token_url: " +
        "tokens from addresses and programs are not supported",
    );
  }
  const { ports, scope } = wanted;
  const body = JSON.stringify({
    grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
    requestedTokenType: "urn:ietf:params:oauth:token-type:access_token",
    audience: federation.audience,
    scope: acting === undefined ? scope : CLOUD_SCOPE,
    subjectTokenType: federation.subject_token_type,
    subjectToken: subjectToken(await readFile(file, "utf8"), format),
  });
  const json = { "Content-Type": "application/json" };
  const own = await tokenFrom({ method: "POST", url, headers: json, body }, "access_token", ports);
  if (acting === undefined) return own;
  const headers = { ...json, Authorization: `Bearer ${own}` };
  const asked = { method: "POST", url: acting, headers, body: JSON.stringify({ scope: [scope] }) } as const;
  return tokenFrom(asked, "accessToken", ports);
}

function subjectToken(text: string, format: NonNullable<Federation["credential_source"]>["format"]): string {
  if (format?.type !== "json") return text.trim();
  const fields = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return String(fields[format.subject_token_field_name ?? ""] ?? "");
}

async function tokenFrom(asked: MetricRequest, field: string, ports: OutboundPorts) {
  const { status, statusLine, body } = await ask(asked, ports);
  if (status !== 200) throw new MetricError(`no access token for the operator from ${asked.url}: ${statusLine}`);
  const token = parseAnswer(body).fields()[field];
  if (typeof token !== "string" || token === "") throw new MetricError(`no access token in the answer of ${asked.url}`);
  return token;
}
