/** Runs the probes of the core: calls webhooks, and queries metric servers for built-in, inline and template checks. */
import { createTurnstile } from "../../async/give-way.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { Answer, Probe } from "../../core/turn/observation.ts";
import { callWebhook } from "../../gates/call.ts";
import { webhookChecksum } from "../../go/hash/hash.ts";
import type { ProbeRunner } from "../../ports/probe-runner.ts";
import type { MeasuringPorts } from "./metric-check.ts";
import { checkMetricServers, measure } from "./metric-check.ts";
import { countRequests } from "./request-count.ts";

export interface ProbeRunnerPorts extends MeasuringPorts {
  /** Signs webhooks. */
  readonly webhookKey?: string;
}

export function createProbeRunner(ports: ProbeRunnerPorts): ProbeRunner {
  // A query may take a millisecond to render, and the record of a run asks fifty at once.
  const enter = createTurnstile();
  return {
    async run(canary, probe, signal) {
      await enter();
      switch (probe.kind) {
        case "hook":
          return askHook(canary, probe, ports, signal);
        case "metric":
          return measure(canary, probe, ports, signal);
        case "metric-servers":
          return checkMetricServers(canary, ports, signal);
      }
    },
    count: (canary, of, windowMs, signal) => countRequests(canary, of, windowMs, ports, signal),
  };
}

function askHook(
  canary: Canary,
  { hook, phase }: Extract<Probe, { kind: "hook" }>,
  { clock, dispatcher, insecureDispatcher, webhookKey }: ProbeRunnerPorts,
  signal: AbortSignal,
): Promise<Answer> {
  const { applied } = canary.status;
  const payload = {
    name: canary.ref.name,
    namespace: canary.ref.namespace,
    phase,
    checksum: webhookChecksum(applied?.configs, applied?.spec ?? ""),
    ...(hook.metadata === undefined ? {} : { metadata: hook.metadata }),
  };
  return callWebhook(hook, payload, {
    clock,
    signal,
    ...(dispatcher === undefined ? {} : { dispatcher }),
    ...(insecureDispatcher === undefined ? {} : { insecureDispatcher }),
    ...(webhookKey === undefined ? {} : { key: webhookKey }),
  });
}
