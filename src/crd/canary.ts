/** The Canary resource, except `spec.service`, which is long: see `service.ts`. */

import { DEFAULT_JUDGE, JUDGES } from "../core/judges/table.ts";
import { PHASES } from "../core/phases/table.ts";
import { BOUNDS } from "../core/spec/bounds.ts";
import { HOOK_TYPES } from "../core/spec/spec.ts";
import { ROUTERS } from "../routers/table.ts";
import { type CrdObject, column, crd, wideColumn } from "./definition.ts";
import {
  anything,
  boolean,
  integer,
  list,
  map,
  number,
  object,
  oneOfRequired,
  type Schema,
  string,
  url,
} from "./schema.ts";
import { service, stringMatch } from "./service.ts";

/** Minutes or seconds. The pattern has no end anchor, so it accepts 1m30s and 500ms, too. */
const DURATION = "^[0-9]+(m|s)";

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
      { about: "Releases a workload step by step, judged by its metrics, and rolls it back when they are bad." },
    ),
  });
}

/** Which values pass each judge, and which judge is the default. */
function judgesText(): string {
  const judges = Object.values(JUDGES).map(({ name, about }) => `${name}: ${about}`);
  return `${judges.join("; ")}. Default: ${DEFAULT_JUDGE.name}.`;
}

