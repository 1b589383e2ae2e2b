/** The roles and bindings that every cluster has from the start, as far as something in a sandbox asks for them. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import type { Store } from "../store.ts";

const RBAC = "rbac.authorization.k8s.io";
const READ = ["get", "list", "watch"];
const WRITE = ["create", "delete", "deletecollection", "patch", "update"];
const CORE = ["configmaps", "endpoints", "events", "pods", "pods/log", "services", "serviceaccounts", "resourcequotas"];
const APPS = ["deployments", "daemonsets", "replicasets", "statefulsets", "controllerrevisions"];

/** Rules of `view`, and what `edit` and `admin` add to it. */
const VIEW: readonly KubeFields[] = [
  {
    apiGroups: [""],
    resources: [...CORE, "namespaces", "replicationcontrollers", "persistentvolumeclaims"],
    verbs: READ,
  },
  { apiGroups: ["apps"], resources: [...APPS, ...APPS.map((name) => `${name}/status`)], verbs: READ },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: READ },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: READ },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "networkpolicies"], verbs: READ },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
];
const EDIT: readonly KubeFields[] = [
  {
    apiGroups: [""],
    resources: ["secrets", "pods/exec", "pods/attach", "pods/portforward"],
    verbs: [...READ, ...WRITE],
  },
  {
    apiGroups: [""],
    resources: CORE.filter((name) => name !== "resourcequotas").concat("pods/eviction", "persistentvolumeclaims"),
    verbs: WRITE,
  },
  { apiGroups: ["apps"], resources: [...APPS, ...APPS.map((name) => `${name}/scale`)], verbs: WRITE },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: WRITE },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: WRITE },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "networkpolicies"], verbs: WRITE },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: WRITE },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...READ, ...WRITE] },
];
const ADMIN: readonly KubeFields[] = [
  { apiGroups: [RBAC], resources: ["roles", "rolebindings"], verbs: [...READ, ...WRITE] },
  { apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"], verbs: ["create"] },
];

const PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"];
const DISCOVERY: KubeFields = { nonResourceURLs: [...PATHS, "/version", "/version/"], verbs: ["get"] };
const SELF = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
const BASIC: readonly KubeFields[] = [
  { apiGroups: ["authorization.k8s.io"], resources: SELF, verbs: ["create"] },
  { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
];

interface Bootstrap {
  readonly rules: readonly KubeFields[];
  /** The role is made of all roles with the label `aggregate-to-NAME`. */
  readonly aggregates?: boolean;
  /** The role is a part of these. */
  readonly partOf?: readonly string[];
  /** Groups that the role is bound to. */
  readonly groups?: readonly string[];
}

const EVERYTHING: readonly KubeFields[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

const ROLES: Readonly<Record<string, Bootstrap>> = {
  "cluster-admin": { rules: EVERYTHING, groups: ["system:masters"] },
  admin: { rules: [...ADMIN, ...EDIT, ...VIEW], aggregates: true },
  edit: { rules: [...EDIT, ...VIEW], aggregates: true, partOf: ["admin"] },
  view: { rules: VIEW, aggregates: true, partOf: ["edit"] },
  "system:aggregate-to-admin": { rules: ADMIN, partOf: ["admin"] },
  "system:aggregate-to-edit": { rules: EDIT, partOf: ["edit"] },
  "system:aggregate-to-view": { rules: VIEW, partOf: ["view"] },
  "system:discovery": { rules: [DISCOVERY], groups: ["system:authenticated"] },
  "system:basic-user": { rules: BASIC, groups: ["system:authenticated"] },
};

/** Creates them in an empty store. */
export function createBootstrapRoles(store: Store): void {
  const roles = store.registry.find(RBAC, "v1", "clusterroles");
  const bindings = store.registry.find(RBAC, "v1", "clusterrolebindings");
  if (roles === undefined || bindings === undefined) throw new Error("the resources of RBAC are not registered");
  const apiVersion = `${RBAC}/v1`;
  const bootstrapping = { "kubernetes.io/bootstrapping": "rbac-defaults" };
  const key = (name: string) => `${RBAC}/aggregate-to-${name}`;
  for (const [name, { rules, aggregates, partOf = [], groups = [] }] of Object.entries(ROLES)) {
    const parts = Object.fromEntries(partOf.map((whole) => [key(whole), "true"]));
    const aggregation = { clusterRoleSelectors: [{ matchLabels: { [key(name)]: "true" } }] };
    const role = {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name, labels: { ...bootstrapping, ...parts } },
      ...(aggregates === true && { aggregationRule: aggregation }),
      rules: [...rules],
    };
    store.insert(roles, role, {});
    if (groups.length === 0) continue;
    const subjects = groups.map((group) => ({ kind: "Group", apiGroup: RBAC, name: group }));
    const roleRef = { apiGroup: RBAC, kind: "ClusterRole", name };
    const binding = {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name, labels: bootstrapping },
      subjects,
      roleRef,
    };
    store.insert(bindings, binding, {});
  }
}
