/** The options of `aviary console` that say how people sign in. */
import { readFileSync } from "node:fs";
import { MODES, type Mode } from "../console/types.ts";
import { errorText } from "../error-text.ts";
import { UserError } from "./command.ts";
import { type OptionSpec, oneOf, type ReadOptions } from "./options.ts";
import type { SignIn } from "./serve-console.ts";

export const AUTH_OPTIONS = {
  auth: { type: "string", preset: "local", help: MODES.join(", ") },
  "external-url": { type: "string", help: "where browsers reach the console, e.g. https://console.example.com/" },
  "cookie-key-file": { type: "string", help: "at least 32 random characters, the same for all replicas" },
  "token-audiences": { type: "string", help: "token: audiences of which a token must have one, by commas" },
  "oidc-issuer": { type: "string", help: "oidc: address of the identity provider" },
  "oidc-client-id": { type: "string", help: "oidc: name of this console at the provider" },
  "oidc-client-secret-file": { type: "string", help: "oidc: absent for a public client" },
  "oidc-scopes": {
    type: "string",
    preset: "openid email profile groups",
    help: "oidc: what the provider is asked for",
  },
  "oidc-username-claim": { type: "string", preset: "email", help: "as the API server's --oidc-username-claim" },
  "oidc-groups-claim": { type: "string", preset: "groups", help: "as the API server's --oidc-groups-claim" },
  "oidc-username-prefix": { type: "string", preset: "", help: "as the API server's --oidc-username-prefix" },
  "oidc-groups-prefix": { type: "string", preset: "", help: "as the API server's --oidc-groups-prefix" },
  "oidc-groups-filter": { type: "string", preset: "", help: "only groups that begin so are kept" },
  "proxy-user-header": { type: "string", preset: "X-Forwarded-User", help: "proxy: header that names the user" },
  "proxy-groups-header": { type: "string", preset: "X-Forwarded-Groups", help: "proxy: header that names the groups" },
  "proxy-secret-header": { type: "string", preset: "X-Aviary-Proxy-Secret", help: "proxy: header of its secret" },
  "proxy-secret-file": { type: "string", help: "proxy: the secret by which it proves itself" },
  "tls-cert-file": { type: "string", help: "the console serves https:// itself" },
  "tls-key-file": { type: "string", help: "key of the certificate" },
  "tls-client-ca-file": { type: "string", help: "proxy: it proves itself by a certificate of this authority" },
  "frame-ancestors": { type: "string", help: "sites that may show /embed/ pages in a frame, by commas" },
} as const satisfies Record<string, OptionSpec>;

export const modeOf = (options: ReadOptions): Mode => oneOf(options, "auth", MODES) as Mode;

const SHORTEST_SECRET = 32;

/** @throws UserError when a part is missing: the console never starts with less protection than was asked for */
export function signInOf(options: ReadOptions): SignIn {
  const mode = modeOf(options);
  const text = (name: keyof typeof AUTH_OPTIONS): string => options.text(name) ?? "";
  const external = text("external-url");
  if (external !== "" && !URL.canParse(external))
    throw new UserError(`--external-url must be a URL, found "${external}"`, 2);
  const key = secretOf(options, "cookie-key-file");
  const tls = tlsOf(options);
  const listed = (name: keyof typeof AUTH_OPTIONS) =>
    text(name)
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "");
  const [audiences, frames] = [listed("token-audiences"), listed("frame-ancestors")];
  for (const frame of frames) {
    if (!/^(https?:\/\/[\w.*-]+(:\d+)?|'self')$/.test(frame))
      throw new UserError(`--frame-ancestors must list sites such as https://argocd.example.com, found "${frame}"`, 2);
  }
  return {
    isSecure: external.startsWith("https://") || tls.tls !== undefined,
    ...(key === undefined ? {} : { cookieSecret: key }),
    ...(audiences.length === 0 ? {} : { audiences }),
    ...(frames.length === 0 ? {} : { frameAncestors: frames }),
    ...tls,
    ...(mode === "oidc" ? { oidc: oidcOf(options, external, key) } : {}),
    ...(mode === "proxy" ? { proxy: proxyOf(options, tls) } : {}),
  };
}

function fileOf(options: ReadOptions, name: keyof typeof AUTH_OPTIONS): string | undefined {
  const path = options.text(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(`--${name}: ${errorText(error)}`, 2);
  }
}

function secretOf(options: ReadOptions, name: keyof typeof AUTH_OPTIONS): string | undefined {
  const secret = fileOf(options, name)?.trim();
  if (secret !== undefined && secret.length < SHORTEST_SECRET)
    throw new UserError(`--${name} must hold at least ${SHORTEST_SECRET} characters: \`openssl rand -hex 32\``, 2);
  return secret;
}

function tlsOf(options: ReadOptions): Pick<SignIn, "tls"> {
  const [cert, key, ca] = [
    fileOf(options, "tls-cert-file"),
    fileOf(options, "tls-key-file"),
    fileOf(options, "tls-client-ca-file"),
  ];
  if ((cert === undefined) !== (key === undefined))
    throw new UserError("give --tls-cert-file and --tls-key-file, or neither", 2);
  if (cert === undefined || key === undefined) {
    if (ca !== undefined) throw new UserError("--tls-client-ca-file needs --tls-cert-file and --tls-key-file", 2);
    return {};
  }
  return { tls: { cert, key, ...(ca === undefined ? {} : { ca }) } };
}

function oidcOf(options: ReadOptions, external: string, key: string | undefined): NonNullable<SignIn["oidc"]> {
  const text = (name: keyof typeof AUTH_OPTIONS): string => options.text(name) ?? "";
  const [issuer, clientId] = [text("oidc-issuer"), text("oidc-client-id")];
  if (issuer === "" || clientId === "" || external === "" || key === undefined)
    throw new UserError("--auth oidc needs --oidc-issuer, --oidc-client-id, --external-url and --cookie-key-file", 2);
  if (!URL.canParse(issuer)) throw new UserError(`--oidc-issuer must be a URL, found "${issuer}"`, 2);
  const secret = fileOf(options, "oidc-client-secret-file")?.trim();
  return {
    ...{ issuer, clientId, scopes: text("oidc-scopes") },
    ...(secret === undefined ? {} : { clientSecret: secret }),
    redirectUri: new URL("callback", external.endsWith("/") ? external : `${external}/`).href,
    usernameClaim: text("oidc-username-claim"),
    groupsClaim: text("oidc-groups-claim"),
    usernamePrefix: text("oidc-username-prefix"),
    groupsPrefix: text("oidc-groups-prefix"),
    groupsFilter: text("oidc-groups-filter"),
    // Tokens do not travel in the clear, unless the provider is on this machine.
    isInsecureAllowed: ["localhost", "127.0.0.1", "[::1]"].includes(new URL(issuer).hostname),
  };
}

function proxyOf(options: ReadOptions, { tls }: Pick<SignIn, "tls">): NonNullable<SignIn["proxy"]> {
  const header = options.text("proxy-secret-header") ?? "";
  const secret = secretOf(options, "proxy-secret-file");
  if (secret === undefined && tls?.ca === undefined)
    throw new UserError(
      "--auth proxy needs a proof: --proxy-secret-file, or --tls-client-ca-file. Every pod of the cluster can write headers",
      2,
    );
  return {
    user: options.text("proxy-user-header") ?? "",
    groups: options.text("proxy-groups-header") ?? "",
    ...(secret === undefined ? {} : { proof: { header, secret } }),
  };
}
