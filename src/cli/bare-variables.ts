/**
 * MetricTemplates of the files in which a variable of a Canary stands unquoted: its author could write another query.
 */
import { bareVariablesIn } from "../metrics/template.ts";
import type { KubeObject } from "../ports/kubernetes.ts";

/** @returns a sentence for each, of one template */
export function bareVariablesOf({ kind, spec }: KubeObject): readonly string[] {
  if (kind !== "MetricTemplate" || typeof spec?.query !== "string") return [];
  return bareVariablesIn(spec.query).map(
    (action) =>
      `spec.query: {{ ${action} }} is not quoted, so that the author of a Canary can write a query of their own; ` +
      'let Go quote it: {{ printf "%q" variables.NAME }} without quotes around',
  );
}

/** The same of the templates that a Canary refers to, and that the files hold. */
export function bareVariablesFor(canary: KubeObject, manifests: readonly KubeObject[]): readonly string[] {
  const analysis = canary["spec"]?.analysis ?? canary["spec"]?.canaryAnalysis ?? {};
  const metrics: readonly { readonly templateRef?: { readonly name?: string; readonly namespace?: string } }[] =
    Array.isArray(analysis.metrics) ? analysis.metrics : [];
  const home = canary.metadata.namespace ?? "default";
  const named = manifests.filter(
    ({ kind, metadata }) =>
      kind === "MetricTemplate" &&
      metrics.some(
        ({ templateRef: ref }) =>
          ref?.name === metadata.name && (ref.namespace ?? home) === (metadata.namespace ?? "default"),
      ),
  );
  return named.flatMap((template) =>
    bareVariablesOf(template).map((text) => `MetricTemplate ${template.metadata.name}: ${text}`),
  );
}
