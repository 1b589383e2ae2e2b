/**
 * What to do about an object that is missing or malformed. The texts of events are Flagger's, and name the object
 * alone. The condition adds the cure: which object to create, or which field to correct.
 */

/** The field that names an object, by the resource that the API server's message names. */
const FIELDS: Readonly<Record<string, string>> = {
  "deployments.apps": "spec.targetRef",
  "daemonsets.apps": "spec.targetRef",
  "statefulsets.apps": "spec.targetRef",
  services: "spec.targetRef",
  "services.serving.knative.dev": "spec.targetRef",
  "horizontalpodautoscalers.autoscaling": "spec.autoscalerRef",
  "scaledobjects.keda.sh": "spec.autoscalerRef",
  "ingresses.networking.k8s.io": "spec.ingressRef",
  "apisixroutes.apisix.apache.org": "spec.routeRef",
  "httproutes.gateway.networking.k8s.io": "spec.routeRef",
  "grpcroutes.gateway.networking.k8s.io": "spec.routeRef",
  "tcproutes.gateway.networking.k8s.io": "spec.routeRef",
  "tlsroutes.gateway.networking.k8s.io": "spec.routeRef",
  "upstreams.gloo.solo.io": "spec.upstreamRef",
  "metrictemplate.flagger.app": "spec.analysis.metrics[].templateRef",
  "alertprovider.flagger.app": "spec.analysis.alerts[].providerRef",
  configmaps: "the reference to it in the pod template of the target",
  secrets: "the reference to it in the pod template of the target",
};

/** A template's Secret is named by the template, and a provider's by the provider. */
const SECRET_REF = /secretRef|metric template/i;
/** What is wrong with a MetricTemplate itself. */
const MALFORMED: readonly (readonly [RegExp, string])[] = [
  [/^metric template \S+ query render error: /i, "correct spec.query of the MetricTemplate"],
  [/^metric template \S+ provider .* error: /i, "correct spec.provider of the MetricTemplate"],
  [/^metric template \S+ secret \S+ error: /i, "correct the Secret that the MetricTemplate names"],
];
const NOT_FOUND = /([a-z0-9.-]+) "([^"]+)" not found$/;

/** The text of an event with the cure behind it, when it says that an object is missing or malformed. */
export function withCure(text: string): string {
  const [, resource = "", name = ""] = NOT_FOUND.exec(text) ?? [];
  const field = resource === "secrets" && SECRET_REF.test(text) ? "the secretRef that names it" : FIELDS[resource];
  if (field !== undefined) return `${text}: create ${name}, or correct ${field}`;
  const cure = MALFORMED.find(([shape]) => shape.test(text))?.[1];
  return cure === undefined ? text : `${text}: ${cure}`;
}
