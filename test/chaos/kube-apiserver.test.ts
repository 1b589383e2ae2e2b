/**
 * Canaries applied at once to the real kube-apiserver. It needs two programs that are not part of this repository:
 *
 *   KUBE_APISERVER=/path ETCD=/path npx vitest run test/chaos/kube-apiserver.test.ts
 */
import { setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { crds } from "../../src/crd/index.ts";
import { runOperator } from "../../src/operator/process/process.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createLogger } from "../../src/recorders/log/logger.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { canaryOf, deployment, flagsOf, QUIET } from "./burst.ts";
import { startKubeApiServer } from "./kube-apiserver.ts";

const { KUBE_APISERVER: apiServer, ETCD: etcd, CANARIES = "1000" } = process.env;
const COUNT = Number(CANARIES);
const NAMESPACES = 10;

describe.runIf(apiServer !== undefined && etcd !== undefined)("the real kube-apiserver", () => {
  it(`${COUNT} Canaries at once are all initialised without a time-out, on 40 connections`, {
    timeout: 1_800_000,
  }, async () => {
    const server = await startKubeApiServer({ apiServer: apiServer ?? "", etcd: etcd ?? "" });
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const lines: string[] = [];
    const { kube } = server;
    try {
      for (const crd of crds()) await kube.create(RESOURCES.crd, crd as unknown as KubeObject, stop.signal);
      for (let i = 0; i < NAMESPACES; i += 1) {
        const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: `ns-${i}` } };
        await kube.create(RESOURCES.namespace, object, stop.signal);
      }
      const operator = runOperator({
        ...{ flags: flagsOf(QUIET), version: "0.0.0", clock: systemClock, random: Math.random, signal: stop.signal },
        ...{ host: "127.0.0.1", env: {}, access: server.access },
        log: createLogger({ level: "info", encoding: "json", write: (line) => void lines.push(line) }),
      });
      operator.catch(() => undefined);
      const refs = Array.from({ length: COUNT }, (_, i) => ({ namespace: `ns-${i % NAMESPACES}`, name: `app-${i}` }));
      const begun = performance.now();
      // As `kubectl apply` of many files does: a few at once.
      for (let at = 0; at < refs.length; at += 20) {
        await Promise.all(
          refs.slice(at, at + 20).map(async (ref) => {
            const workload = { apiVersion: "apps/v1", kind: "Deployment", ...deployment(ref) };
            await kube.create(RESOURCES.deployment, workload as KubeObject, stop.signal);
            const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", ...canaryOf(ref) };
            await kube.create(RESOURCES.canary, canary as KubeObject, stop.signal);
          }),
        );
      }
      const applied = performance.now();
      let left = COUNT;
      while (left > 0) {
        const all = await kube.list(RESOURCES.canary, "", {}, stop.signal);
        left = all.filter(({ status }) => status?.phase !== "Initialized").length;
        await Promise.race([systemClock.sleep(1_000), operator]);
      }
      const seconds = (ms: number) => (ms / 1000).toFixed(0);
      const log = lines.join("");
      const count = (text: string) => log.split(text).length - 1;
      const figures = {
        ...{ applied: seconds(applied - begun), initialised: seconds(performance.now() - begun) },
        ...{
          connections: server.mostConnections(),
          timeouts: count("gave no answer within"),
          failed: count("turn failed"),
        },
      };
      process.stdout.write(`${COUNT} Canaries: ${JSON.stringify(figures)}\n`);
      const late = lines.filter((line) => line.includes("gave no answer within")).slice(0, 3);
      process.stdout.write(late.join(""));
      expect(figures.timeouts).toBe(0);
      expect(figures.connections).toBeLessThanOrEqual(40);
      stop.abort(new Error("enough"));
      await operator;
    } finally {
      stop.abort(new Error("enough"));
      await server.stop();
    }
  });
});