function spec(): Schema {
  return object(
    {
      provider: string({
        enum: Object.keys(ROUTERS),
        about: "Mesh or ingress. Default: the operator's -mesh-provider.",
      }),
      metricsServer: url({
        mayBeEmpty: true,
        about: "Address of Prometheus. Default: the operator's -metrics-server.",
      }),
      progressDeadlineSeconds: number({ about: "How long a rollout may make no progress. Default: 600." }),
      targetRef: reference(["DaemonSet", "Deployment", "StatefulSet", "Service"], {}, "The workload to release."),
      autoscalerRef: autoscaler(),
      ingressRef: reference(["Ingress"], {}, "The Ingress that routes to the workload (nginx, skipper)."),
      routeRef: reference(
        ["ApisixRoute", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"],
        { namespace: string({ about: "Default: the namespace of the Canary (Gateway API)." }) },
        "The route to the workload (apisix), or a route of yours whose backendRefs are managed (Gateway API).",
      ),
      upstreamRef: reference(
        ["Upstream"],
        { namespace: string({ about: "Default: the namespace of the Canary." }) },
        "The upstream to copy settings from (gloo).",
      ),
      service: service(),
      skipAnalysis: boolean({ about: "Promote every new revision without judging it." }),
      revertOnDeletion: boolean({ about: "Give the workload and its traffic back when the Canary is deleted." }),
      suspend: boolean({ about: "Change nothing until this is false again." }),
      analysis: analysis(),
    },
    { required: ["targetRef", "analysis"], about: "What is released, and how." },
  );
}

function reference(kinds: readonly string[], more: Readonly<Record<string, Schema>> = {}, about?: string): Schema {
  return object(
    {
      apiVersion: string({ about: "API group and version of the object." }),
      kind: string({ enum: kinds, about: "Kind of the object." }),
      name: string({ about: "Name of the object." }),
      ...more,
    },
    { required: ["apiVersion", "kind", "name"], ...(about !== undefined && { about }) },
  );
}

function autoscaler(): Schema {
  return reference(
    ["HorizontalPodAutoscaler", "ScaledObject"],
    {
      primaryScalerQueries: map(string(), { about: "Trigger name to the query for the primary (ScaledObject)." }),
      primaryScalerReplicas: object(
        {
          minReplicas: integer({
            minimum: 1,
            about: "Least number of pods. Default: that of the workload's autoscaler.",
          }),
          maxReplicas: integer({ minimum: 1, about: "Most pods. Default: that of the workload's autoscaler." }),
        },
        { about: "Limits of the primary's autoscaler." },
      ),
    },
    "The autoscaler of the workload; the primary gets a copy of it.",
  );
}

function analysis(): Schema {
  return object(
    {
      interval: string({ pattern: DURATION, about: "Time between two checks, e.g. 1m. At least 10s." }),
      iterations: number({ about: "Number of checks before the promotion (A/B testing, Blue/Green). At most 10000." }),
      threshold: number({ about: "Failed checks after which the release is rolled back." }),
      maxWeight: number({ about: "Percent of the traffic at which the canary is promoted." }),
      stepWeight: number({ about: "Percent of the traffic added at each step." }),
      stepWeights: list(number(), { maxItems: BOUNDS.stepWeights, about: "Percent of the traffic at each step." }),
      stepWeightPromotion: number({ about: "Percent by which traffic goes back to the promoted primary." }),
      mirror: boolean({ about: "Copy requests to the canary before any are routed to it." }),
      mirrorWeight: number({ about: "Percent of the requests that are copied." }),
      primaryReadyThreshold: number({ about: "Percent of the primary's pods that must be available. Default: 100." }),
      canaryReadyThreshold: number({ about: "Percent of the canary's pods that must be available. Default: 100." }),
      match: list(
        object({
          headers: map(exactStringMatch(), { about: "Headers that a request must have, by name." }),
          method: stringMatch("HTTP method that a request must have."),
          queryParams: map(stringMatch(), { about: "Query parameters that a request must have, by name." }),
          sourceLabels: map(string(), { about: "Labels of the pods that the request must come from." }),
        }),
        { about: "Requests that go to the canary (A/B testing): those that fulfil all of one entry." },
      ),
      metrics: list(metric(), { maxItems: BOUNDS.entries, about: "Measurements that a good release must pass." }),
      alerts: list(alert(), { maxItems: BOUNDS.entries, about: "Alerts about the rollout." }),
      webhooks: list(webhook(), { maxItems: BOUNDS.entries, about: "Gates and hooks that are called over HTTP." }),
      sessionAffinity: sessionAffinity(),
    },
    {
      oneOf: oneOfRequired(
        ["interval", "threshold", "iterations"],
        ["interval", "threshold", "stepWeight"],
        ["interval", "threshold", "stepWeights"],
      ),
      about:
        "The steps of a release, and the checks at each of them. Give one of stepWeight, stepWeights and iterations.",
    },
  );
}

const WAYS = {
  exact: "The whole value.",
  prefix: "The beginning of the value.",
  suffix: "The end of the value.",
  regex: "A regular expression (RE2) for the whole value.",
} as const;

/** One of four ways to match; exactly one must be present. */
function exactStringMatch(): Schema {
  const ways = Object.keys(WAYS);
  const fields = Object.fromEntries(Object.entries(WAYS).map(([way, about]) => [way, string({ about })]));
  return object(fields, { oneOf: oneOfRequired(...ways.map((way) => [way])) });
}

function metric(): Schema {
  return object(
    {
      name: string({ about: "Name of the metric. request-success-rate and request-duration are built in." }),
      interval: string({ pattern: DURATION, about: "Window of time that the query covers. Default: 1m." }),
      threshold: number({ about: "Replaced by thresholdRange: a maximum (a minimum for the success rate)." }),
      thresholdRange: object(
        {
          min: number({ about: "The least value that is good." }),
          max: number({ about: "The largest value that is good." }),
        },
        { about: "Values that are good, both ends included." },
      ),
      query: string({ maxLength: BOUNDS.query, about: "A PromQL query." }),
      templateRef: namespacedReference("The MetricTemplate with the query.", "MetricTemplate"),
      templateVariables: map(string(), { about: "Values for the template, as `{{ variables.name }}`." }),
      judge: string({ enum: Object.keys(JUDGES), about: `Decides about the values. ${judgesText()}` }),
    },
    { required: ["name"] },
  );
}

function namespacedReference(about: string, kind: string): Schema {
  const namespace = string({ about: "Default: the namespace of the Canary." });
  return object({ name: string({ about: `Name of the ${kind}.` }), namespace }, { required: ["name"], about });
}

function alert(): Schema {
  return object(
    {
      name: string({ about: "Name of the alert, for readers." }),
      severity: string({ enum: ["", "info", "warn", "error"], about: "The least severe event that is sent." }),
      providerRef: namespacedReference("The AlertProvider that sends the alert.", "AlertProvider"),
    },
    { required: ["providerRef", "name"] },
  );
}

function webhook(): Schema {
  return object(
    {
      name: string({ about: "Name of the webhook, for events." }),
      type: string({ enum: ["", ...HOOK_TYPES], about: "When it is called. Default: rollout, at each check." }),
      muteAlert: boolean({ about: "Send no alert while this webhook refuses." }),
      url: url({ format: "url", about: "Address that receives a POST. The answers 200, 201 and 202 mean yes." }),
      timeout: string({ pattern: DURATION, about: "How long an answer may take. Default: 10s." }),
      retries: number({
        maximum: BOUNDS.retries,
        about: "Further attempts, while the address cannot be reached or answers 429 or 5xx.",
      }),
      disableTLS: boolean({ about: "Do not verify the certificate of the address." }),
      metadata: map(string(), { about: "Sent along unchanged." }),
    },
    { required: ["name", "url"] },
  );
}

function sessionAffinity(): Schema {
  return object(
    {
      cookieName: string({ about: "Cookie that keeps a user on the canary." }),
      primaryCookieName: string({ about: "Cookie that keeps a user on the primary." }),
      domain: string({ about: "Domain of the cookies." }),
      httpOnly: boolean({ about: "Hide the cookies from scripts." }),
      maxAge: number({ default: 86400, about: "Lifetime of the cookies in seconds." }),
      partitioned: boolean({ about: "Keep the cookies apart for each top-level site." }),
      path: string({ about: "Path of the cookies." }),
      sameSite: string({ enum: ["Strict", "Lax", "None"], about: "Whether the cookies are sent from other sites." }),
      secure: boolean({ about: "Send the cookies over HTTPS only." }),
    },
    { required: ["cookieName"], about: "Keeps users on the canary, once they were routed to it." },
  );
}

function status(): Schema {
  return object(
    {
      phase: string({ enum: PHASES, about: "How far the release has come." }),
      failedChecks: number({ about: "Failed checks of the present run." }),
      canaryWeight: number({ about: "Percent of the traffic that the canary has." }),
      iterations: number({ about: "Iterations done (A/B testing, Blue/Green)." }),
      trackedConfigs: map(string(), { about: "Checksums of the ConfigMaps and Secrets that the workload uses." }),
      lastAppliedSpec: string({ about: "Hash of the revision that was looked at last." }),
      lastPromotedSpec: string({ about: "Hash of the revision that the primary runs." }),
      lastTransitionTime: string({ format: "date-time", about: "When this status was written." }),
      sessionAffinityCookie: string({ about: "Cookie of users who were routed to the canary." }),
      primarySessionAffinityCookie: string({ about: "Cookie of users who were routed to the primary." }),
      previousSessionAffinityCookie: string({ about: "Cookie of the run before, which browsers are told to delete." }),
      conditions: list(condition(), { about: "One condition, of type Promoted." }),
      // Flagger's own CRD prunes this field. The operator then recovers it from the fields above, as far as they allow.
      aviary: anything({ about: "Memory of the operator: where in its plan the rollout stands. Not for users." }),
    },
    { about: "Written by the operator." },
  );
}

function condition(): Schema {
  return object(
    {
      lastTransitionTime: string({ format: "date-time", about: "When the status of the condition changed." }),
      lastUpdateTime: string({ format: "date-time", about: "When the condition was written." }),
      message: string({ about: "The reason in words." }),
      reason: string({ about: "The phase." }),
      status: string({ about: "True: the last release was promoted. False: it failed. Unknown: it is not over." }),
      type: string({ about: "Type of the condition." }),
    },
    { required: ["type", "status", "reason"] },
  );
}
