/** Columns of the built-in kinds, as a real API server prints them. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { type ColumnList, labelsText, NONE, text, UNKNOWN, UNSET, wide } from "./column.ts";
import { podColumns } from "./pods.ts";
import { eventColumns, hpaColumns, serviceColumns } from "./traffic.ts";
import {
  cronJobColumns,
  daemonSetColumns,
  deploymentColumns,
  jobColumns,
  replicaSetColumns,
  statefulSetColumns,
} from "./workloads.ts";

const size = (map: KubeFields) => Object.keys(map ?? {}).length;
const dataCount = text("Data", "Number of entries.", ({ data, ...rest }) => size(data) + size(rest["binaryData"]));

const nodeRoles = ({ metadata }: KubeObject) => {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return (
    roles
      .map((label) => label.slice(prefix.length))
      .sort()
      .join(",") || NONE
  );
};

function nodeStatus({ spec, status }: KubeObject): string {
  const ready = status?.conditions?.find((condition: KubeFields) => condition.type === "Ready");
  const words = [ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady"];
  if (spec?.unschedulable === true) words.push("SchedulingDisabled");
  return words.join(",");
}

const nodeAddress = (type: string) => (node: KubeObject) =>
  node.status?.addresses?.find((address: KubeFields) => address.type === type)?.address ?? NONE;

const nodeInfo = (field: string) => (node: KubeObject) => node.status?.nodeInfo?.[field] ?? UNKNOWN;

function endpointsText({ subsets = [] }: KubeObject): string {
  const all: string[] = subsets.flatMap(({ addresses = [], ports = [] }: KubeFields) =>
    ports.length === 0
      ? addresses.map(({ ip }: KubeFields) => ip)
      : ports.flatMap(({ port }: KubeFields) => addresses.map(({ ip }: KubeFields) => `${ip}:${port}`)),
  );
  return shortened(all);
}

function shortened(all: readonly string[]): string {
  if (all.length === 0) return NONE;
  return all.length <= 3 ? all.join(",") : `${all.slice(0, 3).join(",")} + ${all.length - 3} more...`;
}

const sliceAddresses = ({ endpoints = [] }: KubeObject): string[] =>
  endpoints.flatMap(({ addresses = [] }: KubeFields) => addresses);

const roleRef = ({ roleRef: ref }: KubeObject) => `${ref?.kind}/${ref?.name}`;
const subjects = (kind: string, name: (subject: KubeFields) => string) => (binding: KubeObject) =>
  (binding["subjects"] ?? [])
    .filter((subject: KubeFields) => subject.kind === kind)
    .map(name)
    .join(", ");

const bindings: ColumnList = [
  text("Role", "Role that is granted.", roleRef),
  "age",
  wide(
    "Users",
    "Users in the binding.",
    subjects("User", ({ name }) => name),
  ),
  wide(
    "Groups",
    "Groups in the binding.",
    subjects("Group", ({ name }) => name),
  ),
  wide(
    "ServiceAccounts",
    "Service accounts.",
    subjects("ServiceAccount", ({ namespace, name }) => `${namespace}/${name}`),
  ),
];

const ingressHosts = ({ spec }: KubeObject) =>
  shortened((spec?.rules ?? []).map(({ host }: KubeFields) => host ?? "*")).replace(NONE, "*");

const quotaUsage = ({ spec, status }: KubeObject) =>
  Object.entries(spec?.hard ?? {})
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? 0}/${hard}`)
    .join(", ");

const COLUMNS: Readonly<Record<string, ColumnList>> = {
  "/Pod": podColumns,
  "/Service": serviceColumns,
  "/Event": eventColumns,
  "/Namespace": [text("Status", "Phase of the namespace.", ({ status }) => status?.phase ?? ""), "age"],
  "/Node": [
    text("Status", "Whether the node is ready.", nodeStatus),
    text("Roles", "Roles of the node.", nodeRoles),
    "age",
    text("Version", "Version of the kubelet.", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
    wide("Internal-IP", "Address inside the cluster.", nodeAddress("InternalIP")),
    wide("External-IP", "Address outside the cluster.", nodeAddress("ExternalIP")),
    wide("OS-Image", "Operating system.", nodeInfo("osImage")),
    wide("Kernel-Version", "Kernel.", nodeInfo("kernelVersion")),
    wide("Container-Runtime", "What runs containers.", nodeInfo("containerRuntimeVersion")),
  ],
  "/ConfigMap": [dataCount, "age"],
  "/Secret": [text("Type", "What the secret is for.", (secret) => secret["type"] ?? ""), dataCount, "age"],
  "/ServiceAccount": [text("Secrets", "Number of secrets.", (account) => (account["secrets"] ?? []).length), "age"],
  "/Endpoints": [text("Endpoints", "Addresses and ports.", endpointsText), "age"],
  "/ReplicationController": replicaSetColumns,
  "/PersistentVolumeClaim": [
    text("Status", "Phase of the claim.", ({ status }) => status?.phase ?? ""),
    text("Volume", "Volume it is bound to.", ({ spec }) => spec?.volumeName ?? ""),
    text("Capacity", "Size.", ({ status }) => status?.capacity?.storage ?? ""),
    text("Access Modes", "How it may be mounted.", ({ status }) => (status?.accessModes ?? []).join(",")),
    text("StorageClass", "Class of the storage.", ({ spec }) => spec?.storageClassName ?? ""),
    text("VolumeAttributesClass", "Class of attributes.", ({ spec }) => spec?.volumeAttributesClassName ?? UNSET),
    "age",
  ],
  "/ResourceQuota": [
    text("Request", "What is used of what is allowed.", quotaUsage),
    text("Limit", "", () => ""),
    "age",
  ],
  "apps/Deployment": deploymentColumns,
  "apps/ReplicaSet": replicaSetColumns,
  "apps/DaemonSet": daemonSetColumns,
  "apps/StatefulSet": statefulSetColumns,
  "apps/ControllerRevision": [
    text("Controller", "Owner.", ({ metadata }) => {
      const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
      return owner === undefined ? NONE : `${owner.kind.toLowerCase()}.${owner.apiVersion.split("/")[0]}/${owner.name}`;
    }),
    text("Revision", "Revision.", (revision) => revision["revision"] ?? 0, { type: "integer" }),
    "age",
  ],
  "batch/Job": jobColumns,
  "batch/CronJob": cronJobColumns,
  "autoscaling/HorizontalPodAutoscaler": hpaColumns,
  "discovery.k8s.io/EndpointSlice": [
    text("AddressType", "Type of the addresses.", (slice) => slice["addressType"] ?? ""),
    text("Ports", "Ports.", ({ ports }) => shortened((ports ?? []).map(({ port }: KubeFields) => String(port ?? "*")))),
    text("Endpoints", "Addresses.", (slice) => shortened(sliceAddresses(slice))),
    "age",
  ],
  "networking.k8s.io/Ingress": [
    text("Class", "Ingress class.", ({ spec }) => spec?.ingressClassName ?? NONE),
    text("Hosts", "Hosts.", ingressHosts),
    text("Address", "Address of the load balancer.", ({ status }) =>
      (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: KubeFields) => ip ?? hostname).join(","),
    ),
    text("Ports", "Ports.", ({ spec }) => ((spec?.tls ?? []).length > 0 ? "80, 443" : "80")),
    "age",
  ],
  "networking.k8s.io/IngressClass": [
    text("Controller", "Controller.", ({ spec }) => spec?.controller ?? ""),
    text("Parameters", "Parameters.", ({ spec }) => spec?.parameters?.name ?? NONE),
    "age",
  ],
  "networking.k8s.io/NetworkPolicy": [
    text("Pod-Selector", "Pods it is about.", ({ spec }) => labelsText(spec?.podSelector?.matchLabels)),
    "age",
  ],
  "policy/PodDisruptionBudget": [
    text("Min Available", "Pods that must stay.", ({ spec }) => String(spec?.minAvailable ?? "N/A")),
    text("Max Unavailable", "Pods that may go.", ({ spec }) => String(spec?.maxUnavailable ?? "N/A")),
    text("Allowed Disruptions", "Pods that may go now.", ({ status }) => status?.disruptionsAllowed ?? 0, {
      type: "integer",
    }),
    "age",
  ],
  "coordination.k8s.io/Lease": [text("Holder", "Who holds it.", ({ spec }) => spec?.holderIdentity ?? ""), "age"],
  "rbac.authorization.k8s.io/RoleBinding": bindings,
  "rbac.authorization.k8s.io/ClusterRoleBinding": bindings,
  "scheduling.k8s.io/PriorityClass": [
    text("Value", "Priority.", (object) => object["value"] ?? 0, { type: "integer" }),
    text("Global-Default", "Whether it is the default.", (object) => object["globalDefault"] ?? false, {
      type: "boolean",
    }),
    "age",
    text("PreemptionPolicy", "Whether it displaces others.", (object) => object["preemptionPolicy"] ?? ""),
  ],
  "storage.k8s.io/StorageClass": [
    text("Provisioner", "Provisioner.", (object) => object["provisioner"] ?? ""),
    text("ReclaimPolicy", "What happens to released volumes.", (object) => object["reclaimPolicy"] ?? ""),
    text("VolumeBindingMode", "When volumes are bound.", (object) => object["volumeBindingMode"] ?? ""),
    text("AllowVolumeExpansion", "May grow.", (object) => object["allowVolumeExpansion"] ?? false, { type: "boolean" }),
    "age",
  ],
};

/** Columns after the name; undefined for kinds that show only their name and creation time. */
export function builtinColumns(group: string, kind: string): ColumnList | undefined {
  return COLUMNS[`${group}/${kind}`];
}
