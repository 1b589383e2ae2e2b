/** The Canary resource, but for `spec.service`, which is long: see `service.ts`. */
import { type CrdObject, column, crd, wideColumn } from "./definition.ts";
import { anything, boolean, integer, list, map, number, object, oneOfRequired, type Schema, string } from "./schema.ts";
import { service, stringMatch } from "./service.ts";

/** Minutes or seconds. Not anchored at its end, so 1m30s and 500ms are taken too. */
const DURATION = "^[0-9]+(m|s)";

const PROVIDERS = [
  "apisix",
  "appmesh",
  "appmesh:v1beta2",
  "contour",
  "gatewayapi:v1",
  "gatewayapi:v1beta1",
  "gloo",
  "istio",
  "knative",
  "kubernetes",
  "kuma",
  "linkerd",
  "nginx",
  "osm",
  "skipper",
  "smi:v1alpha1",
  "smi:v1alpha2",
  "smi:v1alpha3",
  "traefik",
];

const HOOK_TYPES = [
  "",
  "confirm-rollout",
  "pre-rollout",
  "rollout",
  "confirm-promotion",
  "post-rollout",
  "event",
  "rollback",
  "confirm-traffic-increase",
];

const PHASES = [
  "",
  "Initializing",
  "Initialized",
  "Waiting",
  "Progressing",
  "WaitingPromotion",
  "Promoting",
  "Finalising",
  "Succeeded",
  "Failed",
  "Terminating",
  "Terminated",
];

/** The CustomResourceDefinition of Canary. */
export function canaryCrd(): CrdObject {
  return crd({
    kind: "Canary",
    plural: "canaries",
    columns: [
      column("Status", ".status.phase"),
      column("Weight", ".status.canaryWeight"),
      wideColumn("Suspended", ".spec.suspend", "boolean"),
      wideColumn("FailedChecks", ".status.failedChecks"),
      wideColumn("Interval", ".spec.analysis.interval"),
      wideColumn("Mirror", ".spec.analysis.mirror", "boolean"),
      wideColumn("StepWeight", ".spec.analysis.stepWeight"),
      wideColumn("StepWeights", ".spec.analysis.stepWeights"),
      wideColumn("MaxWeight", ".spec.analysis.maxWeight"),
      column("LastTransitionTime", ".status.lastTransitionTime"),
    ],
    schema: object(
      { spec: spec(), status: status() },
      { about: "Releases a workload step by step, judged by its metrics, and takes it back when they are bad." },
    ),
  });
}

function spec(): Schema {
  return object(
    {
      provider: string({ enum: PROVIDERS, about: "Mesh or ingress. Default: the operator's -mesh-provider." }),
      metricsServer: string({ about: "Prometheus address. Default: the operator's -metrics-server." }),
      progressDeadlineSeconds: number({ about: "How long a rollout may make no progress. Default: 600." }),
      targetRef: reference(["DaemonSet", "Deployment", "StatefulSet", "Service"], {}, "The workload to release."),
      autoscalerRef: autoscaler(),
      ingressRef: reference(["Ingress"]),
      routeRef: reference(["ApisixRoute"]),
      upstreamRef: reference(["Upstream"], { namespace: string() }),
      service: service(),
      skipAnalysis: boolean({ about: "Promote every new revision without judging it." }),
      revertOnDeletion: boolean({ about: "Give the workload and its traffic back when the Canary is deleted." }),
      suspend: boolean({ about: "Leave everything as it is until this is taken back." }),
      analysis: analysis(),
    },
    { required: ["targetRef", "analysis"] },
  );
}

function reference(kinds: readonly string[], more: Readonly<Record<string, Schema>> = {}, about?: string): Schema {
  return object(
    { apiVersion: string(), kind: string({ enum: kinds }), name: string(), ...more },
    { required: ["apiVersion", "kind", "name"], ...(about !== undefined && { about }) },
  );
}

function autoscaler(): Schema {
  return reference(
    ["HorizontalPodAutoscaler", "ScaledObject"],
    {
      primaryScalerQueries: map(string(), { about: "Trigger name to the query for the primary (ScaledObject)." }),
      primaryScalerReplicas: object({ minReplicas: integer({ minimum: 1 }), maxReplicas: integer({ minimum: 1 }) }),
    },
    "The autoscaler of the workload; the primary gets a copy of it.",
  );
}

