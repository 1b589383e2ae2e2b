/**
 * Which endpoints may get a request: those of one Service port, or of a subset of them, under the rules of its
 * DestinationRules. (Envoy calls this a cluster.) Pools live on when their endpoints or rules change, so that counts of
 * requests under way stay right.
 */
import type { Random } from "../../src/ports/clock.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import type { ServiceName } from "./observations.ts";
import type { PodPort, PodPorts } from "./pod-ports.ts";
import { DEFAULT_POLICY, type DestinationPolicies, type Policy, policiesFor } from "./policy.ts";
import type { Registry, ServiceFacts, ServicePort } from "./registry.ts";
import { fqdn } from "./routes/hosts.ts";

/** One endpoint as one pool sees it. */
export interface Member {
  readonly target: PodPort;
  /** Requests of this pool under way. */
  active: number;
  fiveHundreds: number;
  gatewayErrors: number;
  ejections: number;
  /** By performance.now(). */
  ejectedUntil: number;
}

export interface Pool {
  readonly service: ServiceName;
  readonly port: number;
  policy: Policy;
  /** Those that may be asked, but for ejections. */
  members: readonly Member[];
  /** Requests under way. */
  active: number;
  /** Requests under way that are tried again. */
  retries: number;
  turn: number;
  readonly waiting: (() => void)[];
}

export interface Pools {
  /**
   * @param service "namespace/name" @param port undefined: the only one, or `askedPort`
   * @param ruled whether DestinationRules count; false: chosen by chance, as kube-proxy does
   * @returns undefined when there is no such Service, port or subset
   */
  find(service: string, port: number | undefined, subset: string, askedPort: number, ruled: boolean): Pool | undefined;
  /** Endpoints of the Service, or the Service, changed. */
  refresh(service: string): void;
  /** Pods came, or their labels changed. */
  refreshSubsets(): void;
  /** DestinationRules changed. */
  refreshPolicies(): void;
}

interface Place {
  readonly service: string;
  readonly port: number;
  readonly subset: string;
  readonly ruled: boolean;
  readonly pool: Pool;
}

interface Context {
  readonly cluster: Cluster;
  readonly registry: () => Registry;
  readonly ports: PodPorts;
}

const KUBE_PROXY: Policy = { ...DEFAULT_POLICY, balancer: "random" };

export function createPools(context: Context): Pools {
  const places = new Map<string, Map<string, Place>>();
  let policies = new Map<string, DestinationPolicies>();
  const policiesOf = (facts: ServiceFacts) => {
    const known = policies.get(facts.key) ?? readPolicies(context, facts);
    policies.set(facts.key, known);
    return known;
  };
  const refresh = (service: string) => {
    for (const [id, place] of places.get(service) ?? []) {
      if (!update(context, place, policiesOf)) places.get(service)?.delete(id);
    }
  };
  return {
    find: (service, wanted, subset, askedPort, ruled) => {
      const facts = context.registry().service(service);
      const port = facts && portOf(facts, wanted, askedPort);
      if (facts === undefined || port === undefined) return undefined;
      const ofService = places.get(service) ?? new Map<string, Place>();
      places.set(service, ofService);
      const id = `${port.number}/${subset}/${ruled}`;
      const known = ofService.get(id);
      if (known !== undefined) return known.pool;
      const place = { service, port: port.number, subset, ruled, pool: emptyPool(facts, port.number) };
      if (!update(context, place, policiesOf)) return undefined;
      ofService.set(id, place);
      return place.pool;
    },
    refresh,
    refreshSubsets: () => {
      for (const [service, ofService] of places) {
        if ([...ofService.values()].some(({ subset }) => subset !== "")) refresh(service);
      }
    },
    refreshPolicies: () => {
      policies = new Map();
      for (const service of places.keys()) refresh(service);
    },
  };
}

function portOf({ ports }: ServiceFacts, wanted: number | undefined, asked: number): ServicePort | undefined {
  if (wanted !== undefined) return ports.find(({ number }) => number === wanted);
  if (ports.length === 1) return ports[0];
  return ports.find(({ number }) => number === asked) ?? ports.find(({ protocol }) => protocol === "http");
}

function emptyPool({ namespace, name, revision }: ServiceFacts, port: number): Pool {
  const service = { host: fqdn(namespace, name), name, namespace, revision };
  return { service, port, policy: DEFAULT_POLICY, members: [], active: 0, retries: 0, turn: 0, waiting: [] };
}

function readPolicies({ cluster, registry }: Context, { namespace, name }: ServiceFacts): DestinationPolicies {
  const rules = [...cluster.list(RESOURCES.destinationRule)].sort(byAge);
  return policiesFor(rules, fqdn(namespace, name), namespace, (key) => registry().service(key) !== undefined);
}

