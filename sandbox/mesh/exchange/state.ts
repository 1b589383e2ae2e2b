/** The state of one request on its way through the mesh, see exchange.ts. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Member, Pool } from "../pools.ts";
import type { Destination, RequestView, Route } from "../routes/route.ts";
import type { Body } from "./body.ts";
import type { Door, Surroundings } from "./door.ts";

/** What binds a caller to one pod. */
export interface Affinity {
  readonly hash: number | undefined;
  /** A new cookie for the caller, as the value of Set-Cookie. */
  readonly cookie: string | undefined;
}

/** The state of one request. */
export interface Exchange {
  readonly around: Surroundings;
  readonly door: Door;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly view: RequestView;
  readonly startedAt: number;
  readonly meshed: boolean;
  route: Route | undefined;
  destination: Destination | undefined;
  pool: Pool | undefined;
  body: Body;
  path: string;
  /** For the pod, with Host. */
  headers: string[];
  affinity: Affinity | undefined;
  member: Member | undefined;
  /** Gives the current try up, or the wait for it. */
  cancel: () => void;
  readonly tried: Member[];
  /** When the current try began, by performance.now(). */
  triedAt: number;
  retries: number;
  silentTries: number;
  flags: string;
  requestBytes: number;
  responseBytes: number;
  status: number;
  /** The time limit of the whole exchange. */
  deadline: NodeJS.Timeout | undefined;
  over: boolean;
}
