/**
 * An OpenID Connect provider for tests: it signs the identity that a test gives it, and holds the client to PKCE and
 * its secret.
 */
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface Identity {
  readonly email: string | undefined;
  readonly email_verified?: boolean;
  readonly groups?: readonly string[];
  readonly nonce?: string;
  readonly audience?: string;
  readonly expiresInSeconds?: number;
  /** Signed by a key that the provider does not publish. */
  readonly isForged?: boolean;
}

export interface Provider {
  readonly issuer: string;
  identity: Identity;
  /** Where the console is; its redirect URI names a host that the test does not resolve. */
  sendTo: string;
  stop(): Promise<void>;
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const newKeys = () => generateKeyPairSync("rsa", { modulusLength: 2048 });

export async function startProvider(): Promise<Provider> {
  const [own, other] = [newKeys(), newKeys()];
  const codes = new Map<string, URLSearchParams>();
  const provider = { identity: { email: undefined } as Identity, sendTo: "", issuer: "" };

  function idToken(asked: URLSearchParams): string {
    const { isForged = false, nonce, audience, expiresInSeconds = 300, ...claims } = provider.identity;
    const now = Math.floor(Date.now() / 1000);
    const body = `${encoded({ alg: "RS256", kid: "1" })}.${encoded({
      ...{ iss: provider.issuer, sub: "1", aud: audience ?? "aviary", iat: now, exp: now + expiresInSeconds },
      ...{ nonce: nonce ?? asked.get("nonce"), ...claims },
    })}`;
    const { privateKey } = isForged ? other : own;
    return `${body}.${createSign("RSA-SHA256").update(body).sign(privateKey).toString("base64url")}`;
  }

  const routes: Readonly<Record<string, (url: URL, body: URLSearchParams) => Answer>> = {
    "/.well-known/openid-configuration": () => ({
      issuer: provider.issuer,
      authorization_endpoint: `${provider.issuer}/authorize`,
      token_endpoint: `${provider.issuer}/token`,
      jwks_uri: `${provider.issuer}/keys`,
      id_token_signing_alg_values_supported: ["RS256"],
    }),
    "/keys": () => ({ keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256", use: "sig" }] }),
    "/authorize": ({ searchParams }) => {
      const code = randomBytes(12).toString("base64url");
      codes.set(code, searchParams);
      const { pathname } = new URL(searchParams.get("redirect_uri") ?? "");
      const back = new URL(pathname, provider.sendTo);
      back.searchParams.set("code", code);
      back.searchParams.set("state", searchParams.get("state") ?? "");
      return back;
    },
    "/token": (_url, body) => {
      const code = body.get("code") ?? "";
      const asked = codes.get(code);
      codes.delete(code);
      const challenge = createHash("sha256")
        .update(body.get("code_verifier") ?? "")
        .digest("base64url");
      const isRight = body.get("client_secret") === "s3cret" && asked?.get("code_challenge") === challenge;
      if (asked === undefined || !isRight) return undefined;
      return { access_token: "opaque", token_type: "Bearer", expires_in: 300, id_token: idToken(asked) };
    },
  };

  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? "/", provider.issuer);
      const answer = routes[url.pathname]?.(url, body);
      if (answer instanceof URL) return response.writeHead(302, { location: answer.href }).end();
      response.setHeader("content-type", "application/json");
      response.statusCode = answer === undefined ? 400 : 200;
      return response.end(JSON.stringify(answer ?? { error: "invalid_grant" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  provider.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(provider, {
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

type Answer = URL | object | undefined;

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return new URLSearchParams(text);
}