/** Oldest first; then by name, as Istio does. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const text = ({ metadata }: KubeObject) =>
    `${metadata.creationTimestamp ?? ""} ${metadata.name} ${metadata.namespace ?? ""}`;
  return text(a) < text(b) ? -1 : 1;
}

/** Brings a pool in line with the cluster. @returns false when its Service, port or subset is gone */
function update(context: Context, place: Place, policiesOf: (facts: ServiceFacts) => DestinationPolicies): boolean {
  const { pool } = place;
  const registry = context.registry();
  const facts = registry.service(place.service);
  const port = facts?.ports.find(({ number }) => number === place.port);
  const meshed = facts !== undefined && policiesOf(facts);
  const labels = place.subset === "" ? {} : meshed ? meshed.subset(place.subset) : undefined;
  if (facts === undefined || port === undefined || !meshed || labels === undefined) {
    for (const { target } of pool.members) context.ports.release(target);
    pool.members = [];
    return false;
  }
  pool.policy = place.ruled ? meshed.policyFor(place.port, place.subset) : KUBE_PROXY;
  const wanted = registry.endpoints(place.service, port).filter(({ address }) => {
    const has = registry.podAt(address)?.workload.labels ?? {};
    return Object.entries(labels).every(([key, value]) => has[key] === value);
  });
  const before = new Map(pool.members.map((member) => [`${member.target.address}:${member.target.port}`, member]));
  const members = wanted.map((one) => {
    const id = `${one.address}:${one.port}`;
    const kept = before.get(id);
    before.delete(id);
    return kept ?? newMember(context.ports.acquire(one.address, one.port));
  });
  for (const { target } of before.values()) context.ports.release(target);
  pool.members = members;
  return true;
}

function newMember(target: PodPort): Member {
  return { target, active: 0, fiveHundreds: 0, gatewayErrors: 0, ejections: 0, ejectedUntil: 0 };
}

const isIn = (member: Member) => member.ejectedUntil === 0 || member.ejectedUntil <= performance.now();

/**
 * The endpoint for one request.
 * @param hash under consistent hashing; undefined: by the balancer
 * @param tried have failed this request already; they are tried again only when there is no other pod
 */
export function pick(
  pool: Pool,
  random: Random,
  hash: number | undefined,
  tried: readonly Member[],
): Member | undefined {
  const { policy, members } = pool;
  const healthy = policy.outliers === undefined ? members : members.filter(isIn);
  const untried = tried.length === 0 ? healthy : healthy.filter((member) => !tried.includes(member));
  const candidates = untried.length === 0 ? healthy : untried;
  if (candidates.length <= 1) return candidates[0];
  if (hash !== undefined) return byHash(candidates, hash);
  if (policy.balancer === "round-robin") {
    pool.turn += 1;
    return candidates[pool.turn % candidates.length];
  }
  const first = candidates[Math.floor(random() * candidates.length)];
  if (policy.balancer === "random") return first;
  const second = candidates[Math.floor(random() * candidates.length)];
  return first !== undefined && second !== undefined && second.active < first.active ? second : first;
}

/** Rendezvous hashing: when an endpoint comes or goes, only the requests that are its own move. */
function byHash(members: readonly Member[], hash: number): Member | undefined {
  let best: Member | undefined;
  let bestScore = -1;
  for (const member of members) {
    const score = scramble(hash ^ hashText(`${member.target.address}:${member.target.port}`));
    if (score <= bestScore) continue;
    bestScore = score;
    best = member;
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

/** Remembers how an endpoint answered, and ejects it when it has failed too often in a row. */
export function judge(pool: Pool, member: Member, status: number): void {
  const { outliers } = pool.policy;
  if (outliers === undefined) return;
  member.fiveHundreds = status >= 500 ? member.fiveHundreds + 1 : 0;
  member.gatewayErrors = status >= 502 && status <= 504 ? member.gatewayErrors + 1 : 0;
  const reached = (count: number, limit: number) => limit > 0 && count >= limit;
  const bad =
    reached(member.fiveHundreds, outliers.fiveHundreds) || reached(member.gatewayErrors, outliers.gatewayErrors);
  if (!bad || !isIn(member)) return;
  const ejected = pool.members.filter((other) => !isIn(other)).length;
  if (ejected >= Math.max(1, Math.floor(pool.members.length * outliers.maxEjected))) return;
  member.ejections += 1;
  member.ejectedUntil = performance.now() + outliers.baseEjectionMs * member.ejections;
  member.fiveHundreds = 0;
  member.gatewayErrors = 0;
}

/** Whether one more request is within the limits. "wait": `next` is called when another one is done. */
export function admit(pool: Pool, next: () => void): "go" | "wait" | "overflow" {
  const { maxRequests, maxConnections, maxPending } = pool.policy;
  if (pool.active >= maxRequests) return "overflow";
  if (pool.active < maxConnections) {
    pool.active += 1;
    return "go";
  }
  if (pool.waiting.length >= maxPending) return "overflow";
  pool.waiting.push(next);
  return "wait";
}

/** A request that was admitted is done. */
export function leave(pool: Pool): void {
  pool.active -= 1;
  const next = pool.waiting.shift();
  if (next === undefined) return;
  pool.active += 1;
  next();
}
