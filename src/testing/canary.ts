/** Builders: a valid Canary in one line, with the changes that a test needs. */

import { canaryWeights } from "../core/plan/plan.ts";
import { type ParseOptions, parseSpec } from "../core/spec/parse.ts";
import type { CanarySpec } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import { fromWire } from "../core/status/status.ts";
import type { WireStatus } from "../core/status/wire.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { PARSE_OPTIONS } from "./tables.ts";

/** Parts of a wire Canary; `analysis` and `service` are merged with the defaults, the rest replaces. */
export interface CanaryParts {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly analysis?: Readonly<Record<string, unknown>>;
  readonly service?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: WireStatus;
}

/** Steps of 10 up to 50 every 15 seconds, rolled back after 5 failed checks: the running example of the contract. */
export function aWireCanary(parts: CanaryParts = {}): KubeObject {
  const progressive =
    parts.analysis !== undefined && ("iterations" in parts.analysis || "stepWeights" in parts.analysis)
      ? {}
      : { stepWeight: 10, maxWeight: 50 };
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: {
      name: parts.name ?? "podinfo",
      namespace: parts.namespace ?? "test",
      uid: parts.uid ?? "11111111-2222-3333-4444-555555555555",
      generation: 1,
      resourceVersion: "1",
    },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: parts.name ?? "podinfo" },
      service: { port: 9898, ...parts.service },
      analysis: { interval: "15s", threshold: 5, ...progressive, ...parts.analysis },
      ...parts.spec,
    },
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

/** @throws Error when the parts make an invalid Canary */
export function aSpec(parts: CanaryParts = {}, options: ParseOptions = PARSE_OPTIONS): CanarySpec {
  const parsed = parseSpec(aWireCanary(parts).spec, parts.namespace ?? "test", options);
  if (parsed.kind === "invalid") throw new Error(parsed.problem);
  return parsed.spec;
}

export function aCanary(parts: CanaryParts = {}, options: ParseOptions = PARSE_OPTIONS): Canary {
  const spec = aSpec(parts, options);
  const { intervalMs, iterations, mirror } = spec.analysis;
  return {
    ref: { namespace: parts.namespace ?? "test", name: parts.name ?? "podinfo" },
    uid: parts.uid ?? "11111111-2222-3333-4444-555555555555",
    generation: 1,
    resourceVersion: "1",
    deleting: false,
    finalizers: [],
    spec,
    status: fromWire(parts.status, { intervalMs, iterations, mirror, weights: canaryWeights(spec) }),
  };
}
