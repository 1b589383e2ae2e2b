/**
 * Two tenants under chaos, by seed. One of them is poisoned: it writes all that hurts, again and again. Meanwhile the
 * operator is killed, stopped and starved, its clock jumps, its disk is full, and the API server refuses, fails,
 * dawdles and forgets. The releases of the other tenant all succeed, one after the other, and what was tested is what
 * is promoted.
 *
 *   CHAOS_SEEDS=7,8,9 npx vitest run test/chaos/tenants.test.ts
 */
import { existsSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createChance } from "../../src/simulate/random.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { canaryOf, deployment } from "./burst.ts";
import { type Started, startOperator } from "./operator-process.ts";

const SEEDS = process.env["CHAOS_SEEDS"]?.split(",").map(Number) ?? [1];
const RELEASES = Number(process.env["CHAOS_RELEASES"] ?? "3");
const QUIET = { namespace: "quiet", name: "app" };
const HOUR = 3_600_000;
/** How long a process is stopped. */
const STOPPED_MS = 400;
/** The share of answers that come late. */
const DAWDLES = 0.05;
const LONGEST_ANSWER_MS = 500;
/** The share of writes that are followed by bad luck. */
const LUCK = 0.4;

let cluster: StubCluster;
let operator: Started;
let isOver = false;

afterEach(async () => {
  isOver = true;
  await operator.end();
  await cluster.close();
});

const FAULTS = [
  { code: 429, reason: "TooManyRequests", details: { retryAfterSeconds: 0 } },
  { code: 500, reason: "InternalError" },
  { code: 503, reason: "ServiceUnavailable" },
  { code: 410, reason: "Expired" },
];

const metric = (fields: object) => ({ name: "m", interval: "1m", thresholdRange: { max: 1 }, ...fields });

/** What the poisoned tenant writes. */
const POISON: readonly KubeFields[] = [
  { metrics: Array.from({ length: 50 }, (_, i) => metric({ name: `m-${i}`, query: "{{ range 1000000 }}{{ end }}" })) },
  { metrics: [metric({ query: "{{ name }}".repeat(6_000) })] },
  { metrics: [metric({ query: '{{ printf "%.1000000000f" 1.0 }}' })] },
  { stepWeights: Array.from({ length: 200_000 }, () => 1) },
  { webhooks: [{ name: "w", url: "http://127.0.0.1:9/", timeout: "600h", retries: 1000 }] },
  { interval: "x".repeat(100_000), metrics: [metric({ interval: "\u001b[2J\n".repeat(1_000) })] },
  { match: Array.from({ length: 5_000 }, (_, i) => ({ headers: { [`h${i}`]: { exact: "x" } } })) },
];

interface Chance {
  next(): number;
}

const pick = <T>(chance: Chance, items: readonly T[]): T => items[Math.floor(chance.next() * items.length)] as T;

/** Its flags: the journal is on a disk that is full, where the system has such a thing. */
const FLAGS = existsSync("/dev/full") ? ["-journal=/dev/full"] : [];

function start(aheadMs: number): Started {
  return startOperator({
    ...{ server: cluster.url, flags: FLAGS, movesClock: aheadMs },
    execArgv: ["--max-old-space-size=160"],
  });
}

/** One piece of bad luck. */
async function strike(chance: Chance): Promise<string> {
  const what = pick(chance, ["kill", "stop", "clock", "expire", "terminate", "nothing"]);
  const aheadMs = pick(chance, [-2 * HOUR, 0, 2 * HOUR]);
  if (what === "kill" || what === "terminate") {
    operator.signal(what === "kill" ? "SIGKILL" : "SIGTERM");
    await operator.ended;
    await operator.end();
    if (!isOver) operator = start(aheadMs);
  }
  if (what === "stop") {
    operator.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
    operator.signal("SIGCONT");
  }
  if (what === "clock") operator.setClock(aheadMs);
  if (what === "expire") cluster.expire();
  return what;
}

/**
 * Bad luck comes with progress: after some of the writes to the quiet tenant's Canary. So a machine that is slow has a
 * slow test, and no operator that is killed before it can do anything.
 */
