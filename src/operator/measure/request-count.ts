/**
 * How many requests each version got. The record shows the measured share and the sample size; no decision uses the
 * counts.
 */
import type { Canary } from "../../core/status/canary.ts";
import { MetricError } from "../../metrics/metric-error.ts";
import { builtInQuery, observerFor } from "../../metrics/observers.ts";
import { TemplateError } from "../../metrics/template.ts";
import type { Count } from "../../ports/probe-runner.ts";
import { builtInServer, keyFor, type MeasuringPorts } from "./metric-check.ts";
import { modelFor } from "./query-model.ts";

/** @returns undefined when the mesh's metrics do not count requests, or the server does not answer */
export async function countRequests(
  canary: Canary,
  of: "canary" | "primary",
  windowMs: number,
  ports: MeasuringPorts,
  signal: AbortSignal,
): Promise<Count | undefined> {
  const interval = `${Math.max(1, Math.round(windowMs / 1000))}s`;
  const model = await modelFor(canary, { of }, { interval }, ports, signal);
  const server = builtInServer(canary, ports);
  if (typeof model === "string" || typeof server === "string") return undefined;
  const observer = observerFor(keyFor(canary, ports));
  // These series name the canary's Service or route. They do not count requests to the primary.
  if (of === "primary" && observer.requests.includes("canary")) return undefined;
  const ask = (kind: "requests" | "success-rate") => server.measure(builtInQuery(observer, kind, model), signal);
  try {
    const [requests, rate] = await Promise.all([ask("requests"), ask("success-rate")]);
    if (requests.kind !== "value" || !Number.isFinite(requests.value)) return undefined;
    const whole = Math.round(requests.value);
    const { strayRate } = observer;
    const count = { requests: whole, ...(strayRate === undefined ? {} : { strayRate }) };
    if (rate.kind !== "value" || !Number.isFinite(rate.value)) return count;
    return { ...count, failed: Math.round((whole * (100 - rate.value)) / 100) };
  } catch (error) {
    if (error instanceof MetricError || error instanceof TemplateError) return undefined;
    throw error;
  }
}
