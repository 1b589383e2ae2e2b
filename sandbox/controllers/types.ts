/** Kinds that only the sandbox's own controllers work with. */
import { RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";

export const NODE: ResourceType = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

function namespaced(group: string, kind: string, plural: string): ResourceType {
  return { group, version: "v1", plural, kind, namespaced: true };
}

export const SERVICE_ACCOUNT = namespaced("", "ServiceAccount", "serviceaccounts");
export const CONTROLLER_REVISION = namespaced("apps", "ControllerRevision", "controllerrevisions");
export const JOB = namespaced("batch", "Job", "jobs");

/** Built-in kinds whose objects may own others, be owned, or live in a namespace that is deleted. */
export const BUILT_IN: readonly ResourceType[] = [
  RESOURCES.pod,
  RESOURCES.service,
  RESOURCES.endpoints,
  RESOURCES.endpointSlice,
  RESOURCES.configMap,
  RESOURCES.secret,
  RESOURCES.event,
  RESOURCES.deployment,
  RESOURCES.replicaSet,
  RESOURCES.daemonSet,
  RESOURCES.statefulSet,
  RESOURCES.hpa,
  RESOURCES.lease,
  SERVICE_ACCOUNT,
  CONTROLLER_REVISION,
  JOB,
  namespaced("batch", "CronJob", "cronjobs"),
  namespaced("networking.k8s.io", "Ingress", "ingresses"),
  namespaced("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
  namespaced("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
  namespaced("rbac.authorization.k8s.io", "Role", "roles"),
  namespaced("rbac.authorization.k8s.io", "RoleBinding", "rolebindings"),
  namespaced("", "PersistentVolumeClaim", "persistentvolumeclaims"),
];

/** The node that all pods run on. */
export const NODE_NAME = "sandbox";

export const NODE_LABELS: Readonly<Record<string, string>> = {
  "kubernetes.io/hostname": NODE_NAME,
  "kubernetes.io/os": "linux",
  "kubernetes.io/arch": process.arch === "arm64" ? "arm64" : "amd64",
};

/** Whether a pod's nodeSelector admits the one node. */
export function fitsNode(nodeSelector: Readonly<Record<string, string>> | undefined): boolean {
  return Object.entries(nodeSelector ?? {}).every(([key, value]) => NODE_LABELS[key] === value);
}
