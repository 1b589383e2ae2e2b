/** Who a request comes from: read from its cookies and headers, in the way that the console was started for. */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../ports/clock.ts";
import type { Credentials, User } from "./access.ts";
import { chunks, isSame, MOST_CHUNKS, type Seal } from "./sealed.ts";

/**
 * In the mode `local`: a random word, for a browser on this machine. Browsers keep cookies by host and not by port, so
 * that the name has the port: two consoles on one laptop, for two clusters, do not sign each other out.
 */
export const localCookie = ({ env }: Context): string =>
  `aviary-console-${(env as Connection).incoming?.socket?.localPort ?? 0}`;

interface Connection {
  readonly incoming?: { readonly socket?: { readonly localPort?: number; readonly authorized?: boolean } };
}

const SESSION_MS = 8 * 3_600_000;
const FLOW_MS = 600_000;

export interface ProxyHeaders {
  readonly user: string;
  /** Groups, divided by commas or in several headers. */
  readonly groups: string;
  /** The header and the word by which the proxy proves itself; absent: by its client certificate. */
  readonly proof?: { readonly header: string; readonly secret: string };
}

export interface Sessions {
  credentials(context: Context): Credentials;
  /** @returns why it does not fit into the cookies of a browser */
  keep(context: Context, user: User): string | undefined;
  keepFlow(context: Context, flow: object): void;
  /** The flow is over: it counts once. */
  takeFlow(context: Context): unknown;
  end(context: Context): void;
}

export interface SessionOptions {
  readonly seal: Seal;
  readonly clock: Clock;
  /** Browsers reach the console by https://. */
  readonly isSecure: boolean;
  readonly proxy?: ProxyHeaders;
}

/** The prefix binds a cookie to this host and to https: no neighbouring host can set it. */
const PREFIX = "__Host-";

export function createSessions({ seal, clock, isSecure, proxy }: SessionOptions): Sessions {
  const named = (name: string) => (isSecure ? PREFIX + name : name);
  const session = named("aviary-session");
  const flow = named("aviary-login");
  const common = { httpOnly: true, path: "/", secure: isSecure } as const;

  function user(context: Context): User | undefined {
    const text = Array.from(
      { length: MOST_CHUNKS },
      (_, index) => getCookie(context, `${session}-${index}`) ?? "",
    ).join("");
    const found = text === "" ? undefined : seal.open("session", text);
    return isSession(found) && found.until > clock.now() ? { name: found.name, groups: found.groups } : undefined;
  }

  const forget = (context: Context, from: number): void => {
    for (let index = from; index < MOST_CHUNKS; index += 1) deleteCookie(context, `${session}-${index}`, common);
  };

  return {
    credentials(context) {
      const bearer = /^Bearer (.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
      const named = proxy === undefined ? undefined : proxied(context, proxy);
      return { session: getCookie(context, localCookie(context)), bearer, signedIn: user(context), proxied: named };
    },
    keep(context, { name, groups }) {
      const parts = chunks(seal.seal("session", { name, groups, until: clock.now() + SESSION_MS }));
      if (parts === undefined)
        return [
          `${name} has ${groups.length} groups, more than the cookies of a browser can hold.`,
          "Start the console with --oidc-groups-filter PREFIX, so that only groups that matter are kept.",
        ].join(" ");
      parts.forEach((part, index) => {
        setCookie(context, `${session}-${index}`, part, { ...common, sameSite: "Strict", maxAge: SESSION_MS / 1000 });
      });
      forget(context, parts.length);
      return undefined;
    },
    // The provider's page sends the person back: a cookie that is strict would stay behind.
    keepFlow: (context, content) =>
      setCookie(context, flow, seal.seal("flow", { ...content, until: clock.now() + FLOW_MS }), {
        ...common,
        sameSite: "Lax",
        maxAge: FLOW_MS / 1000,
      }),
    takeFlow(context) {
      const found = seal.open("flow", getCookie(context, flow) ?? "");
      deleteCookie(context, flow, common);
      const until = (found as { until?: unknown } | undefined)?.until;
      return typeof until === "number" && until > clock.now() ? found : undefined;
    },
    end: (context) => forget(context, 0),
  };
}

interface Session extends User {
  readonly until: number;
}

const isSession = (value: unknown): value is Session => {
  const found = value as Partial<Session> | null | undefined;
  return typeof found?.name === "string" && Array.isArray(found.groups) && typeof found.until === "number";
};

/** Every pod of a cluster reaches the console and can write headers: without a proof they say nothing. */
function proxied(context: Context, { user, groups, proof }: ProxyHeaders): User | undefined {
  const name = context.req.header(user) ?? "";
  if (name === "" || !isProved(context, proof)) return undefined;
  const listed = (context.req.header(groups) ?? "").split(",").map((group) => group.trim());
  return { name, groups: listed.filter((group) => group !== "") };
}

function isProved(context: Context, proof: ProxyHeaders["proof"]): boolean {
  if (proof !== undefined) return isSame(context.req.header(proof.header) ?? "", proof.secret);
  return (context.env as Connection).incoming?.socket?.authorized === true;
}
