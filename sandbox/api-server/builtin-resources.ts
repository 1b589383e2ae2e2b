/** The built-in resources, as `kubectl api-resources` lists them. */
import type { Resource, ResourceVersion, ScalePaths, Subresource } from "./resource.ts";
import { builtinSchema, crdSchema, type ObjectSchema } from "./schema/index.ts";

interface Traits {
  readonly short?: string;
  readonly categories?: readonly string[];
  readonly cluster?: boolean;
  readonly status?: boolean;
  readonly scale?: ScalePaths;
  readonly generation?: boolean;
  readonly singular?: string;
  readonly verbs?: readonly string[];
  readonly subresources?: readonly Subresource[];
  readonly versionRequired?: boolean;
  readonly createOnUpdate?: boolean;
  readonly storage?: Resource["storage"];
}

export const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

const REPLICAS: ScalePaths = { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas" };
const WORKLOAD: Traits = { categories: ["all"], status: true, generation: true };
const SCALED: Traits = { ...WORKLOAD, scale: REPLICAS };

const LOG: Subresource = { name: "log", group: "", version: "", kind: "Pod", verbs: ["get"] };
const STREAMS: readonly Subresource[] = [
  ["exec", "PodExecOptions"],
  ["attach", "PodAttachOptions"],
  ["portforward", "PodPortForwardOptions"],
].map(([name = "", kind = ""]) => ({ name, group: "", version: "", kind, verbs: ["create", "get"] }));
const EVICTION: Subresource = {
  name: "eviction",
  group: "policy",
  version: "v1",
  kind: "Eviction",
  verbs: ["create"],
};
const TOKEN: Subresource = {
  name: "token",
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenRequest",
  verbs: ["create"],
};
const FINALIZE: Subresource = { name: "finalize", group: "", version: "", kind: "Namespace", verbs: ["update"] };

/** Namespaces go one at a time. */
const ONE_BY_ONE = ALL_VERBS.filter((verb) => verb !== "deletecollection");

const REVIEW: Traits = { cluster: true, verbs: ["create"] };

type Row = readonly [kind: string, plural: string, traits?: Traits];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  v1: [
    [
      "Namespace",
      "namespaces",
      { short: "ns", cluster: true, status: true, subresources: [FINALIZE], verbs: ONE_BY_ONE },
    ],
    ["Node", "nodes", { short: "no", cluster: true, status: true }],
    ["Pod", "pods", { short: "po", categories: ["all"], status: true, subresources: [LOG, EVICTION, ...STREAMS] }],
    ["Service", "services", { short: "svc", categories: ["all"], status: true }],
    ["ServiceAccount", "serviceaccounts", { short: "sa", subresources: [TOKEN] }],
    ["ConfigMap", "configmaps", { short: "cm" }],
    ["Secret", "secrets"],
    ["Endpoints", "endpoints", { short: "ep", singular: "endpoints", createOnUpdate: true }],
    ["Event", "events", { short: "ev", createOnUpdate: true }],
    ["ReplicationController", "replicationcontrollers", { ...SCALED, short: "rc" }],
    ["PersistentVolumeClaim", "persistentvolumeclaims", { short: "pvc", status: true }],
    ["PersistentVolume", "persistentvolumes", { short: "pv", cluster: true, status: true }],
    ["PodTemplate", "podtemplates"],
    ["LimitRange", "limitranges", { short: "limits", createOnUpdate: true }],
    ["ResourceQuota", "resourcequotas", { short: "quota", status: true }],
  ],
  "apps/v1": [
    ["Deployment", "deployments", { ...SCALED, short: "deploy" }],
    ["ReplicaSet", "replicasets", { ...SCALED, short: "rs" }],
    ["StatefulSet", "statefulsets", { ...SCALED, short: "sts" }],
    ["DaemonSet", "daemonsets", { ...WORKLOAD, short: "ds" }],
    ["ControllerRevision", "controllerrevisions"],
  ],
  "autoscaling/v2 v1": [
    ["HorizontalPodAutoscaler", "horizontalpodautoscalers", { short: "hpa", categories: ["all"], status: true }],
  ],
  "batch/v1": [
    ["Job", "jobs", WORKLOAD],
    ["CronJob", "cronjobs", { ...WORKLOAD, short: "cj" }],
  ],
  "networking.k8s.io/v1": [
    ["Ingress", "ingresses", { short: "ing", status: true, generation: true }],
    ["IngressClass", "ingressclasses", { cluster: true, generation: true }],
    ["NetworkPolicy", "networkpolicies", { short: "netpol", generation: true }],
  ],
  "policy/v1": [
    [
      "PodDisruptionBudget",
      "poddisruptionbudgets",
      { short: "pdb", status: true, generation: true, versionRequired: true },
    ],
  ],
  "rbac.authorization.k8s.io/v1": [
    ["ClusterRole", "clusterroles", { cluster: true, createOnUpdate: true }],
    ["ClusterRoleBinding", "clusterrolebindings", { cluster: true, createOnUpdate: true }],
    ["Role", "roles", { createOnUpdate: true }],
    ["RoleBinding", "rolebindings", { createOnUpdate: true }],
  ],
  "coordination.k8s.io/v1": [["Lease", "leases", { versionRequired: true, createOnUpdate: true }]],
  "discovery.k8s.io/v1": [["EndpointSlice", "endpointslices", { generation: true }]],
  "events.k8s.io/v1": [
    ["Event", "events", { short: "ev", storage: { group: "", version: "v1", plural: "events" }, createOnUpdate: true }],
  ],
  "scheduling.k8s.io/v1": [["PriorityClass", "priorityclasses", { short: "pc", cluster: true, generation: true }]],
  "storage.k8s.io/v1": [["StorageClass", "storageclasses", { short: "sc", cluster: true }]],
  "apiextensions.k8s.io/v1": [
    [
      "CustomResourceDefinition",
      "customresourcedefinitions",
      {
        short: "crd crds",
        categories: ["api-extensions"],
        cluster: true,
        status: true,
        generation: true,
        versionRequired: true,
      },
    ],
  ],
  "apiregistration.k8s.io/v1": [
    ["APIService", "apiservices", { cluster: true, status: true, categories: ["api-extensions"] }],
  ],
  // Stored, so that installation manifests can be applied; policies are asked (admission/policies.ts), webhooks are
  // not.
  "admissionregistration.k8s.io/v1": [
    [
      "ValidatingAdmissionPolicy",
      "validatingadmissionpolicies",
      { cluster: true, status: true, generation: true, categories: ["api-extensions"] },
    ],
    [
      "ValidatingAdmissionPolicyBinding",
      "validatingadmissionpolicybindings",
      { cluster: true, generation: true, categories: ["api-extensions"] },
    ],
    [
      "MutatingWebhookConfiguration",
      "mutatingwebhookconfigurations",
      { cluster: true, generation: true, categories: ["api-extensions"] },
    ],
    [
      "ValidatingWebhookConfiguration",
      "validatingwebhookconfigurations",
      { cluster: true, generation: true, categories: ["api-extensions"] },
    ],
  ],
  "authentication.k8s.io/v1": [
    ["SelfSubjectReview", "selfsubjectreviews", REVIEW],
    ["TokenReview", "tokenreviews", REVIEW],
  ],
  "authorization.k8s.io/v1": [
    ["SelfSubjectAccessReview", "selfsubjectaccessreviews", REVIEW],
    ["SelfSubjectRulesReview", "selfsubjectrulesreviews", REVIEW],
    ["SubjectAccessReview", "subjectaccessreviews", REVIEW],
    ["LocalSubjectAccessReview", "localsubjectaccessreviews", { verbs: ["create"] }],
  ],
};

