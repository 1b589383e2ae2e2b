/** The endpoints of one Service's port, or of a subset of them: which one gets the next request. */
import type { Clock, Random } from "../../ports/clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { DEFAULT_POLICY, type Policy } from "./policy.ts";
import type { ServiceIdentity } from "./telemetry.ts";

export class Upstream {
  policy: Policy = DEFAULT_POLICY;
  /** Those that may be asked, but for ejections. */
  endpoints: readonly Endpoint[] = [];
  active = 0;
  retries = 0;
  private turn = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    readonly service: ServiceIdentity,
    private readonly random: Random,
    private readonly clock: Clock,
  ) {}

  /**
   * @param hash of the request under consistent hashing; undefined: by the balancer
   * @param tried endpoints that failed this request already; they are asked again only when there is nobody else
   */
  pick(hash: number | undefined, tried: readonly Endpoint[]): Endpoint | undefined {
    const healthy = this.policy.outliers === undefined ? this.endpoints : this.endpoints.filter((e) => this.isIn(e));
    const untried = tried.length === 0 ? healthy : healthy.filter((endpoint) => !tried.includes(endpoint));
    const candidates = untried.length === 0 ? healthy : untried;
    if (candidates.length <= 1) return candidates[0];
    if (hash !== undefined) return byHash(candidates, hash);
    if (this.policy.balancer === "round-robin") {
      this.turn += 1;
      return candidates[this.turn % candidates.length];
    }
    const first = candidates[Math.floor(this.random() * candidates.length)];
    if (this.policy.balancer === "random") return first;
    const second = candidates[Math.floor(this.random() * candidates.length)];
    return first !== undefined && second !== undefined && second.active < first.active ? second : first;
  }

  /** Whether one more request is within the limits. "wait": when another one is done, `next` is called. */
  admit(next: () => void): "go" | "wait" | "overflow" {
    if (this.active >= this.policy.maxRequests) return "overflow";
    if (this.active < this.policy.maxConnections) {
      this.active += 1;
      return "go";
    }
    if (this.waiting.length >= this.policy.maxPending) return "overflow";
    this.waiting.push(next);
    return "wait";
  }

  /** A request is done, or no longer waits. */
  leave(): void {
    this.active -= 1;
    const next = this.waiting.shift();
    if (next === undefined) return;
    this.active += 1;
    next();
  }

  /** Remembers how an endpoint answered, and ejects it when it has failed too often in a row. */
  observe(endpoint: Endpoint, status: number): void {
    const { outliers } = this.policy;
    if (outliers === undefined) return;
    endpoint.fiveHundreds = status >= 500 ? endpoint.fiveHundreds + 1 : 0;
    endpoint.gatewayErrors = status >= 502 && status <= 504 ? endpoint.gatewayErrors + 1 : 0;
    const reached = (count: number, limit: number) => limit > 0 && count >= limit;
    const bad =
      reached(endpoint.fiveHundreds, outliers.fiveHundreds) || reached(endpoint.gatewayErrors, outliers.gatewayErrors);
    if (!bad || !this.isIn(endpoint)) return;
    const ejected = this.endpoints.filter((other) => !this.isIn(other)).length;
    const allowed = Math.max(1, Math.floor(this.endpoints.length * outliers.maxEjected));
    if (ejected >= allowed) return;
    endpoint.ejections += 1;
    endpoint.ejectedUntil = this.clock.now() + outliers.baseEjectionMs * endpoint.ejections;
    endpoint.fiveHundreds = 0;
    endpoint.gatewayErrors = 0;
  }

  private isIn(endpoint: Endpoint): boolean {
    return endpoint.ejectedUntil === 0 || endpoint.ejectedUntil <= this.clock.now();
  }
}

/** Rendezvous hashing: when an endpoint comes or goes, only the requests that are its own move. */
function byHash(endpoints: readonly Endpoint[], hash: number): Endpoint | undefined {
  let best: Endpoint | undefined;
  let bestScore = -1;
  for (const endpoint of endpoints) {
    const score = scramble(hash ^ hashText(`${endpoint.address}:${endpoint.port}`));
    if (score > bestScore) {
      bestScore = score;
      best = endpoint;
    }
  }
  return best;
}

/** FNV-1a, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Spreads a 32-bit number over all of its bits. */
function scramble(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
