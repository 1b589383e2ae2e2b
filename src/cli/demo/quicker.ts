/** The demo's Canary: the example, in less time, with limits that a busy machine keeps. */
import type { KubeObject } from "../../ports/kubernetes.ts";

/**
 * On a busy machine the metric server answers late, and that is a failed check. So the good release may fail many, and
 * the bad one few: it is rolled back soon.
 */
export const FAILED_CHECKS = { good: 20, bad: 3 };

/**
 * The demo's Canary goes up in steps of 10: the same journey in less time. Its limits tell a release that fails a third
 * of its requests from one that is slow because the machine is busy.
 */
export function quicker(object: KubeObject): KubeObject {
  if (object.kind !== "Canary") return object;
  const { analysis } = object.spec;
  const metrics = analysis.metrics.map((metric: KubeObject) => ({ ...metric, thresholdRange: limits(metric) }));
  const webhooks = analysis.webhooks.map((webhook: KubeObject) => ({ ...webhook, timeout: "2m" }));
  const easy = { ...analysis, stepWeight: 10, threshold: FAILED_CHECKS.good, metrics, webhooks };
  const service = { ...object.spec.service, retries: { ...object.spec.service.retries, perTryTimeout: "10s" } };
  return { ...object, spec: { ...object.spec, progressDeadlineSeconds: 600, service, analysis: easy } };
}

function limits({ name, thresholdRange }: KubeObject): unknown {
  if (name === "request-success-rate") return { min: 95 };
  return name === "request-duration" ? { max: 10_000 } : thresholdRange;
}
