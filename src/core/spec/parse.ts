/**
 * Reads the spec of a stored Canary. All defaults and all refusals are in this file. The API server has checked the
 * fields against the CRD. This file refuses what a CRD cannot check, and what an older CRD let through; a refusal
 * concerns one Canary only (Q4, Q9).
 */

import { DEFAULT_JUDGE, JUDGES } from "../judges/table.ts";
import { BOUNDS } from "./bounds.ts";
import { crossNamespaceRefs, crossNamespaceText } from "./cross-namespace-refs.ts";
import { Fields } from "./fields.ts";
import { intervalOrDefault } from "./interval.ts";
import {
  type AlertTarget,
  type Analysis,
  type AutoscalerRef,
  type CanarySpec,
  HOOK_TYPES,
  type JsonObject,
  type Metric,
  type Range,
  type ServiceSpec,
  type SessionAffinity,
  type Severity,
  type Strategy,
  type TargetRef,
  type Webhook,
} from "./spec.ts";
import type { SpecRules } from "./spec-rules.ts";

/** Flags of the operator that decide about a spec, and what its adapters say. */
export interface ParseOptions {
  /** The operator's default for `spec.provider`. */
  readonly meshProvider: string;
  /** Shortest analysis interval in milliseconds; Flagger's floor is 10 s. */
  readonly intervalFloorMs: number;
  /** Refuse what names an object of another namespace. */
  readonly noCrossNamespaceRefs: boolean;
  /** "namespace/name" of gateways that may be used all the same; none when absent. */
  readonly sharedGateways?: readonly string[];
  readonly rules: SpecRules;
}

/** A spec that was read, or what is wrong with it. */
export type Parsed =
  | { readonly kind: "valid"; readonly spec: CanarySpec }
  /**
   * `problem`: what is wrong, where, and what to do; the text of the event. `spec`: as much as could be read. That is
   * enough to hand everything back when the Canary is deleted.
   */
  | { readonly kind: "invalid"; readonly problem: string; readonly spec: CanarySpec };

/** A day and more at the shortest interval. Every one of them is a step of the plan. */
const MOST_ITERATIONS = 10_000;

/** How every problem of an invalid spec begins. */
export const INVALID = "invalid canary spec: ";

/** @param wire `spec` of a Canary as stored; @param namespace of the Canary, for references without one */
export function parseSpec(wire: unknown, namespace: string, options: ParseOptions): Parsed {
  const fields = new Fields(wire, "spec");
  const spec = readSpec(fields, namespace, options);
  const problem = fields.problems[0] ?? refusal(spec, namespace, options);
  return problem === undefined ? { kind: "valid", spec } : { kind: "invalid", problem: `${INVALID}${problem}`, spec };
}

function readSpec(fields: Fields, namespace: string, options: ParseOptions): CanarySpec {
  const targetRef = readTarget(fields.object("targetRef"));
  const ownProvider = fields.string("provider");
  // A value that is not an object is refused: it must not count as an absent analysis.
  const wireAnalysis = fields.optional("analysis") ?? fields.optional("canaryAnalysis");
  const analysis = readAnalysis(wireAnalysis ?? fields.object("analysis"), namespace, options);
  const metricsServer = shortText(fields, "metricsServer", BOUNDS.url, fields.string("metricsServer") ?? "");
  const upstream = fields.optional("upstreamRef");
  const ingress = fields.optional("ingressRef");
  const route = fields.optional("routeRef");
  const autoscaler = fields.optional("autoscalerRef");
  const inNamespace = (reference: Fields) => {
    const named = reference.string("namespace");
    return { ...readTarget(reference), ...(named ? { namespace: named } : {}) };
  };
  return {
    provider: ownProvider || options.meshProvider,
    ...(ownProvider ? { ownProvider } : {}),
    ...(metricsServer ? { metricsServer } : {}),
    targetRef,
    ...(autoscaler ? { autoscalerRef: readAutoscaler(autoscaler) } : {}),
    ...(ingress ? { ingressRef: readTarget(ingress) } : {}),
    ...(route ? { routeRef: inNamespace(route) } : {}),
    ...(upstream ? { upstreamRef: inNamespace(upstream) } : {}),
    service: readService(fields.object("service"), targetRef.name),
    progressDeadlineSeconds: fields.integer("progressDeadlineSeconds") ?? 600,
    // Without any analysis there is nothing to judge by (Q2).
    skipAnalysis: fields.boolean("skipAnalysis") || wireAnalysis === undefined,
    revertOnDeletion: fields.boolean("revertOnDeletion"),
    suspend: fields.boolean("suspend"),
    strategy: strategyOf(analysis),
    analysis,
  };
}

