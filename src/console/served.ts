/** What the parts of the console's server share: its options, and who asks. */
import type { Context } from "hono";
import type { User } from "./access.ts";
import type { Oidc } from "./oidc.ts";
import type { Console } from "./route.ts";
import type { Sessions } from "./sessions.ts";

export interface ConsoleOptions extends Omit<Console, "stream"> {
  readonly sessions: Sessions;
  /** In the mode `oidc`. */
  readonly oidc?: Oidc;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The folder of the built pages. */
  readonly pages: string;
  readonly tls?: TlsFiles;
  readonly frameAncestors?: readonly string[];
  /** "/" or "/console/": where a proxy serves the console. */
  readonly basePath: string;
}

/** The options, and the stream of events that all pages follow. */
export type Served = ConsoleOptions & Console;

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that this authority has signed. */
  readonly ca?: string;
}

/** @returns undefined when the credentials of the request are of no person */
export async function userOf(options: ConsoleOptions, context: Context): Promise<User | undefined> {
  return await options.access.user(options.sessions.credentials(context), options.signal);
}
