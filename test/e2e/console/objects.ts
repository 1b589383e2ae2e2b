/** Objects of the cluster as the tests of the console need them. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";

export function canary(name: string, status: KubeFields, parts: KubeFields = {}, namespace = "test"): KubeObject {
  const metrics = [
    { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
    { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
  ];
  const analysis = { interval: "60s", threshold: 5, maxWeight: 50, stepWeight: 10, metrics, ...parts };
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
  const spec = { provider: "istio", targetRef, service: { port: 80 }, analysis };
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name, namespace }, spec, status };
}

interface RunParts {
  readonly ago: (seconds: number) => string;
  readonly verdict: "promoted" | "rolled-back" | "running";
  readonly text?: string;
}

const STEPS = [10, 20, 30, 40, 50].map((weight) => ({ weight, mirror: false, gates: [] }));

export function canaryRun(name: string, { ago, verdict, text = "" }: RunParts): KubeObject {
  const bad = verdict === "rolled-back";
  const begin = verdict === "promoted" ? 90_000 : verdict === "running" ? 220 : 1000;
  const looks = verdict === "promoted" ? 10 : bad ? 7 : 4;
  const checks = Array.from({ length: looks }, (_, index) => {
    const step = Math.min(bad ? 3 : 5, 1 + Math.floor(index / 2));
    const isBad = bad ? index >= 4 : verdict === "running" && index === 3;
    const at = ago(begin - 60 - index * (verdict === "running" ? 45 : 60));
    const place = { at, step, weight: step * 10, of: "canary" };
    const rate = isBad ? 90.2 + index * 0.11 : 99.6 + (index % 3) * 0.13;
    const detail = text === "" ? {} : { detail: text };
    return [
      { ...place, check: "request-success-rate", source: "success-rate", passed: !isBad, value: rate, min: 99 },
      {
        ...place,
        check: "request-duration",
        source: "duration",
        passed: true,
        value: 41 + ((index * 7) % 11),
        max: 500,
      },
    ].map((check) => ({ ...check, requests: 310 + index * 17, ...detail }));
  }).flat();
  const sentence = bad
    ? "Rolled back at step 3 of 5 (30 %): request-success-rate 90.64 % < 99 % (5 failed checks); 1,049 requests met it, 105 failed."
    : verdict === "promoted"
      ? "Promoted."
      : "Running at step 2 of 5 (20 %).";
  const said = (seconds: number, type: string, message: string, step: number) => ({
    ...{ at: ago(begin - seconds), type, message, step, weight: step * 10, phase: "Progressing", reason: "Synced" },
  });
  const id = verdict === "running" ? `${name}-now` : `${name}-${verdict}`;
  return {
    ...{ apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryRun" },
    metadata: { name: id, namespace: "test", labels: { "aviary.flagger.app/canary": name } },
    spec: {
      ...{ version: 1, canary: name, canaryUid: "u", startedAt: ago(begin), revision: "85d557f47b" },
      ...{ previousRevision: "6bc4d8c5f9", images: { app: `ghcr.io/shop/${name}:2.1.0` } },
      ...{ previousImages: { app: `ghcr.io/shop/${name}:2.0.3` }, changedConfigs: [`configmap/${name}-flags`] },
      ...{ strategy: "canary", threshold: 5, intervalMs: 60_000, steps: STEPS },
    },
    status: {
      ...{ verdict, sentence, phase: bad ? "Failed" : "Progressing", step: bad ? 3 : verdict === "running" ? 2 : 5 },
      ...{ weight: bad ? 0 : 20, failedChecks: bad ? 5 : 1, gaps: bad ? 1 : 0, checks },
      ...(verdict === "running" ? {} : { endedAt: ago(begin - 480) }),
      ...(bad ? { requests: { canary: 1049, canaryFailed: 105, primary: 9120, primaryFailed: 3 } } : {}),
      people: bad
        ? [
            {
              ...{ at: ago(begin - 200), verb: "pause", by: "alice@example.com", outcome: "applied" },
              ...{ reason: text || "looking at the payments board", message: "stays at 20 %" },
            },
          ]
        : [],
      timeline: [
        said(0, "Normal", text || `New revision detected! Scaling up ${name}.test`, 0),
        said(60, "Normal", `Advance ${name}.test canary weight 10`, 1),
        said(180, "Normal", `Advance ${name}.test canary weight 20`, 2),
        ...(bad
          ? [
              said(300, "Warning", `Halt ${name}.test advancement success rate 90.64% < 99%`, 3),
              said(480, "Warning", `Canary failed! Scaling down ${name}.test`, 3),
            ]
          : []),
      ],
    },
  };
}

const labelsOf = (name: string) => ({ app: name });

export function deployment(name: string, tag: string): KubeObject {
  const template = {
    metadata: { labels: labelsOf(name) },
    spec: { containers: [{ name: "app", image: `ghcr.io/shop/${name.replace("-primary", "")}:${tag}` }] },
  };
  const spec = { replicas: 2, selector: { matchLabels: labelsOf(name) }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "test" }, spec };
}

interface PodParts {
  readonly ready: boolean;
  readonly restarts?: number;
  readonly why?: string;
  readonly said?: string;
}

export function pod(of: string, index: number, { ready, restarts = 0, why, said }: PodParts): KubeObject {
  const state = why === undefined ? { running: {} } : { waiting: { reason: why, message: said } };
  const lastState = restarts > 0 ? { lastState: { terminated: { reason: "OOMKilled", exitCode: 137 } } } : {};
  const name = `${of}-6bc4d8c5f9-x${index}k2p`;
  return {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { name, namespace: "test", labels: labelsOf(of) },
    spec: { nodeName: `node-${index}`, containers: [{ name: "app", image: "app" }] },
    status: {
      phase: ready ? "Running" : "Pending",
      containerStatuses: [{ name: "app", ready, restartCount: restarts, state, ...lastState }],
    },
  };
}

export function event(name: string, uid: string, at: string, type: string, message: string): KubeObject {
  return {
    ...{ apiVersion: "v1", kind: "Event", metadata: { name: `${name}.${Date.parse(at)}`, namespace: "test" } },
    involvedObject: { kind: "Canary", name, namespace: "test", uid },
    ...{ type, message, reason: "Synced", count: 1, lastTimestamp: at },
  } as KubeObject;
}

export function freeze(namespace: string, parts: KubeFields): KubeObject {
  const spec = { by: "carol@example.com", reason: "the winter sale", runs: "finish", ...parts };
  const metadata = { name: "freeze-1", namespace };
  return { apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryFreeze", metadata, spec };
}
