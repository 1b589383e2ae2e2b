/** One address that answers for a Service, with the connections to it. */
import { Client } from "undici";
import type { Policy } from "./policy.ts";
import type { FlowPair } from "./telemetry.ts";
import type { Workload } from "./workload.ts";

/** A connection that carries one request at a time. */
export class Connection {
  /** Requests carried so far. */
  used = 0;
  idleSince = 0;
  /** Given up: must not be used again. */
  closed = false;
  readonly client: Client;

  constructor(endpoint: Endpoint, policy: Policy) {
    this.client = new Client(`http://${endpoint.address}:${endpoint.port}`, {
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: policy.idleTimeoutMs,
      keepAliveMaxTimeout: policy.idleTimeoutMs,
      strictContentLength: false,
      connect: { timeout: policy.connectTimeoutMs },
    });
    this.client.on("disconnect", () => endpoint.lost(this));
  }
}

/** Who is behind an address. */
export interface Member {
  /** "namespace/pod"; "" when the address is no pod. */
  readonly pod: string;
  readonly workload: Workload | undefined;
  /** The pod has a sidecar that reports what arrives. */
  readonly reports: boolean;
}

export class Endpoint {
  /** Requests under way. */
  active = 0;
  /** No longer an endpoint, or its pod is on the way out: gets no further requests. */
  gone = false;
  member: Member;
  /** Telemetry by who asks. */
  readonly flows = new Map<Workload | undefined, FlowPair>();
  fiveHundreds = 0;
  gatewayErrors = 0;
  ejections = 0;
  /** Milliseconds since 1970. */
  ejectedUntil = 0;
  private readonly idle: Connection[] = [];
  private readonly open = new Set<Connection>();

  constructor(
    readonly address: string,
    readonly port: number,
    member: Member,
  ) {
    this.member = member;
  }

  /** The most recently used idle connection, or a new one. */
  acquire(policy: Policy): Connection {
    this.active += 1;
    const warm = this.idle.pop();
    if (warm !== undefined) return warm;
    const fresh = new Connection(this, policy);
    this.open.add(fresh);
    return fresh;
  }

  /** Takes a connection back. @param reusable false: something went wrong on it, or its answer was not awaited */
  release(connection: Connection, policy: Policy, reusable: boolean): void {
    this.active -= 1;
    connection.used += 1;
    const limit = policy.maxRequestsPerConnection;
    if (!reusable || connection.closed || this.gone || (limit > 0 && connection.used >= limit)) {
      this.close(connection);
      return;
    }
    connection.idleSince = performance.now();
    this.idle.push(connection);
  }

  /** The other side closed the connection, or it was idle for too long. */
  lost(connection: Connection): void {
    const at = this.idle.indexOf(connection);
    if (at < 0) return;
    this.idle.splice(at, 1);
    this.close(connection);
  }

  /** No further requests; those under way are finished. */
  retire(): void {
    this.gone = true;
    for (const connection of this.idle.splice(0)) this.close(connection);
  }

  /** Cuts everything. */
  destroy(): void {
    this.retire();
    for (const connection of this.open) this.close(connection);
  }

  private close(connection: Connection): void {
    if (connection.closed) return;
    connection.closed = true;
    this.open.delete(connection);
    connection.client.destroy().catch((error: unknown) => process.emitWarning(String(error), "Mesh"));
  }
}
