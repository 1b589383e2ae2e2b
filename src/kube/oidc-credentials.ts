/**
 * The credentials of a kubeconfig's user with `auth-provider: oidc`, as kubectl has them: the ID token is the bearer
 * token. The identity provider issues a new ID token for the refresh token. The kubeconfig file is not written.
 */
import { abortable } from "../async/abortable.ts";
import { errorText } from "../error-text.ts";
import type { Clock } from "../ports/clock.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";
import type { Credentials } from "./access.ts";
import type { Entry } from "./kubeconfig.ts";
import type { Tokens } from "./oidc-renewal.ts";

/** A token that expires during the request is refused, so its last seconds are not used. */
const EARLY_MS = 10_000;

/** @param name the user's name in the kubeconfig, for messages */
export function oidcCredentials(user: Entry, name: string, clock: Clock): Credentials {
  const settings: KubeFields = user.fields["auth-provider"].config ?? {};
  let tokens: Tokens = { id: settings["id-token"] ?? "", refresh: settings["refresh-token"] };
  let refused = false;
  let renewing: Promise<void> | undefined;

  const renewed = async () => {
    // Few commands renew a token, and none of the others waits until the HTTP client for it is loaded.
    const { refreshed } = await import("./oidc-renewal.ts");
    tokens = await refreshed(user, tokens.refresh, clock).catch((cause: unknown) => {
      const why = errorText(cause);
      throw new KubeError(0, "Credentials", `auth-provider oidc of user ${name}: ${why}`, undefined, { cause });
    });
    refused = false;
  };

  return {
    async prove(signal) {
      if (refused || tokens.id === "" || expiryOf(tokens.id) - EARLY_MS <= clock.now()) {
        // One renewal serves every request that waits for it, so it does not end with the first request that gives up.
        renewing ??= renewed().finally(() => {
          renewing = undefined;
        });
        await abortable(renewing, signal);
      }
      return { headers: { authorization: `Bearer ${tokens.id}` } };
    },
    renew() {
      refused = true;
      return tokens.refresh !== undefined;
    },
  };
}

/** Milliseconds since the epoch; 0 when the token cannot be read, so that it is renewed. */
function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    return typeof exp === "number" ? exp * 1000 : 0;
  } catch {
    return 0;
  }
}