function strategyOf({ match, iterations }: Analysis): Strategy {
  if (iterations <= 0) return "canary";
  return match.length > 0 ? "ab-testing" : "blue-green";
}

function readTarget(fields: Fields): TargetRef {
  return {
    apiVersion: fields.string("apiVersion") ?? "",
    kind: fields.string("kind") ?? "",
    name: fields.required("name"),
  };
}

function readAutoscaler(fields: Fields): AutoscalerRef {
  const replicas = fields.optional("primaryScalerReplicas");
  const minReplicas = replicas?.integer("minReplicas");
  const maxReplicas = replicas?.integer("maxReplicas");
  const queries = fields.strings("primaryScalerQueries");
  return {
    ...readTarget(fields),
    ...(queries === undefined ? {} : { primaryScalerQueries: queries }),
    ...(replicas === undefined
      ? {}
      : {
          primaryScalerReplicas: {
            ...(minReplicas === undefined ? {} : { minReplicas }),
            ...(maxReplicas === undefined ? {} : { maxReplicas }),
          },
        }),
  };
}

function readService(fields: Fields, targetName: string): ServiceSpec {
  const port = fields.integer("port") ?? 0;
  const targetPort = fields.integerOrString("targetPort");
  const appProtocol = fields.string("appProtocol");
  const trafficDistribution = fields.string("trafficDistribution");
  const metadata = (name: "apex" | "primary" | "canary") => {
    const block = fields.optional(name);
    if (block === undefined) return {};
    const labels = block.strings("labels");
    const annotations = block.strings("annotations");
    return { [name]: { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } };
  };
  const unmanaged = fields.optional("unmanagedMetadata");
  return {
    name: fields.string("name") || targetName,
    port,
    portName: fields.string("portName") || "http",
    // 0 stands for the port itself, also when it is written as a text.
    targetPort: targetPort === "0" ? port : targetPort || port,
    portDiscovery: fields.boolean("portDiscovery"),
    ...(appProtocol ? { appProtocol } : {}),
    ...(trafficDistribution ? { trafficDistribution } : {}),
    headless: fields.boolean("headless"),
    hosts: fields.stringList("hosts"),
    gateways: fields.stringList("gateways"),
    delegation: fields.boolean("delegation"),
    ...metadata("apex"),
    ...metadata("primary"),
    ...metadata("canary"),
    ...(unmanaged
      ? {
          unmanagedMetadata: {
            labels: unmanaged.stringList("labels"),
            annotations: unmanaged.stringList("annotations"),
          },
        }
      : {}),
    raw: fields.raw,
  };
}

