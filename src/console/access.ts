/**
 * Who asks, and what they may do. One place decides: every route names an RBAC verb, and `allow` is asked before the
 * route runs. In the mode `local` the API server itself judges each request, because the console has the user's own
 * identity.
 */
import { createHash, randomBytes } from "node:crypto";
import { createKeptAnswers } from "../async/kept-answers.ts";
import type { ClusterClient } from "../cli/cluster.ts";
import { whoAmI } from "../cli/steer/action.ts";
import type { Clock } from "../ports/clock.ts";
import { isSame } from "./sealed.ts";
import type { Mode } from "./types.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface Access {
  readonly mode: Mode;
  /** Why this mode does not allow steering; undefined when it does. */
  readonly steeringOff: string | undefined;
  /** @returns undefined for a request without a valid identity */
  user(credentials: Credentials, signal: AbortSignal): Promise<User | undefined>;
  /** @returns why the user may not; undefined when the user may */
  refusal(
    user: User,
    verb: string,
    resource: Resource,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** The one-time token of the mode `local`: the first caller gets a session, later callers nothing. */
  redeem(token: string): string | undefined;
  /** Who the API server says that the bearer of a token is; undefined when it does not know the token. */
  review(token: string, signal: AbortSignal): Promise<User | undefined>;
  readonly oneTimeToken: string | undefined;
}

export interface Credentials {
  /** The cookie of the mode `local`. */
  readonly session: string | undefined;
  readonly bearer: string | undefined;
  /** From a sealed cookie: a person who signed in before. */
  readonly signedIn?: User | undefined;
  /** Named by a proxy that has proved itself. */
  readonly proxied?: User | undefined;
}

const KEPT_MS = 30_000;
const MOST_KEPT = 10_000;
const NONE = "steering is off: the console was started without authentication (--auth none)";

export interface AccessOptions {
  /** Audiences of which a token must have one; the API server's own when absent. */
  readonly audiences?: readonly string[];
}

export function createAccess(
  mode: Mode,
  client: ClusterClient,
  clock: Clock,
  { audiences = [] }: AccessOptions = {},
): Access {
  const session = randomBytes(24).toString("base64url");
  let oneTime: string | undefined = mode === "local" ? randomBytes(24).toString("base64url") : undefined;
  let own: Promise<string> | undefined;
  // A page of rows must not be a page of reviews.
  const keep = createKeptAnswers(clock, { forMs: KEPT_MS, most: MOST_KEPT });
  // Apart from them: strangers send tokens as they like, and must not push out what is known of people.
  const keepToken = createKeptAnswers(clock, { forMs: KEPT_MS, most: MOST_KEPT });

  const reviewed = (token: string, signal: AbortSignal) =>
    keepToken(digest(token), () => reviewToken(client, token, audiences, signal));

  return {
    mode,
    steeringOff: mode === "none" ? NONE : undefined,
    oneTimeToken: oneTime,
    redeem(token) {
      if (oneTime === undefined || !isSame(token, oneTime)) return undefined;
      oneTime = undefined;
      return session;
    },
    async user(credentials, signal) {
      if (mode === "none") return { name: "anonymous viewer", groups: [] };
      if (mode === "local") {
        if (credentials.session === undefined || !isSame(credentials.session, session)) return undefined;
        own ??= whoAmI(client, signal).catch((error: unknown) => {
          own = undefined;
          throw error;
        });
        return { name: await own, groups: [] };
      }
      if (mode === "proxy") return outsider(credentials.proxied);
      if (credentials.bearer !== undefined) return await reviewed(credentials.bearer, signal);
      return mode === "oidc" ? outsider(credentials.signedIn) : credentials.signedIn;
    },
    review: reviewed,
    async refusal(user, verb, resource, namespace, name, signal) {
      if (mode === "none") return READS.includes(verb) ? undefined : NONE;
      const attributes = { verb, ...RESOURCES[resource], resource, namespace, name };
      // As JSON: people choose their names, and "a" in the group "b c" must not be taken for "a b" in the group "c".
      const key = digest(JSON.stringify([user.name, user.groups, attributes]));
      return await keep(key, () => review(client, mode === "local" ? undefined : user, attributes, signal));
    },
  };
}

/** A token is not kept in memory longer than its request, and a long name takes no more of it than a short one. */
const digest = (token: string): string => createHash("sha256").update(token).digest("base64");

const OF_THE_SYSTEM = "system:";

/**
 * A person whom the API server has not seen itself. Names of the system are the API server's to give: no provider and
 * no proxy makes a person a node or a master.
 */
function outsider(user: User | undefined): User | undefined {
  if (user === undefined || user.name.startsWith(OF_THE_SYSTEM)) return undefined;
  const groups = user.groups.filter((group) => !group.startsWith(OF_THE_SYSTEM));
  return { name: user.name, groups: [...groups, "system:authenticated"] };
}

const READS = ["get", "list", "watch"];
const RESOURCES = {
  canaries: { group: "flagger.app" },
  canaryruns: { group: "aviary.flagger.app" },
  canaryactions: { group: "aviary.flagger.app" },
  canaryfreezes: { group: "aviary.flagger.app" },
  pods: { group: "" },
  events: { group: "" },
} as const;

/** What the console asks rights for. */
export type Resource = keyof typeof RESOURCES;

async function reviewToken(
  { transport }: ClusterClient,
  token: string,
  audiences: readonly string[],
  signal: AbortSignal,
): Promise<User | undefined> {
  const spec = { token, ...(audiences.length === 0 ? {} : { audiences }) };
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: {}, spec };
  const { status } = await transport.send(
    { method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", body },
    signal,
  );
  if (status?.authenticated !== true) return undefined;
  // An API server that does not look at audiences leaves them out.
  const own: readonly string[] = status.audiences ?? [];
  if (audiences.length > 0 && !own.some((audience) => audiences.includes(audience))) return undefined;
  return { name: String(status.user?.username ?? ""), groups: status.user?.groups ?? [] };
}

async function review(
  { transport }: ClusterClient,
  user: User | undefined,
  resourceAttributes: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const kind = user === undefined ? "SelfSubjectAccessReview" : "SubjectAccessReview";
  const spec = { resourceAttributes, ...(user === undefined ? {} : { user: user.name, groups: user.groups }) };
  const path = `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`;
  const body = { apiVersion: "authorization.k8s.io/v1", kind, metadata: {}, spec };
  const { status } = await transport.send({ method: "POST", path, body }, signal);
  if (status?.allowed === true) return undefined;
  const { verb, resource, namespace } = resourceAttributes;
  const where = namespace === "" ? "in all namespaces" : `in namespace ${String(namespace)}`;
  return `you have no right to ${String(verb)} ${String(resource)} ${where}${status?.reason ? ` (${status.reason})` : ""}`;
}