function analysis(): Schema {
  return object(
    {
      interval: string({ pattern: DURATION, about: "Time between two checks, e.g. 1m. At least 10s." }),
      iterations: number({ about: "Number of checks before the promotion (A/B testing, Blue/Green)." }),
      threshold: number({ about: "Failed checks that take the release back." }),
      maxWeight: number({ about: "Percent of the traffic at which the canary is promoted." }),
      stepWeight: number({ about: "Percent of the traffic added at each step." }),
      stepWeights: list(number(), { about: "Percent of the traffic at each step." }),
      stepWeightPromotion: number({ about: "Percent by which traffic goes back to the promoted primary." }),
      mirror: boolean({ about: "Copy requests to the canary before any are routed to it." }),
      mirrorWeight: number({ about: "Percent of the requests that are copied." }),
      primaryReadyThreshold: number({ about: "Percent of the primary's pods that must be available. Default: 100." }),
      canaryReadyThreshold: number({ about: "Percent of the canary's pods that must be available. Default: 100." }),
      match: list(
        object({
          headers: map(exactStringMatch()),
          queryParams: map(stringMatch()),
          sourceLabels: map(string()),
        }),
        { about: "Requests that go to the canary (A/B testing)." },
      ),
      metrics: list(metric(), { about: "What a good release must show." }),
      alerts: list(alert(), { about: "Who is told about the rollout." }),
      webhooks: list(webhook(), { about: "Gates and hooks that are asked over HTTP." }),
      sessionAffinity: sessionAffinity(),
    },
    {
      oneOf: oneOfRequired(
        ["interval", "threshold", "iterations"],
        ["interval", "threshold", "stepWeight"],
        ["interval", "threshold", "stepWeights"],
      ),
    },
  );
}

/** One of four ways to match, and one there must be. */
function exactStringMatch(): Schema {
  const ways = ["exact", "prefix", "suffix", "regex"];
  const fields = Object.fromEntries(ways.map((way) => [way, string()]));
  return object(fields, { oneOf: oneOfRequired(...ways.map((way) => [way])) });
}

function metric(): Schema {
  return object(
    {
      name: string({ about: "request-success-rate and request-duration are built in." }),
      interval: string({ pattern: DURATION, about: "Window that is looked at. Default: 1m." }),
      threshold: number({ about: "Replaced by thresholdRange: a maximum (a minimum for the success rate)." }),
      thresholdRange: object({ min: number(), max: number() }, { about: "Values that are good, both ends included." }),
      query: string({ about: "A PromQL query." }),
      templateRef: namespacedReference("A MetricTemplate."),
      templateVariables: map(string()),
    },
    { required: ["name"] },
  );
}

function namespacedReference(about: string): Schema {
  return object({ name: string(), namespace: string() }, { required: ["name"], about });
}

function alert(): Schema {
  return object(
    {
      name: string(),
      severity: string({ enum: ["", "info", "warn", "error"], about: "The least severe event that is told." }),
      providerRef: namespacedReference("An AlertProvider."),
    },
    { required: ["providerRef", "name"] },
  );
}

function webhook(): Schema {
  return object(
    {
      name: string(),
      type: string({ enum: HOOK_TYPES, about: "When it is called. Default: rollout, at each check." }),
      muteAlert: boolean(),
      url: string({ format: "url" }),
      timeout: string({ pattern: DURATION, about: "Default: 10s." }),
      retries: number(),
      disableTLS: boolean({ about: "Do not verify the certificate." }),
      metadata: map(string(), { about: "Sent along as it stands." }),
    },
    { required: ["name", "url"] },
  );
}

function sessionAffinity(): Schema {
  return object(
    {
      cookieName: string({ about: "Cookie that keeps a user on the canary." }),
      primaryCookieName: string({ about: "Cookie that keeps a user on the primary." }),
      domain: string(),
      httpOnly: boolean(),
      maxAge: number({ default: 86400, about: "Seconds." }),
      partitioned: boolean(),
      path: string(),
      sameSite: string({ enum: ["Strict", "Lax", "None"] }),
      secure: boolean(),
    },
    { required: ["cookieName"] },
  );
}

function status(): Schema {
  return object({
    phase: string({ enum: PHASES }),
    failedChecks: number(),
    canaryWeight: number(),
    iterations: number(),
    trackedConfigs: map(string()),
    lastAppliedSpec: string(),
    lastPromotedSpec: string(),
    lastTransitionTime: string({ format: "date-time" }),
    sessionAffinityCookie: string(),
    primarySessionAffinityCookie: string(),
    previousSessionAffinityCookie: string(),
    conditions: list(
      object(
        {
          lastTransitionTime: string({ format: "date-time" }),
          lastUpdateTime: string({ format: "date-time" }),
          message: string(),
          reason: string(),
          status: string(),
          type: string(),
        },
        { required: ["type", "status", "reason"] },
      ),
    ),
    // With Flagger's own CRD this is pruned, and recovered from the fields above as far as they prove it.
    aviary: anything({ about: "Memory of the operator: where in its plan the rollout stands. Not for users." }),
  });
}
