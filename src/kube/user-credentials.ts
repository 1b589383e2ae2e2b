/** The credentials of a kubeconfig's user. */
import { readFile } from "node:fs/promises";
import { errorText } from "../error-text.ts";
import type { Clock } from "../ports/clock.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import { type Credentials, fixedCredentials, type Proof } from "./access.ts";
import { execCredentials } from "./exec-credentials.ts";
import { configError, type Entry, pathIn } from "./kubeconfig.ts";
import { oidcCredentials } from "./oidc-credentials.ts";

/** Mounted tokens are replaced about hourly and stay valid for a while; client-go reads them once a minute, too. */
const TOKEN_FILE_MS = 60_000;

/** A bearer token from a file that another program renews. */
export function tokenFileCredentials(file: string, clock: Clock): Credentials {
  let token: string | undefined;
  let readAt = 0;
  return {
    async prove() {
      if (token === undefined || clock.now() - readAt >= TOKEN_FILE_MS || clock.now() < readAt) {
        try {
          token = (await readFile(file, "utf8")).trim();
        } catch (error) {
          const why = errorText(error);
          throw new KubeError(0, "Credentials", `cannot read the token file ${file}: ${why}`, undefined, {
            cause: error,
          });
        }
        readAt = clock.now();
      }
      return { headers: { authorization: `Bearer ${token}` } };
    },
    renew() {
      token = undefined;
      return true;
    },
  };
}

/** kubectl 1.26 removed these; the programs that the clouds provide replaced them. */
const REMOVED_PROVIDERS: Readonly<Record<string, string>> = {
  gcp: "gke-gcloud-auth-plugin (gcloud container clusters get-credentials)",
  azure: "kubelogin (kubelogin convert-kubeconfig)",
};

function providerCredentials(user: Entry, name: string, clock: Clock): Credentials {
  const provider = user.fields["auth-provider"].name;
  if (provider === "oidc") return oidcCredentials(user, name, clock);
  const successor = REMOVED_PROVIDERS[provider];
  const advice =
    successor === undefined
      ? "only exec plugins and oidc work"
      : `kubectl removed it in version 1.26, and it does not work here either: use ${successor}`;
  return configError(`user ${name} of the kubeconfig has the auth-provider "${provider}": ${advice}`);
}

/** `as` and its companions: impersonation, when the API server allows it. */
function impersonation(fields: KubeFields): Proof["headers"] {
  const extra: [string, string[]][] = Object.entries(fields["as-user-extra"] ?? {}).map(([key, values]) => [
    `impersonate-extra-${encodeURIComponent(key.toLowerCase())}`,
    Array.isArray(values) ? values.map(String) : [String(values)],
  ]);
  return {
    ...(fields.as === undefined ? {} : { "impersonate-user": fields.as }),
    ...(fields["as-uid"] === undefined ? {} : { "impersonate-uid": fields["as-uid"] }),
    ...(fields["as-groups"] === undefined ? {} : { "impersonate-group": fields["as-groups"] }),
    ...Object.fromEntries(extra),
  };
}

function ownCredentials(user: Entry, cluster: Entry, name: string, clock: Clock): Credentials {
  const { fields } = user;
  if (fields.exec !== undefined && fields.exec !== null) return execCredentials(user, cluster, name, clock);
  if (fields["auth-provider"] !== undefined && fields["auth-provider"] !== null) {
    return providerCredentials(user, name, clock);
  }
  if (typeof fields.tokenFile === "string") return tokenFileCredentials(pathIn(user, fields.tokenFile), clock);
  if (typeof fields.token === "string") return fixedCredentials({ authorization: `Bearer ${fields.token}` });
  if (typeof fields.username === "string") {
    const pair = Buffer.from(`${fields.username}:${fields.password ?? ""}`).toString("base64");
    return fixedCredentials({ authorization: `Basic ${pair}` });
  }
  return fixedCredentials();
}

/** Client certificates are not here, because they belong to the connection. @throws KubeError Config */
export function userCredentials(user: Entry, cluster: Entry, name: string, clock: Clock): Credentials {
  const own = ownCredentials(user, cluster, name, clock);
  const as = impersonation(user.fields);
  if (Object.keys(as).length === 0) return own;
  return {
    async prove(signal) {
      const proof = await own.prove(signal);
      return { ...proof, headers: { ...proof.headers, ...as } };
    },
    renew: own.renew,
  };
}
