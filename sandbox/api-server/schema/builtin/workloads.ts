/** Deployments, DaemonSets, StatefulSets, ReplicaSets, Jobs and CronJobs. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../errors.ts";
import type { Fields } from "../node.ts";
import { fieldsOf, immutable, listOf, selectorErrors, selects } from "./metadata.ts";
import { notNegative, oneOf, templateErrors } from "./pods.ts";

type Judge = (object: KubeObject, old: KubeObject | undefined) => FieldError[];

/** What all workloads with a selector have in common. */
function selected(kind: string, object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = fieldsOf(object.spec);
  const template = fieldsOf(spec.template);
  const labels = fieldsOf(fieldsOf(template.metadata).labels);
  const errors = [
    ...notNegative("spec.replicas", spec.replicas),
    ...notNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...notNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...selectorErrors("spec.selector", spec.selector),
  ];
  const unmatched = () => {
    const shown = fieldsOf(template.metadata).labels ?? null;
    return invalid("spec.template.metadata.labels", shown, "`selector` does not match template `labels`");
  };
  if (spec.selector === undefined) errors.push(unmatched());
  else {
    const { matchLabels, matchExpressions } = fieldsOf(spec.selector);
    const empty = Object.keys(fieldsOf(matchLabels)).length + listOf(matchExpressions).length === 0;
    if (empty) errors.push(invalid("spec.selector", spec.selector, `empty selector is invalid for ${kind}`));
    else if (!selects(spec.selector, labels)) errors.push(unmatched());
  }
  errors.push(...templateErrors("spec.template", spec.template), ...alwaysRestarts(template));
  if (old !== undefined) errors.push(...immutable("spec.selector", spec.selector, fieldsOf(old.spec).selector));
  return errors;
}

function alwaysRestarts(template: Fields): FieldError[] {
  const policy = fieldsOf(template.spec).restartPolicy;
  const wrong = policy === "OnFailure" || policy === "Never";
  return wrong ? [notSupported("spec.template.spec.restartPolicy", policy, ["Always"])] : [];
}

/** A Deployment, with its update strategy and its deadline. */
export const deploymentErrors: Judge = (object, old) => {
  const { strategy, progressDeadlineSeconds: deadline, minReadySeconds = 0 } = fieldsOf(object.spec);
  const tooShort = typeof deadline === "number" && deadline <= Number(minReadySeconds);
  return [
    ...selected("deployment", object, old),
    ...strategyErrors("spec.strategy", fieldsOf(strategy)),
    ...(tooShort ? [invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")] : []),
  ];
};

function strategyErrors(path: string, { type, rollingUpdate }: Fields): FieldError[] {
  if (type === "Recreate") {
    const words = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate === undefined ? [] : [forbidden(`${path}.rollingUpdate`, words)];
  }
  const { maxSurge, maxUnavailable } = fieldsOf(rollingUpdate);
  const at = `${path}.rollingUpdate`;
  const stuck = [0, "0%"].includes(maxUnavailable as 0) && [0, "0%"].includes(maxSurge as 0);
  return [
    ...oneOf(`${path}.type`, type, ["Recreate", "RollingUpdate"]),
    ...countOrPercent(`${at}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${at}.maxSurge`, maxSurge),
    ...(stuck ? [invalid(`${at}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")] : []),
  ];
}

function countOrPercent(path: string, value: unknown): FieldError[] {
  if (typeof value !== "string") return notNegative(path, value);
  if (/^[0-9]+%$/.test(value)) return [];
  const words =
    "a valid percent string must be a numeric string followed by an ending '%' " +
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [invalid(path, value, words)];
}

export const daemonSetErrors: Judge = (object, old) => [
  ...selected("daemonset", object, old),
  ...oneOf("spec.updateStrategy.type", fieldsOf(fieldsOf(object.spec).updateStrategy).type, [
    "RollingUpdate",
    "OnDelete",
  ]),
];

export const replicaSetErrors: Judge = (object, old) => selected("replicaset", object, old);

const STATEFUL_UPDATE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export const statefulSetErrors: Judge = (object, old) => {
  const frozen = ["selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"];
  const [now, before] = [fieldsOf(object.spec), fieldsOf(old?.spec)];
  const changed = old !== undefined && frozen.some((field) => !equal(now[field], before[field]));
  if (changed) return [forbidden("spec", STATEFUL_UPDATE)];
  return [
    ...selected("statefulset", object, undefined),
    ...oneOf("spec.podManagementPolicy", now.podManagementPolicy, ["OrderedReady", "Parallel"]),
  ];
};

function jobSpecErrors(path: string, value: unknown): FieldError[] {
  const spec = fieldsOf(value);
  const policy = fieldsOf(fieldsOf(spec.template).spec).restartPolicy;
  const at = `${path}.template.spec.restartPolicy`;
  const wrong = policy === undefined || policy === "Always";
  const counts = ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"];
  return [
    ...counts.flatMap((count) => notNegative(`${path}.${count}`, spec[count])),
    ...templateErrors(`${path}.template`, spec.template),
    ...(spec.template !== undefined && wrong ? [required(at, 'valid values: "OnFailure", "Never"')] : []),
  ];
}

export const jobErrors: Judge = (object, old) => [
  ...jobSpecErrors("spec", object.spec),
  ...(old === undefined ? [] : immutable("spec.selector", fieldsOf(object.spec).selector, fieldsOf(old.spec).selector)),
  ...(old === undefined ? [] : immutable("spec.template", fieldsOf(object.spec).template, fieldsOf(old.spec).template)),
];

export const cronJobErrors: Judge = (object) => {
  const { schedule, concurrencyPolicy, jobTemplate } = fieldsOf(object.spec);
  return [
    ...(schedule === "" ? [required("spec.schedule")] : []),
    ...oneOf("spec.concurrencyPolicy", concurrencyPolicy, ["Allow", "Forbid", "Replace"]),
    ...jobSpecErrors("spec.jobTemplate.spec", fieldsOf(jobTemplate).spec),
  ];
};