function readAnalysis(fields: Fields, namespace: string, options: ParseOptions): Analysis {
  const interval = fields.string("interval") ?? "";
  const threshold = fields.integer("threshold") ?? 0;
  const affinity = fields.optional("sessionAffinity");
  return {
    interval,
    intervalMs: Math.max(options.intervalFloorMs, intervalOrDefault(interval)),
    threshold: threshold > 0 ? threshold : 1,
    iterations: readIterations(fields),
    maxWeight: fields.integer("maxWeight") ?? 0,
    stepWeight: fields.integer("stepWeight") ?? 0,
    stepWeights: atMost(fields, "stepWeights", BOUNDS.stepWeights, fields.integerList("stepWeights")),
    stepWeightPromotion: fields.integer("stepWeightPromotion") ?? 0,
    mirror: fields.boolean("mirror"),
    mirrorWeight: fields.integer("mirrorWeight") ?? 0,
    primaryReadyThreshold: fields.integer("primaryReadyThreshold") ?? 100,
    canaryReadyThreshold: fields.integer("canaryReadyThreshold") ?? 100,
    match: fields.objectList("match").map(readMatch),
    metrics: atMost(fields, "metrics", BOUNDS.entries, fields.objectList("metrics")).map((metric) =>
      readMetric(metric, namespace),
    ),
    webhooks: atMost(fields, "webhooks", BOUNDS.entries, fields.objectList("webhooks")).map(readWebhook),
    alerts: atMost(fields, "alerts", BOUNDS.entries, fields.objectList("alerts")).map((alert) =>
      readAlert(alert, namespace),
    ),
    ...(affinity ? { sessionAffinity: readAffinity(affinity) } : {}),
  };
}

/** A refused list is not read, because it may not fit into memory. */
function atMost<T>(fields: Fields, name: string, most: number, items: readonly T[]): readonly T[] {
  if (items.length <= most) return items;
  fields.refuse(name, `must have at most ${most} entries, found ${items.length}`);
  return [];
}

/** A text that is refused when it is longer. */
function shortText(fields: Fields, name: string, most: number, text: string): string {
  if (text.length <= most) return text;
  fields.refuse(name, `must have at most ${most} characters, found ${text.length}`);
  return "";
}

/**
 * A plan holds a step for each iteration. Too many would exhaust the operator's memory, and end every rollout with it.
 */
function readIterations(fields: Fields): number {
  const iterations = fields.integer("iterations") ?? 0;
  if (iterations > MOST_ITERATIONS)
    fields.refuse("iterations", `must be at most ${MOST_ITERATIONS}, found ${iterations}`);
  return Math.min(iterations, MOST_ITERATIONS);
}

/** The match is kept as written. The types of its fields are checked here, because the routers rely on them. */
function readMatch(fields: Fields): JsonObject {
  for (const conditions of [fields.optional("headers"), fields.optional("queryParams")]) {
    for (const name of Object.keys(conditions?.raw ?? {})) {
      const condition = conditions?.optional(name);
      for (const how of ["exact", "prefix", "suffix", "regex"]) condition?.string(how);
    }
  }
  fields.strings("sourceLabels");
  return fields.raw;
}

function readMetric(fields: Fields, namespace: string): Metric {
  const range = fields.optional("thresholdRange");
  const template = fields.optional("templateRef");
  const variables = fields.strings("templateVariables");
  const query = shortText(fields, "query", BOUNDS.query, fields.string("query") ?? "");
  const judge = fields.string("judge");
  if (judge && !Object.hasOwn(JUDGES, judge)) {
    fields.refuse("judge", `"${judge}" is not a judge, use one of ${Object.keys(JUDGES).join(", ")}`);
  }
  return {
    name: fields.required("name"),
    interval: fields.string("interval") || "1m",
    threshold: fields.number("threshold") ?? 0,
    ...(range ? { thresholdRange: readRange(range) } : {}),
    ...(query ? { query } : {}),
    ...(template
      ? { templateRef: { name: template.required("name"), namespace: template.string("namespace") || namespace } }
      : {}),
    ...(variables ? { templateVariables: variables } : {}),
    ...(judge && JUDGES[judge] !== DEFAULT_JUDGE ? { judge } : {}),
  };
}

