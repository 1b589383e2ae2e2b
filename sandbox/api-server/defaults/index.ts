/** What the API server fills into built-in objects on every write. Custom resources have defaults in their schema. */
import { Buffer } from "node:buffer";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { defaultCrd } from "../crd.ts";
import { defaultPod, defaultPodSpec } from "./pods.ts";
import {
  defaultAutoscaler,
  defaultClaim,
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultReplicaSet,
  defaultReplicationController,
  defaultStatefulSet,
} from "./workloads.ts";

const RBAC = "rbac.authorization.k8s.io";

const DEFAULTS: Readonly<Record<string, (object: KubeObject) => void>> = {
  "/Namespace": defaultNamespace,
  "/Pod": defaultPod,
  "/PodTemplate": ({ template }) => {
    if (template?.spec !== undefined) defaultPodSpec(template.spec);
  },
  "/ReplicationController": defaultReplicationController,
  "/Service": defaultService,
  "/Secret": defaultSecret,
  "/Endpoints": ({ subsets }) => {
    for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= "TCP";
  },
  "/PersistentVolumeClaim": defaultClaim,
  "apps/Deployment": defaultDeployment,
  "apps/ReplicaSet": defaultReplicaSet,
  "apps/DaemonSet": defaultDaemonSet,
  "apps/StatefulSet": defaultStatefulSet,
  "batch/Job": defaultJob,
  "batch/CronJob": defaultCronJob,
  "autoscaling/HorizontalPodAutoscaler": defaultAutoscaler,
  "apiextensions.k8s.io/CustomResourceDefinition": defaultCrd,
  "discovery.k8s.io/EndpointSlice": ({ ports }) => {
    for (const port of ports ?? []) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
  "networking.k8s.io/NetworkPolicy": defaultNetworkPolicy,
  "storage.k8s.io/StorageClass": (object) => {
    object["reclaimPolicy"] ??= "Delete";
    object["volumeBindingMode"] ??= "Immediate";
  },
  "scheduling.k8s.io/PriorityClass": (object) => {
    object["preemptionPolicy"] ??= "PreemptLowerPriority";
  },
  [`${RBAC}/RoleBinding`]: defaultBinding,
  [`${RBAC}/ClusterRoleBinding`]: defaultBinding,
};

/** Fills a built-in object, in its stored version, in place. */
export function defaultBuiltin(group: string, object: KubeObject): void {
  DEFAULTS[`${group}/${object.kind}`]?.(object);
  const status = STATUS[`${group}/${object.kind}`];
  if (status !== undefined) object.status ??= { ...status };
}

/** The status of a new object: the numbers that Go does not omit. */
const STATUS: Readonly<Record<string, KubeFields>> = {
  "/ResourceQuota": {},
  "apps/Deployment": {},
  "apps/ReplicaSet": { replicas: 0 },
  "apps/DaemonSet": { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
  "apps/StatefulSet": { availableReplicas: 0, replicas: 0 },
  "batch/Job": {},
  "batch/CronJob": {},
  "autoscaling/HorizontalPodAutoscaler": { currentMetrics: null, desiredReplicas: 0 },
  "policy/PodDisruptionBudget": { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
  "networking.k8s.io/Ingress": { loadBalancer: {} },
};

/** Adds the structs that every object of a kind has in Go, so that validation reports their missing fields. */
export function fillStructs(group: string, object: KubeObject): void {
  if (group === "coordination.k8s.io") object.spec ??= {};
  if (group !== "apps" || object.kind === "ControllerRevision") return;
  object.spec ??= {};
  if (!isStruct(object.spec)) return;
  object.spec.template ??= {};
  if (isStruct(object.spec.template)) object.spec.template.spec ??= {};
}

const isStruct = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

function defaultNamespace(namespace: KubeObject): void {
  const { metadata } = namespace;
  metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  namespace.spec ??= {};
  if (metadata.deletionTimestamp === undefined) namespace.spec.finalizers ??= ["kubernetes"];
  namespace.status ??= {};
  namespace.status.phase ??= "Active";
}

function defaultService(service: KubeObject): void {
  const { spec } = service;
  if (spec === undefined) return;
  spec.sessionAffinity ??= "None";
  spec.type ??= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ??= "TCP";
    port.targetPort ??= port.port;
  }
  if (spec.sessionAffinity === "ClientIP") {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
  } else delete spec.sessionAffinityConfig;
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "NodePort" || spec.type === "LoadBalancer") spec.externalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
  service.status ??= {};
  service.status.loadBalancer ??= {};
}

/** stringData is for writing only: it ends up in data. */
function defaultSecret(secret: KubeObject): void {
  const texts: KubeFields = secret["stringData"];
  if (texts !== undefined) {
    secret.data = { ...secret.data };
    for (const [key, text] of Object.entries(texts)) secret.data[key] = Buffer.from(String(text)).toString("base64");
    delete secret["stringData"];
  }
  secret["type"] ??= "Opaque";
}

function defaultNetworkPolicy({ spec }: KubeObject): void {
  if (spec === undefined) return;
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ??= "TCP";
  }
  if ((spec.policyTypes ?? []).length === 0) {
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  }
}

function defaultBinding(binding: KubeObject): void {
  if (binding["roleRef"] !== undefined) binding["roleRef"].apiGroup ??= RBAC;
  for (const subject of binding["subjects"] ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ??= RBAC;
    if (subject.kind === "ServiceAccount" && subject.apiGroup === "") delete subject.apiGroup;
  }
}
