/**
 * What client-node's models do not say about the fields of built-in kinds: how lists are merged and what is atomic.
 * Source: the `patchStrategy`, `+listType`, `+listMapKey`, `+structType` and `+mapType` markers of k8s.io/api v1.34.
 *
 * Strategic merge and server-side apply identify the elements of a list by DIFFERENT keys where the table says so:
 * container ports are `containerPort` for a patch, `containerPort,protocol` for an apply. A wrong key corrupts pod
 * templates silently, so every line here is guarded by field-tables.test.ts.
 */

interface ListKeys {
  /** The one key of strategic merge patch; absent: the list is replaced. */
  readonly patch?: string;
  /** The keys of server-side apply. */
  readonly apply: readonly string[];
}

/** "field: key" lines; a second word names differing apply keys ("-" = atomic list), a third the patch strategies. */
const LISTS = `
ObjectMeta.ownerReferences        uid
PodSpec.volumes                   name            name merge,retainKeys
PodSpec.initContainers            name
PodSpec.containers                name
PodSpec.ephemeralContainers       name
PodSpec.imagePullSecrets          name
PodSpec.hostAliases               ip
PodSpec.topologySpreadConstraints topologyKey     topologyKey,whenUnsatisfiable
PodSpec.schedulingGates           name
PodSpec.resourceClaims            name            name merge,retainKeys
PodStatus.conditions              type
PodStatus.hostIPs                 ip              -
PodStatus.podIPs                  ip
PodStatus.resourceClaimStatuses   name            name merge,retainKeys
Container.ports                   containerPort   containerPort,protocol
Container.env                     name
Container.volumeMounts            mountPath
Container.volumeDevices           devicePath
EphemeralContainer.ports          containerPort   containerPort,protocol
EphemeralContainer.env            name
EphemeralContainer.volumeMounts   mountPath
EphemeralContainer.volumeDevices  devicePath
ContainerStatus.volumeMounts      mountPath
ContainerStatus.allocatedResourcesStatus name
ServiceSpec.ports                 port            port,protocol
ServiceStatus.conditions          type
ServiceAccount.secrets            name
NodeStatus.conditions             type
NodeStatus.addresses              type
NamespaceStatus.conditions        type
ReplicationControllerStatus.conditions type
PersistentVolumeClaimStatus.conditions type
DeploymentStatus.conditions       type
StatefulSetStatus.conditions      type
DaemonSetStatus.conditions        type
ReplicaSetStatus.conditions       type
HorizontalPodAutoscalerStatus.conditions type
JobStatus.conditions              type            -
PodDisruptionBudgetStatus.conditions type
`;

/** Lists that server-side apply merges by keys although strategic merge replaces them. */
const APPLY_ONLY: readonly (readonly [string, readonly string[]])[] = [
  ["ResourceRequirements.claims", ["name"]],
  ["ResourceStatus.resources", ["resourceID"]],
  ["CustomResourceDefinitionStatus.conditions", ["type"]],
];

const ROWS = LISTS.trim()
  .split("\n")
  .map((line) => {
    const [field = "", patch = "", apply = patch, strategies = "merge"] = line.split(/\s+/);
    return { field, patch, apply: apply === "-" ? [] : apply.split(","), strategies: strategies.split(",") };
  });

/** The keys of lists that server-side apply merges element by element. */
export const LIST_KEYS: ReadonlyMap<string, ListKeys> = new Map<string, ListKeys>([
  ...ROWS.filter(({ apply }) => apply.length > 0).map(
    ({ field, patch, apply }) => [field, { patch, apply }] as [string, ListKeys],
  ),
  ...APPLY_ONLY.map(([field, apply]) => [field, { apply }] as [string, ListKeys]),
]);

/**
 * How strategic merge patch treats a field; a field that is not here is merged (objects) or replaced (everything else).
 */
export const PATCH_STRATEGIES: ReadonlyMap<string, { strategies: readonly string[]; key?: string }> = new Map<
  string,
  { strategies: readonly string[]; key?: string }
>([
  ...ROWS.map(
    ({ field, patch, strategies }) =>
      [field, { strategies, key: patch }] as [string, { strategies: string[]; key: string }],
  ),
  ["DeploymentSpec.strategy", { strategies: ["retainKeys"] }],
  ["ObjectMeta.finalizers", { strategies: ["merge"] }],
  ["NodeSpec.podCIDRs", { strategies: ["merge"] }],
  ["PodDisruptionBudgetSpec.selector", { strategies: ["replace"] }],
]);

/** Lists of scalars whose elements are owned one by one. */
export const SET_LISTS: ReadonlySet<string> = new Set([
  "ObjectMeta.finalizers",
  "NodeSpec.podCIDRs",
  "Endpoint.addresses",
  "PodFailurePolicyOnExitCodesRequirement.values",
  "ContainerRestartRuleOnExitCodes.values",
  "UncountedTerminatedPods.succeeded",
  "UncountedTerminatedPods.failed",
]);

/** Types that server-side apply replaces as a whole, wherever they are used. */
export const WHOLE_TYPES: ReadonlySet<string> = new Set([
  "CrossVersionObjectReference",
  "SecretReference",
  "FileKeySelector",
  "ObjectFieldSelector",
  "ResourceFieldSelector",
  "ConfigMapKeySelector",
  "SecretKeySelector",
  "NodeSelector",
  "NodeSelectorTerm",
  "TopologySelectorTerm",
  "ObjectReference",
  "LocalObjectReference",
  "TypedLocalObjectReference",
  "EndpointAddress",
  "EndpointPort",
  "OwnerReference",
  "LabelSelector",
  "ServiceBackendPort",
  "Subject",
  "RoleRef",
  "ScopeSelector",
]);

/** Single fields (mostly maps of strings) that server-side apply replaces as a whole. */
export const WHOLE_FIELDS: ReadonlySet<string> = new Set([
  "PodSpec.nodeSelector",
  "ReplicationControllerSpec.selector",
  "ServiceSpec.selector",
]);

/** Fields that hold resource quantities, or maps of them. */
export const QUANTITY_FIELDS: ReadonlySet<string> = new Set(
  `HPAScalingRules.tolerance MetricTarget.value MetricTarget.averageValue MetricValueStatus.value
  MetricValueStatus.averageValue PersistentVolumeSpec.capacity PersistentVolumeClaimStatus.capacity
  PersistentVolumeClaimStatus.allocatedResources EmptyDirVolumeSource.sizeLimit ResourceFieldSelector.divisor
  ResourceRequirements.limits ResourceRequirements.requests VolumeResourceRequirements.limits
  VolumeResourceRequirements.requests ContainerStatus.allocatedResources PodSpec.overhead
  NodeStatus.capacity NodeStatus.allocatable LimitRangeItem.max LimitRangeItem.min LimitRangeItem.default
  LimitRangeItem.defaultRequest LimitRangeItem.maxLimitRequestRatio ResourceQuotaSpec.hard ResourceQuotaStatus.hard
  ResourceQuotaStatus.used`.split(/\s+/),
);
