/**
 * The users, and the mesh between them and the pods. Single requests are not simulated: between two changes of routes
 * or pods they flow evenly, so each stretch of time is accounted for as a whole.
 */
import type { Api } from "./api.ts";
import { isConstant, valueAt } from "./curve.ts";
import type { Mesh, Role, Split } from "./mesh.ts";
import { type Behaviour, behaviourOf, type Scenario } from "./scenario.ts";
import type { Schedule } from "./schedule.ts";

/** A stretch of time in which one version answered one role's requests. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly role: Role;
  readonly requests: number;
  readonly failed: number;
  readonly latencyMs: number;
}

/** A time, from its first to its last moment. Milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Tally {
  requests: number;
  failed: number;
}

export interface SeenInWindow {
  readonly requests: number;
  readonly failed: number;
  readonly successRate: number;
  readonly latencyMs: number;
}

export interface Traffic {
  /** From now on there are users. */
  open(): void;
  /** Accounts for the time until now; call it before any change that affects requests. */
  settle(): void;
  /** The answers that users got so far, by image; "" for requests that found no pod. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Requests that found no pod of the role that they were sent to. */
  readonly unserved: Readonly<Record<Role, number>>;
  /** When users found no pod, while another copy that has users, or is the primary, had one. */
  readonly needless: readonly Span[];
  /** When users found no pod, because their Service selected none of the copy's pods that could serve. */
  readonly unselected: readonly Span[];
  /** The split that proxies follow now. */
  split(): Split;
  /** What a metric server knows about one role in a window that ends at `to`. undefined: it got no requests. */
  window(role: Role, from: number, to: number): SeenInWindow | undefined;
}

export interface TrafficPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly scenario: Scenario;
  readonly mesh: () => Mesh;
  /** undefined before the release. */
  readonly releasedAt: () => number | undefined;
  /** The canary has passed its analysis, and still has its pods. */
  readonly hasPassed: () => boolean;
}

/** Curves are followed in steps of this length. */
const RESOLUTION_MS = 2_000;
/** Metric windows are not longer than that. */
const REMEMBERED_MS = 600_000;

const ROLES = ["primary", "canary"] as const;

function extend(spans: Span[], from: number, to: number): void {
  const last = spans.at(-1);
  if (last?.to === from) spans[spans.length - 1] = { from: last.from, to };
  else spans.push({ from, to });
}

/**
 * Whether users find no pod where another copy could answer them. A canary without users is not approved for any, until
 * it has passed its analysis.
 */
function isRefusedNeedlessly(
  split: Split,
  pods: Readonly<Record<Role, ReadonlyMap<string, number>>>,
  hasPassed: boolean,
): boolean {
  const [primary, canary] = [pods.primary.size, pods.canary.size];
  const couldServe = split.canary > 0 || hasPassed;
  return (
    (split.primary > 0 && primary === 0 && canary > 0 && couldServe) ||
    (split.canary > 0 && canary === 0 && primary > 0)
  );
}

export function createTraffic(ports: TrafficPorts): Traffic {
  const { api, schedule, scenario, mesh } = ports;
  const ledger = createLedger(scenario);
  let settled = schedule.now();
  let isOpen = false;
  const needless: Span[] = [];
  const unselected: Span[] = [];
  let split: Split = { primary: 0, canary: 100, mirror: false };
  let hasPassed = false;
  const steady = isConstant(scenario.rps) && Object.values(scenario.behaviours).every(isSteady);

  api.onChange(({ kind }) => {
    const passed = ports.hasPassed();
    if (passed !== hasPassed) settle();
    hasPassed = passed;
    if (!mesh().follows(kind)) return;
    const wanted = mesh().split();
    schedule.after(scenario.meshLagMs, () => {
      if (wanted.primary === split.primary && wanted.canary === split.canary && wanted.mirror === split.mirror) return;
      settle();
      split = wanted;
    });
  });

  function settle(): void {
    const now = schedule.now();
    if (!isOpen) settled = now;
    while (settled < now) {
      const to = steady ? now : Math.min(now, settled + RESOLUTION_MS);
      account(settled, to);
      settled = to;
    }
  }

  function account(from: number, to: number): void {
    const pods = { primary: mesh().serving("primary"), canary: mesh().serving("canary") };
    const releasedAt = ports.releasedAt();
    const seconds = releasedAt === undefined ? 0 : Math.max(0, (from - releasedAt) / 1000);
    const requests = (valueAt(scenario.rps, seconds, split.canary) * (to - from)) / 1000;
    if (requests > 0 && isRefusedNeedlessly(split, pods, hasPassed)) extend(needless, from, to);
    // The Service of a role selects no pod, though the copy has pods that could serve.
    const isUnselected = (role: Role) => split[role] > 0 && pods[role].size === 0 && mesh().hasPods(role);
    if (ROLES.some(isUnselected)) extend(unselected, from, to);
    for (const role of ROLES) {
      ledger.serve({
        role,
        pods: pods[role],
        requests: (requests * split[role]) / 100,
        from,
        to,
        weight: split.canary,
        users: true,
      });
    }
    if (!split.mirror) return;
    ledger.serve({
      role: "canary",
      pods: pods.canary,
      requests,
      from,
      to,
      weight: split.canary,
      users: false,
    });
  }

  return {
    open() {
      settle();
      isOpen = true;
    },
    settle,
    tallies: ledger.tallies,
    unserved: ledger.unserved,
    needless,
    unselected,
    split: () => split,
    window(role, from, to) {
      settle();
      return ledger.window(role, from, to);
    },
  };
}

