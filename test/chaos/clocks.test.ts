/** The clock of the operator's machine is set while a release waits for its pods. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { type KubeFields, RESOURCES } from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { PATIENCE_MS } from "../patience.ts";
import { canaryOf, deployment, flagsOf, QUIET, reaches, runBeside } from "./burst.ts";

const HOUR = 3_600_000;
const REF = { namespace: "quiet", name: "app" };

let cluster: StubCluster;
let stop: AbortController;
let operator: Promise<unknown> = Promise.resolve();

beforeEach(async () => {
  stop = new AbortController();
  // No pod gets ready but by `pods`.
  cluster = await startStubCluster({ readyAfterMs: 100 * HOUR });
});

afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await operator.catch(() => undefined);
  await cluster.close();
});

/** @returns sets the clock of its machine */
function startOperator(aheadMs: number): (aheadMs: number) => void {
  let ahead = aheadMs;
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  const flags = flagsOf([...QUIET, "-interval-floor=100ms"]);
  operator = runBeside(cluster, { flags, log: SILENT_LOG, signal: stop.signal, clock });
  return (ms) => {
    ahead = ms;
  };
}

/** Resolves when an Event says this. */
function says(text: string): Promise<string> {
  return new Promise((resolve) =>
    cluster.onWrite(({ kind, ...object }) => {
      const { message } = object as KubeFields;
      if (kind === "Event" && String(message).includes(text)) resolve(message);
    }),
  );
}

/** Resolves when the stub's own controller has seen a Deployment with this image and this many replicas. */
function rollsOut(name: string, image: string, replicas: number): Promise<void> {
  return new Promise((resolve) =>
    cluster.onWrite(({ kind, metadata, ...object }) => {
      const { spec, status } = object as KubeFields;
      if (kind !== "Deployment" || metadata.name !== name || spec.replicas !== replicas) return;
      const isSeen = status?.observedGeneration === metadata.generation;
      if (isSeen && spec.template.spec.containers[0].image === image) resolve();
    }),
  );
}

/** What its controller writes down: one pod, updated or not, available or not. */
function pods(name: string, updated: number, available: number): void {
  const object = cluster.get(RESOURCES.deployment, REF.namespace, name);
  const observedGeneration = object?.metadata.generation;
  const status = { observedGeneration, replicas: 1, updatedReplicas: updated, availableReplicas: available };
  cluster.put(RESOURCES.deployment, { ...object, status });
}

it.each([
  ["forward, from two hours behind", -2 * HOUR, 0],
  ["forward, to two hours ahead", 0, 2 * HOUR],
  ["back, from two hours ahead", 2 * HOUR, 0],
])("a release waits for its pods when the clock is set %s", { timeout: PATIENCE_MS }, async (_, before, after) => {
  const { metadata, spec } = canaryOf(REF);
  const analysis = { interval: "100ms", threshold: 5, iterations: 3 };
  cluster.put(RESOURCES.deployment, deployment(REF));
  cluster.put(RESOURCES.canary, { metadata, spec: { ...spec, progressDeadlineSeconds: 60, analysis } });
  const initialised = reaches(cluster, REF, "Initialized");
  const made = rollsOut("app-primary", "app:1", 1);
  const rests = rollsOut("app", "app:1", 0);
  const setClock = startOperator(before);
  await made;
  pods("app-primary", 1, 1);
  await Promise.all([initialised, rests]);

  const progressing = reaches(cluster, REF, "Progressing");
  const waits = says("0 out of 1 new replicas");
  const begun = rollsOut("app", "app:2", 1);
  const target: KubeFields | undefined = cluster.get(RESOURCES.deployment, REF.namespace, REF.name);
  const { template } = deployment(REF).spec;
  template.spec.containers[0].image = "app:2";
  cluster.put(RESOURCES.deployment, { ...target, spec: { ...target?.spec, template } });
  await begun;
  const { lastTransitionTime } = await progressing;
  pods("app", 0, 0);
  await waits;
  expect(Math.abs(Date.parse(lastTransitionTime) - Date.now())).toBeLessThan(HOUR);

  setClock(after);
  const looked = Promise.race([says("0 of 1 (readyThreshold 100%)"), reaches(cluster, REF, "Failed")]);
  pods("app", 1, 0);
  expect(await looked).toContain("app.quiet not ready");
});
