/** Any Canary is either understood, and makes a sound plan, or refused with a message. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { planFor } from "../plan/plan.ts";
import { parseSpec } from "./parse.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_127);

const sound = () => ({
  provider: "istio",
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "p" },
  autoscalerRef: {
    ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "p" },
    primaryScalerReplicas: { minReplicas: 1, maxReplicas: 2 },
    primaryScalerQueries: { a: "b" },
  },
  progressDeadlineSeconds: 60,
  service: {
    ...{ port: 80, portName: "http", targetPort: 9898, hosts: ["a"], gateways: ["b"], portDiscovery: true },
    ...{ apex: { labels: { a: "b" } }, unmanagedMetadata: { labels: ["a"], annotations: ["b"] } },
  },
  analysis: {
    ...{ interval: "1m", threshold: 1, stepWeight: 10, stepWeights: [1, 2], maxWeight: 50, iterations: 0 },
    ...{ stepWeightPromotion: 20, mirror: true, mirrorWeight: 10, primaryReadyThreshold: 90 },
    match: [{ headers: { a: { exact: "b" } } }],
    metrics: [
      {
        ...{ name: "request-success-rate", interval: "1m", thresholdRange: { min: 1, max: 2 }, query: "up" },
        ...{ templateRef: { name: "x", namespace: "y" }, templateVariables: { a: "b" } },
      },
    ],
    webhooks: [{ name: "a", type: "rollout", url: "http://x", timeout: "5s", metadata: { a: "b" }, retries: 1 }],
    alerts: [{ name: "a", severity: "info", providerRef: { name: "x" } }],
    sessionAffinity: { cookieName: "a", primaryCookieName: "b", maxAge: 1 },
  },
});

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...at, key]))];
}

/** Edits nothing where an earlier edit removed the path. */
function edited(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value))
    return value.map((entry, index) => (String(index) === key ? edited(entry, rest, to) : entry));
  if (typeof value !== "object" || value === null) return value;
  return { ...value, [key]: edited((value as Record<string, unknown>)[key], rest, to) };
}

const oddValue = fc.oneof(
  ...[fc.boolean(), fc.integer(), fc.double(), fc.string(), fc.anything({ maxDepth: 2 })],
  fc.constantFrom(
    null,
    undefined,
    [],
    {},
    -1,
    0,
    1e9,
    1e300,
    "",
    " ",
    "10s",
    "1m",
    [null],
    [1, "a"],
    "kubernetes",
    "knative",
  ),
);
const edit = fc.tuple(fc.constantFrom(...pathsOf(sound())), oddValue);
const CAPABLE = { weights: true, mirror: true, headerMatch: true, sessionAffinity: true };

it(`any value in any field is understood or refused in words (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.boolean(), (edits, weights) => {
      const wire = edits.reduce<unknown>((spec, [path, value]) => edited(spec, path, value), sound());
      const parsed = parseSpec(wire, "test", PARSE_OPTIONS);
      if (parsed.kind === "invalid") expect(parsed.problem).toMatch(/^invalid canary spec: .{10}/s);
      // A refused Canary is parsed, too: when it leaves, its routes are handed back.
      const { steps } = planFor(parsed.spec, { ...CAPABLE, weights });
      expect(steps.length).toBeLessThanOrEqual(10_001);
      for (const { routes } of steps) {
        expect(routes.primary + routes.canary).toBe(100);
        expect(Math.min(routes.primary, routes.canary)).toBeGreaterThanOrEqual(0);
      }
    }),
    { seed: SEED, numRuns: 500 },
  );
});
