/** Success rate and latency of a workload, from the Prometheus that the operator asks, too. */
import type { Dispatcher } from "undici";
import { builtInQuery, observerFor } from "../../metrics/observers.ts";
import { createPrometheus } from "../../metrics/prometheus/prometheus.ts";
import { systemClock } from "../../time/system-clock.ts";

export interface Measured {
  readonly successRate: number | undefined;
  readonly latencyMs: number | undefined;
}

const WINDOW = "10s";

export function createTelemetry(address: string, dispatcher: Dispatcher) {
  const prometheus = createPrometheus({ type: "prometheus", address, clock: systemClock, dispatcher });
  const istio = observerFor("istio");

  async function ask(kind: "success-rate" | "duration", target: string, namespace: string, signal: AbortSignal) {
    const model = { name: target, namespace, target, service: target, ingress: "", route: "", variables: {} };
    const query = builtInQuery(istio, kind, { ...model, interval: WINDOW });
    const measured = await prometheus.measure(query, signal);
    return measured.kind === "value" && Number.isFinite(measured.value) ? measured.value : undefined;
  }

  return {
    async measure(target: string, namespace: string, signal: AbortSignal): Promise<Measured> {
      const [successRate, latencyMs] = await Promise.all([
        ask("success-rate", target, namespace, signal),
        ask("duration", target, namespace, signal),
      ]);
      return { successRate, latencyMs };
    },
  };
}