function tempest(chance: Chance): { readonly struck: string[]; readonly last: () => Promise<void> } {
  const struck: string[] = [];
  let last: Promise<void> = Promise.resolve();
  cluster.onWrite(({ kind, metadata }) => {
    if (kind !== "Canary" || metadata.namespace !== QUIET.namespace || chance.next() > LUCK) return;
    last = last.then(async () => {
      if (isOver) return;
      poison(chance);
      struck.push(await strike(chance));
    });
  });
  return { struck, last: () => last };
}

function poison(chance: Chance): void {
  const ref = { namespace: "evil", name: `poison-${Math.floor(chance.next() * 5)}` };
  const workload = deployment(ref);
  workload.spec.template.spec.containers[0].image = `app:${Math.floor(chance.next() * 1e6)}`;
  const old = cluster.get(RESOURCES.deployment, ref.namespace, ref.name);
  cluster.put(RESOURCES.deployment, { ...old, ...workload });
  const { metadata, spec } = canaryOf(ref);
  const analysis = { interval: "100ms", threshold: 3, iterations: 2, ...pick(chance, POISON) };
  const before = cluster.get(RESOURCES.canary, ref.namespace, ref.name);
  cluster.put(RESOURCES.canary, { ...before, metadata, spec: { ...spec, analysis } });
}

/** Resolves when the quiet tenant's Canary fulfils it. @throws when its release fails */
function quietIs(condition: (status: KubeFields) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    cluster.onWrite(({ kind, metadata, ...object }: KubeObject) => {
      if (kind !== "Canary" || metadata.namespace !== QUIET.namespace) return;
      const { status } = object as KubeFields;
      if (status?.phase === "Failed") reject(new Error(`the release failed: ${JSON.stringify(status.conditions)}`));
      if (status !== undefined && condition(status)) resolve();
    });
  });
}

const imageOf = (name: string): unknown =>
  cluster.get(RESOURCES.deployment, QUIET.namespace, name)?.["spec"].template.spec.containers[0].image;

it.each(SEEDS)("seed %i: all releases of the quiet tenant succeed", { timeout: 600_000 }, async (seed) => {
  const chance = createChance(seed);
  isOver = false;
  cluster = await startStubCluster({
    ...{ readyAfterMs: 30, workers: 8, workMs: 1 },
    delayMs: () => (chance.next() < DAWDLES ? chance.next() * LONGEST_ANSWER_MS : 0),
    intercept(_method, path) {
      // The first look at the cluster decides whether the operator starts at all.
      if (path === "/version" || path.includes("limit=1&") || path.endsWith("limit=1") || chance.next() > 0.05) return;
      const fault = pick(chance, FAULTS);
      return { code: fault.code, body: { kind: "Status", status: "Failure", message: "storm", ...fault } };
    },
  });
  operator = start(0);
  const storm = tempest(chance);
  const { metadata, spec } = canaryOf(QUIET);
  const analysis = { interval: "100ms", threshold: 2, iterations: 3 };
  const initialised = quietIs(({ phase }) => phase === "Initialized");
  cluster.put(RESOURCES.deployment, deployment(QUIET));
  cluster.put(RESOURCES.canary, { metadata, spec: { ...spec, progressDeadlineSeconds: 600, analysis } });
  await initialised;
  for (let release = 2; release < 2 + RELEASES; release += 1) {
    const image = `app:${release}`;
    const succeeded = quietIs(({ phase }) => phase === "Succeeded" && imageOf("app-primary") === image);
    const next = deployment(QUIET);
    next.spec.template.spec.containers[0].image = image;
    cluster.put(RESOURCES.deployment, { ...cluster.get(RESOURCES.deployment, "quiet", "app"), ...next });
    await succeeded;
  }
  isOver = true;
  await storm.last();
  expect(imageOf("app-primary")).toBe(`app:${RELEASES + 1}`);
  expect(storm.struck.length).toBeGreaterThan(0);
  expect(operator.log()).not.toContain("heap out of memory");
});
