/**
 * One release behind a real proxy: the application, its Canary, its users, and what they saw between two changes of the
 * split.
 */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { checks, deployment, PORT, type Revision } from "../e2e/stories/manifests.ts";
import type { Observed } from "./bounds.ts";
import { type Crowd, metCanary, type Sample, startUsers, type Users, type Visit } from "./users.ts";
import type { Way } from "./ways.ts";
import type { RealWorld } from "./world.ts";

export interface Plot {
  readonly name: string;
  readonly analysis: KubeFields;
  readonly crowds?: Readonly<Record<string, Crowd>>;
  /** Requests that each step must have been observed for before the rollout may go on; none when absent. */
  readonly perStep?: number;
}

/** The split as it was between two changes. */
export interface Step extends Observed {
  readonly weight: number;
}

export interface Rollout {
  readonly users: Users;
  release(revision: Revision): Promise<void>;
  /** Waits for the phase; then the users go. */
  end(phase: string): Promise<Ending>;
}

export interface Ending {
  readonly samples: readonly Sample[];
  readonly failed: readonly string[];
  readonly steps: readonly Step[];
}

/** Of all users together. */
const PER_SECOND = 250;
/** A proxy has this long to follow before its users are counted. */
const SETTLE_MS = 2_000;

/** How users reach the application of a namespace. */
export function visitOf({ name, mesh }: RealWorld, { provider }: Way, namespace: string): Visit {
  const url = provider.startsWith("gatewayapi") ? (mesh.gatewayUrl ?? mesh.url) : mesh.url;
  return { url, host: `${namespace}.example.com`, keepAlive: name !== "nginx" };
}

export async function stage(world: RealWorld, way: Way, plot: Plot): Promise<Rollout> {
  const { fixture } = world;
  const { name: namespace, perStep = 0 } = plot;
  const visit = visitOf(world, way, namespace);
  const { host } = visit;
  // Pods with a sidecar of the imitation's are counted: the mirrored requests need that.
  const labels = { "istio-injection": "enabled" };
  await fixture.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
  await fixture.apply(...way.objects(namespace, host), deployment(namespace, { version: "6.0.0", replicas: 1 }));
  await fixture.apply(canary(world, way, plot, host));
  const ref = { type: RESOURCES.canary, namespace, name: "podinfo" };
  await fixture.until(ref, "initialized", (object) => object?.status?.phase === "Initialized");
  const users = startUsers(visit, plot.crowds ?? { all: {} }, PER_SECOND);
  await untilServed(users);
  const begun = users.samples.length;
  const changes = followSplit(world, way, namespace);
  world.gates.set(namespace, () => {
    const [last] = changes.slice(-1);
    if (last === undefined || last.weight === 0) return true;
    return users.samples.filter(({ sentAt }) => sentAt >= last.at + SETTLE_MS).length >= perStep;
  });
  return {
    users,
    release: async (revision) => {
      await fixture.apply(deployment(namespace, { replicas: 1, ...revision }));
      await fixture.until(ref, "begun", (object) => object?.status?.phase === "Progressing");
    },
    end: async (phase) => {
      await over(world, namespace, phase);
      await users.stop();
      const samples = users.samples.slice(begun);
      return { samples, failed: failuresOf(samples), steps: stepsOf(samples, changes) };
    },
  };

  function untilServed(waiting: Users): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no user was served: ${JSON.stringify(waiting.samples.slice(-3))}`)),
        60_000,
      );
      let served = 0;
      waiting.onSample(({ status }) => {
        served = status === 200 ? served + 1 : 0;
        if (served < 20) return;
        clearTimeout(late);
        resolve();
      });
    });
  }
}

const ENDS: readonly string[] = ["Succeeded", "Failed"];
const PATIENCE_MS = 240_000;

function over({ fixture }: RealWorld, namespace: string, phase: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (problem?: string) => {
      clearTimeout(late);
      queueMicrotask(() => stop());
      if (problem === undefined) resolve();
      else reject(new Error(`${namespace} ${problem}:\n${fixture.said(namespace).join("\n")}`));
    };
    const late = setTimeout(() => end(`is not ${phase}`), PATIENCE_MS);
    const stop = fixture.sandbox.cluster.watch(RESOURCES.canary, ({ object }) => {
      const found = object.status?.phase;
      if (object.metadata.namespace !== namespace || !ENDS.includes(found)) return;
      end(found === phase ? undefined : `ended ${found}`);
    });
  });
}

interface Change {
  readonly at: number;
  readonly weight: number;
}

function followSplit({ fixture }: RealWorld, { split }: Way, namespace: string): readonly Change[] {
  const changes: Change[] = [];
  fixture.sandbox.cluster.watch(split.type, ({ type, object }) => {
    if (type === "DELETED" || object.metadata.namespace !== namespace || object.metadata.name !== split.name) return;
    const weight = split.weight(object);
    if (changes.at(-1)?.weight !== weight) changes.push({ at: performance.now(), weight });
  });
  return changes;
}

const failuresOf = (samples: readonly Sample[]): readonly string[] =>
  samples
    .filter(({ status }) => status !== 200)
    .map(({ status, text, pod }) => `${status} ${pod} ${text.slice(0, 80)}`);

function stepsOf(samples: readonly Sample[], changes: readonly Change[]): readonly Step[] {
  return changes.map(({ at, weight }, i) => {
    const until = changes[i + 1]?.at ?? Number.POSITIVE_INFINITY;
    const seen = samples.filter(({ sentAt, doneAt }) => sentAt >= at + SETTLE_MS && doneAt < until);
    return { weight, requests: seen.length, canary: seen.filter(metCanary).length };
  });
}

function canary(world: RealWorld, way: Way, { name: namespace, analysis }: Plot, host: string): KubeObject {
  const gate = (type: string) => ({ name: type, type, url: world.gate.url, timeout: "10s" });
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace },
    spec: {
      provider: way.provider,
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      progressDeadlineSeconds: 120,
      ...way.spec,
      service: { port: PORT, targetPort: PORT, ...way.service(host) },
      analysis: {
        interval: "2s",
        threshold: 20,
        metrics: checks(9_000),
        webhooks: [gate("confirm-traffic-increase"), gate("confirm-promotion")],
        ...analysis,
      },
    },
  };
}