let anything: ObjectSchema | undefined;

/** For kinds that no client-node model describes here: any field is taken. */
function anySchema(): ObjectSchema {
  anything ??= crdSchema(undefined);
  return anything;
}

function builtin(groupVersions: string, [kind, plural, traits = {}]: Row): Resource {
  const [group = "", versions = ""] = groupVersions.includes("/") ? groupVersions.split("/") : ["", groupVersions];
  const names = versions.split(" ");
  const version = (name: string): ResourceVersion => ({
    name,
    schema: () => builtinSchema(group, name, kind) ?? anySchema(),
    status: traits.status ?? false,
    ...(traits.scale && { scale: traits.scale }),
  });
  return {
    group,
    plural,
    kind,
    singular: traits.singular ?? kind.toLowerCase(),
    listKind: `${kind}List`,
    namespaced: traits.cluster !== true,
    shortNames: traits.short?.split(" ") ?? [],
    categories: traits.categories ?? [],
    versions: names.map(version),
    storage: traits.storage ?? { group, version: names[0] ?? "", plural },
    generation: traits.generation ?? false,
    custom: false,
    verbs: traits.verbs ?? ALL_VERBS,
    subresources: traits.subresources ?? [],
    versionRequired: traits.versionRequired ?? false,
    createOnUpdate: traits.createOnUpdate ?? false,
  };
}

/** Every built-in resource, core group first. */
export const BUILTIN_RESOURCES: readonly Resource[] = Object.entries(ROWS).flatMap(([groupVersions, rows]) =>
  rows.map((row) => builtin(groupVersions, row)),
);
