/** Autoscalers, disruption budgets, role bindings, leases, events, volume claims and CRDs. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { type FieldError, invalid, required } from "../errors.ts";
import { fieldsOf, immutable, listOf, selectorErrors } from "./metadata.ts";
import { notNegative, oneOf } from "./pods.ts";

export function autoscalerErrors(object: KubeObject): FieldError[] {
  const { minReplicas, maxReplicas, scaleTargetRef } = fieldsOf(object.spec);
  const target = fieldsOf(scaleTargetRef);
  const min = typeof minReplicas === "number" ? minReplicas : 1;
  const errors = ["kind", "name"]
    .filter((field) => target[field] === "")
    .map((field) => required(`spec.scaleTargetRef.${field}`));
  if (min < 1) errors.push(invalid("spec.minReplicas", min, "must be greater than or equal to 1"));
  if (typeof maxReplicas !== "number") return errors;
  if (maxReplicas < 1) errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
  if (maxReplicas < min) {
    errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
  }
  return errors;
}

export function disruptionBudgetErrors(object: KubeObject): FieldError[] {
  const spec = fieldsOf(object.spec);
  const both = spec.minAvailable !== undefined && spec.maxUnavailable !== undefined;
  return [
    ...(both ? [invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")] : []),
    ...notNegative("spec.minAvailable", spec.minAvailable),
    ...notNegative("spec.maxUnavailable", spec.maxUnavailable),
    ...selectorErrors("spec.selector", spec.selector),
  ];
}

export function roleBindingErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const role = fieldsOf(object.roleRef);
  const changed = old !== undefined && !equal(role, fieldsOf(old.roleRef));
  return [
    ...oneOf("roleRef.kind", role.kind, object.kind === "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"]),
    ...(role.name === "" ? [required("roleRef.name")] : []),
    ...listOf(object.subjects).flatMap((subject, index) => [
      ...oneOf(`subjects[${index}].kind`, subject.kind, ["ServiceAccount", "User", "Group"]),
      ...(subject.name === "" ? [required(`subjects[${index}].name`)] : []),
    ]),
    ...(changed ? [invalid("roleRef", role, "cannot change roleRef")] : []),
  ];
}

export function leaseErrors(object: KubeObject): FieldError[] {
  const { leaseDurationSeconds: duration, leaseTransitions } = fieldsOf(object.spec);
  const short = typeof duration === "number" && duration <= 0;
  return [
    ...(short ? [invalid("spec.leaseDurationSeconds", duration, "must be greater than 0")] : []),
    ...notNegative("spec.leaseTransitions", leaseTransitions),
    // An empty holderIdentity is fine: that is how a leader of older client-go releases its lease.
  ];
}

export function eventErrors(object: KubeObject): FieldError[] {
  const about = fieldsOf(object.involvedObject ?? object.regarding);
  const field = object.involvedObject === undefined ? "regarding" : "involvedObject";
  const { namespace = "" } = object.metadata;
  const fits = about.namespace === namespace || ((about.namespace ?? "") === "" && ["", "default"].includes(namespace));
  return fits ? [] : [invalid(`${field}.namespace`, about.namespace ?? "", "does not match event.namespace")];
}

export function claimErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = fieldsOf(object.spec);
  const noModes = !Array.isArray(spec.accessModes) || spec.accessModes.length === 0;
  const requests = fieldsOf(fieldsOf(spec.resources).requests);
  const before = fieldsOf(old?.spec);
  return [
    ...(noModes ? [required("spec.accessModes", "at least 1 access mode is required")] : []),
    ...(requests.storage === undefined ? [required("spec.resources[storage]")] : []),
    ...(before.storageClassName === undefined
      ? []
      : immutable("spec.storageClassName", spec.storageClassName, before.storageClassName)),
  ];
}

export function definitionErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = fieldsOf(object.spec);
  const { plural = "" } = fieldsOf(spec.names);
  const versions = listOf(spec.versions);
  const storage = versions.filter((version) => version.storage === true).length;
  const wrongName = object.metadata.name !== `${plural}.${spec.group}`;
  const before = fieldsOf(old?.spec);
  return [
    ...(wrongName ? [invalid("metadata.name", object.metadata.name, 'must be spec.names.plural+"."+spec.group')] : []),
    ...oneOf("spec.scope", spec.scope, ["Cluster", "Namespaced"]),
    ...(Array.isArray(spec.versions) && storage !== 1
      ? [invalid("spec.versions", spec.versions, "must have exactly one version marked as storage version")]
      : []),
    ...versions.flatMap((version, index) =>
      fieldsOf(version.schema).openAPIV3Schema === undefined
        ? [required(`spec.versions[${index}].schema.openAPIV3Schema`, "schemas are required")]
        : [],
    ),
    ...(old === undefined
      ? []
      : ["group", "scope"].flatMap((name) => immutable(`spec.${name}`, spec[name], before[name]))),
  ];
}
