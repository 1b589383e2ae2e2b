/** The rules of built-in kinds that their schemas cannot say, with the API server's words. */
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import type { FieldError } from "../errors.ts";
import { configMapErrors, secretErrors } from "./config.ts";
import { fieldsOf, immutable, metadataErrors } from "./metadata.ts";
import { dns1035Label, dnsLabel, dnsSubdomain, type NameRule, pathSegment } from "./names.ts";
import { endpointSliceErrors, ingressErrors, serviceErrors } from "./network.ts";
import { podErrors } from "./pods.ts";
import {
  autoscalerErrors,
  claimErrors,
  definitionErrors,
  disruptionBudgetErrors,
  eventErrors,
  leaseErrors,
  roleBindingErrors,
} from "./policy.ts";
import {
  cronJobErrors,
  daemonSetErrors,
  deploymentErrors,
  jobErrors,
  replicaSetErrors,
  statefulSetErrors,
} from "./workloads.ts";

type Judge = (object: KubeObject, old: KubeObject | undefined) => FieldError[];

const JUDGES: Readonly<Record<string, Judge>> = {
  "/Pod": podErrors,
  "/Service": serviceErrors,
  "/ConfigMap": configMapErrors,
  "/Secret": secretErrors,
  "/Event": eventErrors,
  "/PersistentVolumeClaim": claimErrors,
  "apps/Deployment": deploymentErrors,
  "apps/DaemonSet": daemonSetErrors,
  "apps/StatefulSet": statefulSetErrors,
  "apps/ReplicaSet": replicaSetErrors,
  "batch/Job": jobErrors,
  "batch/CronJob": cronJobErrors,
  "autoscaling/HorizontalPodAutoscaler": autoscalerErrors,
  "policy/PodDisruptionBudget": disruptionBudgetErrors,
  "networking.k8s.io/Ingress": ingressErrors,
  "discovery.k8s.io/EndpointSlice": endpointSliceErrors,
  "coordination.k8s.io/Lease": leaseErrors,
  "events.k8s.io/Event": eventErrors,
  "rbac.authorization.k8s.io/RoleBinding": roleBindingErrors,
  "rbac.authorization.k8s.io/ClusterRoleBinding": roleBindingErrors,
  "apiextensions.k8s.io/CustomResourceDefinition": definitionErrors,
};

function nameRule(group: string, kind: string): NameRule {
  if (group === "rbac.authorization.k8s.io") return pathSegment;
  if (group === "" && kind === "Service") return dns1035Label;
  if (group === "" && kind === "Namespace") return dnsLabel;
  return dnsSubdomain;
}

/**
 * What the API server would have against an object beyond its schema: names, labels, ports, selectors, fields that must
 * not change. `validate` reports missing and mistyped fields; run both. For a custom resource only the metadata is
 * judged.
 */
export function validateBuiltin(group: string, kind: string, object: KubeObject, old?: KubeObject): FieldError[] {
  return [
    ...metadataErrors(object, nameRule(group, kind)),
    ...identityErrors(object, old),
    ...(JUDGES[`${group}/${kind}`]?.(object, old) ?? []),
  ];
}

/** What no update may change. */
function identityErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old === undefined) return [];
  return ["name", "namespace", "uid", "creationTimestamp"].flatMap((name) => {
    const [now, before] = [fieldsOf(object.metadata)[name], fieldsOf(old.metadata)[name]];
    // A client that leaves one of them out means "as it is".
    return now === undefined || before === undefined ? [] : immutable(`metadata.${name}`, now, before);
  });
}
