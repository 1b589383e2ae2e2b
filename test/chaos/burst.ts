/** Many Canaries applied at once to a slow API server: the requests and the time until all are initialised. */

import { fixedCredentials } from "../../src/kube/access.ts";
import { readOperatorFlags } from "../../src/operator/process/flags.ts";
import { type OperatorOptions, runOperator } from "../../src/operator/process/process.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Log } from "../../src/ports/log.ts";
import { type StubCluster, type StubOptions, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { systemClock } from "../../src/time/system-clock.ts";

export interface BurstOptions extends StubOptions {
  readonly canaries: number;
  readonly namespaces: number;
  readonly flags?: readonly string[];
}

export interface BurstEnd {
  readonly seconds: number;
  /** Events by their message, without the names of the Canaries. */
  readonly events: ReadonlyMap<string, number>;
  readonly errors: readonly string[];
  readonly figures: StubCluster["figures"];
}

/** No provider and no metric server outside this process. */
export const QUIET = ["-port=0", "-mesh-provider=kubernetes", "-metrics-server=http://127.0.0.1:9"];

export async function burst({ canaries, namespaces, flags = [], ...stub }: BurstOptions): Promise<BurstEnd> {
  const cluster = await startStubCluster(stub);
  const refs = Array.from({ length: canaries }, (_, i) => ({ namespace: `ns-${i % namespaces}`, name: `app-${i}` }));
  for (const ref of refs) cluster.put(RESOURCES.deployment, deployment(ref));
  for (const ref of refs) cluster.put(RESOURCES.canary, canaryOf(ref));
  const stop = new AbortController();
  const errors: string[] = [];
  const keep = (_fields: object, message: string) => void errors.push(message);
  const log: Log = { debug() {}, info() {}, warn: keep, error: keep };
  const begun = performance.now();
  const initialised = allInitialised(cluster, canaries);
  const operator = runBeside(cluster, { flags: flagsOf([...QUIET, ...flags]), log, signal: stop.signal });
  try {
    await Promise.race([initialised, operator.then(() => Promise.reject(new Error("the operator ended")))]);
    return {
      seconds: (performance.now() - begun) / 1000,
      errors,
      figures: { ...cluster.figures },
      events: eventsOf(cluster),
    };
  } finally {
    stop.abort(new Error("the burst is over"));
    await operator.catch(() => undefined);
    await cluster.close();
  }
}

/** The operator, in this process. */
export function runBeside(
  cluster: StubCluster,
  options: Pick<OperatorOptions, "flags" | "log" | "signal"> & { readonly clock?: Clock },
): ReturnType<typeof runOperator> {
  return runOperator({
    ...{ version: "0.0.0", clock: systemClock, random: Math.random, host: "127.0.0.1", env: {} },
    access: { server: cluster.url, namespace: "", tls: {}, credentials: fixedCredentials(), source: "stub" },
    ...options,
  });
}

/** Resolves with the status when the Canary is in this phase. */
export function reaches(cluster: StubCluster, { namespace, name }: Ref, phase: string): Promise<KubeFields> {
  return new Promise((resolve) =>
    cluster.onWrite(({ kind, metadata, ...object }) => {
      const { status } = object as KubeFields;
      const isOurs = kind === "Canary" && metadata.name === name && metadata.namespace === namespace;
      if (isOurs && status?.phase === phase) resolve(status);
    }),
  );
}

function allInitialised(cluster: StubCluster, canaries: number): Promise<void> {
  const done = new Set<string>();
  return new Promise((resolve) => {
    cluster.onWrite(({ kind, metadata, ...object }) => {
      if (kind !== "Canary" || object["status"]?.phase !== "Initialized") return;
      done.add(`${metadata.namespace}/${metadata.name}`);
      if (done.size === canaries) resolve();
    });
  });
}

/** @throws Error for words that the operator does not take */
export function flagsOf(args: readonly string[]) {
  const read = readOperatorFlags(args, {});
  if (read.kind !== "run") throw new Error(JSON.stringify(read));
  return read.flags;
}

interface Ref {
  readonly namespace: string;
  readonly name: string;
}

export function deployment({ namespace, name }: Ref): KubeFields {
  const labels = { app: name };
  const container = { name: "app", image: "app:1", ports: [{ containerPort: 8080 }] };
  return {
    metadata: { namespace, name, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

export function canaryOf({ namespace, name }: Ref): KubeFields {
  return {
    metadata: { namespace, name },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      service: { port: 80, targetPort: 8080 },
      analysis: { interval: "10s", threshold: 5, iterations: 3 },
    },
  };
}

function eventsOf(cluster: StubCluster): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of cluster.list(RESOURCES.event)) {
    const text = `${event["type"]} ${String(event["message"]).replaceAll(/app-\d+|ns-\d+/g, "X")}`;
    counts.set(text, (counts.get(text) ?? 0) + Number(event["count"]));
  }
  return counts;
}

/** @param user what proves who asks */
export function kubeconfigOf(server: string, user: KubeFields = {}): string {
  return JSON.stringify({
    ...{ apiVersion: "v1", kind: "Config", "current-context": "stub" },
    clusters: [{ name: "stub", cluster: { server } }],
    users: [{ name: "stub", user }],
    contexts: [{ name: "stub", context: { cluster: "stub", user: "stub" } }],
  });
}
