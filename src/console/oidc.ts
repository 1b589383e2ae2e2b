/**
 * Sign-in at an OpenID Connect provider: code flow with PKCE, state and nonce. What the flow must remember travels in a
 * sealed cookie, so the provider may send the person back to any replica.
 */
import * as oauth from "oauth4webapi";
import type { User } from "./access.ts";

export interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Where the provider sends the person back to, e.g. "https://console.example.com/callback". */
  readonly redirectUri: string;
  readonly scopes: string;
  readonly usernameClaim: string;
  readonly groupsClaim: string;
  /** As the API server's own flags: put before each name. */
  readonly usernamePrefix: string;
  readonly groupsPrefix: string;
  /** Only groups that begin so are kept; empty: all. */
  readonly groupsFilter: string;
  /** For tests and providers inside the cluster: http:// is accepted. */
  readonly isInsecureAllowed: boolean;
}

/** What must be known again when the person comes back. */
export interface Flow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The page that the person wanted. */
  readonly to: string;
}

export interface Oidc {
  /** @returns where to send the person. @throws Error when the provider does not answer */
  begin(to: string, signal: AbortSignal): Promise<{ readonly url: string; readonly flow: Flow }>;
  /** @throws Error that says why the provider's answer is not accepted */
  end(answer: URLSearchParams, flow: Flow, signal: AbortSignal): Promise<User>;
}

export function createOidc(options: OidcOptions): Oidc {
  const { issuer, clientId, clientSecret, redirectUri, scopes } = options;
  const client: oauth.Client = { client_id: clientId };
  const proof = clientSecret === undefined ? oauth.None() : oauth.ClientSecretPost(clientSecret);
  const insecure = { [oauth.allowInsecureRequests]: options.isInsecureAllowed };
  let known: Promise<oauth.AuthorizationServer> | undefined;

  /** Asked once; after a failure it is asked again. */
  function provider(signal: AbortSignal): Promise<oauth.AuthorizationServer> {
    const url = new URL(issuer);
    known ??= oauth
      .discoveryRequest(url, { ...insecure, signal })
      .then((response) => oauth.processDiscoveryResponse(url, response))
      .catch((error: unknown) => {
        known = undefined;
        throw new Error(`the identity provider ${issuer} cannot be asked: ${textOf(error)}`, { cause: error });
      });
    return known;
  }

  return {
    async begin(to, signal) {
      const { authorization_endpoint } = await provider(signal);
      if (authorization_endpoint === undefined) throw new Error(`${issuer} names no authorization_endpoint`);
      const flow = {
        state: oauth.generateRandomState(),
        nonce: oauth.generateRandomNonce(),
        verifier: oauth.generateRandomCodeVerifier(),
        to,
      };
      const url = new URL(authorization_endpoint);
      const asked = {
        ...{ client_id: clientId, redirect_uri: redirectUri, response_type: "code", scope: scopes },
        ...{ state: flow.state, nonce: flow.nonce, code_challenge_method: "S256" },
        code_challenge: await oauth.calculatePKCECodeChallenge(flow.verifier),
      };
      for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
      return { url: url.href, flow };
    },
    async end(answer, { state, nonce, verifier }, signal) {
      const server = await provider(signal);
      const checked = oauth.validateAuthResponse(server, client, answer, state);
      const with_ = { ...insecure, signal };
      const response = await oauth.authorizationCodeGrantRequest(
        ...([server, client, proof, checked, redirectUri, verifier, with_] as const),
      );
      const expected = { expectedNonce: nonce, requireIdToken: true };
      const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, expected);
      await oauth.validateApplicationLevelSignature(server, response, with_);
      return userOf(oauth.getValidatedIdTokenClaims(tokens) ?? {}, options);
    },
  };
}

/** The claims as the API server reads them, so that roles name the same people. */
export function userOf(claims: Readonly<Record<string, unknown>>, options: Omit<OidcOptions, "issuer">): User {
  const { usernameClaim, groupsClaim, usernamePrefix, groupsPrefix, groupsFilter } = options;
  const name = claims[usernameClaim];
  if (typeof name !== "string" || name === "")
    throw new Error(`the identity provider names no "${usernameClaim}": ask for it by --oidc-scopes`);
  // An address that is not proved may belong to another person.
  if (usernameClaim === "email" && claims["email_verified"] === false)
    throw new Error(`the address ${name} is not verified at the identity provider`);
  const listed = claims[groupsClaim];
  const groups = Array.isArray(listed) ? listed : typeof listed === "string" ? [listed] : [];
  return {
    name: usernamePrefix + name,
    groups: groups
      .filter((group): group is string => typeof group === "string" && group.startsWith(groupsFilter))
      .map((group) => groupsPrefix + group),
  };
}

/** The library says little in its own message: what lies below it says more. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}