function readRange(fields: Fields): Range {
  const min = fields.number("min");
  const max = fields.number("max");
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

function readWebhook(fields: Fields): Webhook {
  const type = fields.string("type") || "rollout";
  const known = HOOK_TYPES.find((hookType) => hookType === type);
  if (known === undefined)
    fields.refuse("type", `"${type}" is not a webhook type, use one of ${HOOK_TYPES.join(", ")}`);
  const metadata = fields.strings("metadata");
  const retries = fields.integer("retries") ?? 0;
  if (retries > BOUNDS.retries) fields.refuse("retries", `must be at most ${BOUNDS.retries}, found ${retries}`);
  return {
    name: fields.required("name"),
    type: known ?? "rollout",
    url: shortText(fields, "url", BOUNDS.url, fields.required("url")),
    muteAlert: fields.boolean("muteAlert"),
    timeout: fields.string("timeout") ?? "",
    retries,
    disableTLS: fields.boolean("disableTLS"),
    ...(metadata ? { metadata } : {}),
  };
}

function readAlert(fields: Fields, namespace: string): AlertTarget {
  // An entry without severity gets everything, as documented (Q72).
  const severity = fields.string("severity") || "info";
  const provider = fields.object("providerRef");
  return {
    name: fields.string("name") ?? "",
    severity: severity === "warn" || severity === "error" ? (severity satisfies Severity) : "info",
    providerRef: { name: provider.required("name"), namespace: provider.string("namespace") || namespace },
  };
}

function readAffinity(fields: Fields): SessionAffinity {
  const primaryCookieName = fields.string("primaryCookieName");
  const text = (name: "domain" | "path" | "sameSite") => {
    const value = fields.string(name);
    return value ? { [name]: value } : {};
  };
  const flag = (name: "httpOnly" | "partitioned" | "secure") => (fields.boolean(name) ? { [name]: true } : {});
  return {
    cookieName: fields.required("cookieName"),
    ...(primaryCookieName ? { primaryCookieName } : {}),
    maxAge: fields.integer("maxAge") || 86_400,
    ...text("domain"),
    ...flag("httpOnly"),
    ...flag("partitioned"),
    ...text("path"),
    ...text("sameSite"),
    ...flag("secure"),
  };
}

/** Faults of a spec whose fields are all well-formed; in Flagger's order. */
function refusal(spec: CanarySpec, namespace: string, options: ParseOptions): string | undefined {
  return (
    crossNamespaceRefusal(spec, namespace, options) ??
    options.rules.refusal(spec) ??
    targetRefusal(spec, options) ??
    planRefusal(spec, options)
  );
}

function crossNamespaceRefusal(spec: CanarySpec, namespace: string, options: ParseOptions): string | undefined {
  if (!options.noCrossNamespaceRefs) return undefined;
  return crossNamespaceText(crossNamespaceRefs(spec, namespace, options.sharedGateways));
}

function targetRefusal(
  { targetRef, analysis }: CanarySpec,
  { rules: { targetKinds } }: ParseOptions,
): string | undefined {
  if (!targetKinds.includes(targetRef.kind)) {
    return `spec.targetRef.kind "${targetRef.kind}" cannot be released, use one of ${targetKinds.join(", ")}`;
  }
  const affinity = analysis.sessionAffinity;
  if (affinity !== undefined && affinity.cookieName === affinity.primaryCookieName) {
    return (
      "can't use the same cookie name for both primary and cookie name; please update them to be different " +
      "(spec.analysis.sessionAffinity.cookieName and primaryCookieName)"
    );
  }
  return undefined;
}

/** A progressive run that can never take a step would stall silently (Q28). */
function planRefusal({ analysis, skipAnalysis, provider }: CanarySpec, { rules }: ParseOptions): string | undefined {
  if (skipAnalysis || analysis.iterations > 0 || !rules.shiftsWeights(provider)) return undefined;
  if (analysis.stepWeights.length > 0) {
    const bad = analysis.stepWeights.find((weight) => weight <= 0);
    return bad === undefined ? undefined : `spec.analysis.stepWeights must be greater than 0, found ${bad}`;
  }
  return analysis.stepWeight > 0
    ? undefined
    : "spec.analysis needs iterations, stepWeights or a stepWeight greater than 0: no step could ever be taken";
}
