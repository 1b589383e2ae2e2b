/** Asks an identity provider for a new ID token. */
import { readFile } from "node:fs/promises";
import { request } from "undici";
import { withDeadline } from "../async/back-off.ts";
import { createDispatcher } from "../net/dispatcher.ts";
import type { Clock } from "../ports/clock.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import { type Entry, pathIn } from "./kubeconfig.ts";

const ISSUER_MS = 30_000;

export interface Tokens {
  readonly id: string;
  readonly refresh: string | undefined;
}

/** @throws Error which says why there is no new token */
export async function refreshed(user: Entry, refresh: string | undefined, clock: Clock): Promise<Tokens> {
  const settings: KubeFields = user.fields["auth-provider"].config ?? {};
  const issuer: unknown = settings["idp-issuer-url"];
  const client: unknown = settings["client-id"];
  if (refresh === undefined || refresh === "")
    throw new Error("the ID token has expired, and there is no refresh-token");
  if (typeof issuer !== "string" || typeof client !== "string") {
    throw new Error("idp-issuer-url and client-id are needed to renew the ID token");
  }
  const ca = await authority(user, settings);
  const dispatcher = createDispatcher(ca === undefined ? {} : { tls: { ca } });
  const asks = (signal: AbortSignal) => async (url: string, form?: URLSearchParams, authorization?: string) => {
    const { statusCode, body } = await request(url, {
      dispatcher,
      signal,
      method: form === undefined ? "GET" : "POST",
      ...(form === undefined ? {} : { body: form.toString() }),
      headers: {
        accept: "application/json",
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    return answerOf(url, statusCode, await body.text());
  };
  const notAborted = new AbortController().signal;
  try {
    return await withDeadline(clock, ISSUER_MS, notAborted, async ({ signal }) => {
      const ask = asks(signal);
      const known = await ask(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
      if (typeof known.token_endpoint !== "string") throw new Error(`${issuer} names no token_endpoint`);
      const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refresh });
      const proof = proofOf(client, settings["client-secret"], known.token_endpoint_auth_methods_supported);
      for (const [key, value] of Object.entries(proof.form)) form.set(key, value);
      const issued = await ask(known.token_endpoint, form, proof.header);
      if (typeof issued.id_token !== "string") throw new Error(`${issuer} issued no id_token for the refresh-token`);
      return { id: issued.id_token, refresh: issued.refresh_token ?? refresh };
    });
  } finally {
    await dispatcher.destroy();
  }
}

/** PEM of the identity provider's certificate authority; undefined: the machine's trust store. */
async function authority(user: Entry, settings: KubeFields): Promise<Buffer | undefined> {
  const data: unknown = settings["idp-certificate-authority-data"];
  if (typeof data === "string" && data !== "") return Buffer.from(data, "base64");
  const file: unknown = settings["idp-certificate-authority"];
  return typeof file === "string" && file !== "" ? readFile(pathIn(user, file)) : undefined;
}

/** How the client proves itself: in the Authorization header, which is OpenID Connect's default, or in the form. */
function proofOf(client: string, secret: unknown, methods: unknown) {
  if (typeof secret !== "string" || secret === "") return { form: { client_id: client }, header: undefined };
  const onlyForm =
    Array.isArray(methods) && methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
  if (onlyForm) return { form: { client_id: client, client_secret: secret }, header: undefined };
  const pair = `${encodeURIComponent(client)}:${encodeURIComponent(secret)}`;
  return { form: {}, header: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function answerOf(url: string, status: number, text: string): KubeFields {
  let answer: KubeFields;
  try {
    answer = JSON.parse(text) ?? {};
  } catch (cause) {
    throw new Error(`${url} answered ${status} with something that is not JSON`, { cause });
  }
  if (status === 200) return answer;
  const why = [answer.error, answer.error_description].filter((part) => typeof part === "string").join(": ");
  throw new Error(`${url} answered ${status}${why === "" ? "" : ` (${why})`}: log in again`);
}
