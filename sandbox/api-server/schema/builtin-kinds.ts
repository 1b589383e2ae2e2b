/** Which client-node model describes which built-in kind. */
import { modelNode } from "./models.ts";
import type { ObjectSchema } from "./node.ts";

/** Kinds by group/version; a kind's model is "V1" + kind unless written as "Kind=Model". */
const KINDS: Readonly<Record<string, string>> = {
  v1: `Namespace Node Pod Service ServiceAccount ConfigMap Secret Endpoints ReplicationController PersistentVolumeClaim
    PersistentVolume PodTemplate LimitRange ResourceQuota Event=CoreV1Event`,
  "apps/v1": "Deployment DaemonSet StatefulSet ReplicaSet ControllerRevision",
  "autoscaling/v1": "HorizontalPodAutoscaler Scale",
  "autoscaling/v2": "HorizontalPodAutoscaler=V2HorizontalPodAutoscaler",
  "batch/v1": "Job CronJob",
  "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
  "policy/v1": "PodDisruptionBudget Eviction",
  "rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
  "coordination.k8s.io/v1": "Lease",
  "discovery.k8s.io/v1": "EndpointSlice",
  "events.k8s.io/v1": "Event=EventsV1Event",
  "scheduling.k8s.io/v1": "PriorityClass",
  "apiextensions.k8s.io/v1": "CustomResourceDefinition",
  "storage.k8s.io/v1": "StorageClass",
  "admissionregistration.k8s.io/v1": "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
};

/** One built-in kind and the model it is read from. */
export interface BuiltinKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly model: string;
}

/** Every built-in kind this room has a schema for. */
export const BUILTIN_KINDS: readonly BuiltinKind[] = Object.entries(KINDS).flatMap(([apiVersion, kinds]) => {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return kinds.split(/\s+/).map((entry) => {
    const [kind = "", model = `V1${kind}`] = entry.split("=");
    return { group, version, kind, model };
  });
});

const schemas = new Map<string, ObjectSchema>();

/** The schema of a built-in kind, read on first use; undefined for kinds that are not built in. */
export function builtinSchema(group: string, version: string, kind: string): ObjectSchema | undefined {
  const id = `${group}/${version}/${kind}`;
  const known = schemas.get(id);
  if (known !== undefined) return known;
  const found = BUILTIN_KINDS.find(
    (entry) => entry.group === group && entry.version === version && entry.kind === kind,
  );
  if (found === undefined) return undefined;
  const schema = { root: modelNode(found.model), custom: false };
  schemas.set(id, schema);
  return schema;
}