/** Requests that met one role in a stretch of time. */
interface Served {
  readonly role: Role;
  /** By image. */
  readonly pods: ReadonlyMap<string, number>;
  readonly requests: number;
  readonly from: number;
  readonly to: number;
  /** Percent of the users that the canary gets. */
  readonly weight: number;
  /** False: copies of requests, whose answers no user sees. */
  readonly users: boolean;
}

function createLedger(scenario: Scenario) {
  const tallies = new Map<string, Tally>();
  const unserved = { primary: 0, canary: 0 };
  const firstServed = new Map<string, number>();
  let stretches: Stretch[] = [];

  function tally(image: string, requests: number, failed: number): void {
    const sum = tallies.get(image) ?? { requests: 0, failed: 0 };
    sum.requests += requests;
    sum.failed += failed;
    tallies.set(image, sum);
  }

  function serve({ role, pods, requests: all, from, to, weight, users }: Served): void {
    const total = [...pods.values()].reduce((sum, count) => sum + count, 0);
    if (all <= 0) return;
    if (total === 0) {
      if (!users) return;
      tally("", all, all);
      unserved[role] += all;
      return;
    }
    for (const [image, count] of pods) {
      const since = firstServed.get(image) ?? from;
      firstServed.set(image, since);
      const behaviour = behaviourOf(scenario, image);
      const seconds = (from - since) / 1000;
      const requests = (all * count) / total;
      const { errorRate, errorRateAsPrimary = errorRate } = behaviour;
      const rate = valueAt(role === "primary" ? errorRateAsPrimary : errorRate, seconds, weight);
      const failed = (requests * Math.min(100, Math.max(0, rate))) / 100;
      if (users) tally(image, requests, failed);
      stretches.push({ from, to, role, requests, failed, latencyMs: valueAt(behaviour.latencyMs, seconds, weight) });
    }
    if (stretches.length > 800) stretches = stretches.filter((stretch) => stretch.to > to - REMEMBERED_MS);
  }

  return {
    tallies,
    unserved,
    serve,
    window: (role: Role, from: number, to: number) => measured(stretches, role, from, to),
  };
}

function isSteady({ errorRate, errorRateAsPrimary = errorRate, latencyMs }: Behaviour): boolean {
  return [errorRate, errorRateAsPrimary, latencyMs].every(
    (curve) => isConstant(curve) || (typeof curve !== "number" && curve.over === "weight"),
  );
}

function measured(stretches: readonly Stretch[], role: Role, from: number, to: number): SeenInWindow | undefined {
  let [requests, failed, latency] = [0, 0, 0];
  for (let i = stretches.length - 1; i >= 0; i -= 1) {
    const stretch = stretches[i];
    if (stretch === undefined || stretch.role !== role || stretch.to <= from || stretch.from >= to) continue;
    const part = (Math.min(to, stretch.to) - Math.max(from, stretch.from)) / (stretch.to - stretch.from);
    requests += stretch.requests * part;
    failed += stretch.failed * part;
    latency += stretch.latencyMs * stretch.requests * part;
  }
  if (requests <= 0) return undefined;
  return { requests, failed, successRate: ((requests - failed) / requests) * 100, latencyMs: latency / requests };
}
