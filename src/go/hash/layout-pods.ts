/**
 * The Go types of a pod template and of a Service spec (Kubernetes API v0.36), in declaration order: what the spec hash
 * runs over. Order and spelling are the hash: a changed letter here rolls every canary of every user.
 *
 *   PodSpec = Volumes:[]Volume RestartPolicy:RestartPolicy ...    field:type, type as Go writes it without "v1."
 *   AzureDiskVolumeSource = DataDiskURI=diskURI:string            field=jsonKey where lowering the capitals does not do
 *   Volume = Name:string ...VolumeSource                          embedded: its keys sit in the parent's JSON
 */
export const POD_TYPES = `
PodTemplateSpec = ObjectMeta=metadata:ObjectMeta Spec:PodSpec
ObjectMeta = Name:string GenerateName:string Namespace:string SelfLink:string UID:types.UID ResourceVersion:string
  Generation:int64 CreationTimestamp:Time DeletionTimestamp:*Time DeletionGracePeriodSeconds:*int64
  Labels:map[string]string Annotations:map[string]string OwnerReferences:[]OwnerReference Finalizers:[]string
  ManagedFields:[]ManagedFieldsEntry
OwnerReference = APIVersion:string Kind:string Name:string UID:types.UID Controller:*bool BlockOwnerDeletion:*bool
ManagedFieldsEntry = Manager:string Operation:ManagedFieldsOperationType APIVersion:string Time:*Time
  FieldsType:string FieldsV1:*FieldsV1 Subresource:string
PodSpec = Volumes:[]Volume InitContainers:[]Container Containers:[]Container
  EphemeralContainers:[]EphemeralContainer RestartPolicy:RestartPolicy TerminationGracePeriodSeconds:*int64
  ActiveDeadlineSeconds:*int64 DNSPolicy:DNSPolicy NodeSelector:map[string]string ServiceAccountName:string
  DeprecatedServiceAccount=serviceAccount:string AutomountServiceAccountToken:*bool NodeName:string HostNetwork:bool
  HostPID:bool HostIPC:bool ShareProcessNamespace:*bool SecurityContext:*PodSecurityContext
  ImagePullSecrets:[]LocalObjectReference Hostname:string Subdomain:string Affinity:*Affinity SchedulerName:string
  Tolerations:[]Toleration HostAliases:[]HostAlias PriorityClassName:string Priority:*int32 DNSConfig:*PodDNSConfig
  ReadinessGates:[]PodReadinessGate RuntimeClassName:*string EnableServiceLinks:*bool
  PreemptionPolicy:*PreemptionPolicy Overhead:ResourceList TopologySpreadConstraints:[]TopologySpreadConstraint
  SetHostnameAsFQDN:*bool OS:*PodOS HostUsers:*bool SchedulingGates:[]PodSchedulingGate
  ResourceClaims:[]PodResourceClaim Resources:*ResourceRequirements HostnameOverride:*string
  SchedulingGroup:*PodSchedulingGroup
Volume = Name:string ...VolumeSource
LocalObjectReference = Name:string
ObjectFieldSelector = APIVersion:string FieldPath:string
ResourceFieldSelector = ContainerName:string Resource:string Divisor:resource.Quantity
LabelSelector = MatchLabels:map[string]string MatchExpressions:[]LabelSelectorRequirement
LabelSelectorRequirement = Key:string Operator:LabelSelectorOperator Values:[]string
Container = Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]ContainerPort
  EnvFrom:[]EnvFromSource Env:[]EnvVar Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy
  RestartPolicy:*ContainerRestartPolicy RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount
  VolumeDevices:[]VolumeDevice LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle
  TerminationMessagePath:string TerminationMessagePolicy:TerminationMessagePolicy ImagePullPolicy:PullPolicy
  SecurityContext:*SecurityContext Stdin:bool StdinOnce:bool TTY:bool
ContainerPort = Name:string HostPort:int32 ContainerPort:int32 Protocol:Protocol HostIP:string
EnvFromSource = Prefix:string ConfigMapRef:*ConfigMapEnvSource SecretRef:*SecretEnvSource
ConfigMapEnvSource = ...LocalObjectReference Optional:*bool
SecretEnvSource = ...LocalObjectReference Optional:*bool
EnvVar = Name:string Value:string ValueFrom:*EnvVarSource
EnvVarSource = FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector
  ConfigMapKeyRef:*ConfigMapKeySelector SecretKeyRef:*SecretKeySelector FileKeyRef:*FileKeySelector
ConfigMapKeySelector = ...LocalObjectReference Key:string Optional:*bool
SecretKeySelector = ...LocalObjectReference Key:string Optional:*bool
FileKeySelector = VolumeName:string Path:string Key:string Optional:*bool
ResourceRequirements = Limits:ResourceList Requests:ResourceList Claims:[]ResourceClaim
ResourceClaim = Name:string Request:string
ContainerResizePolicy = ResourceName:ResourceName RestartPolicy:ResourceResizeRestartPolicy
ContainerRestartRule = Action:ContainerRestartRuleAction ExitCodes:*ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes = Operator:ContainerRestartRuleOnExitCodesOperator Values:[]int32
VolumeMount = Name:string ReadOnly:bool RecursiveReadOnly:*RecursiveReadOnlyMode MountPath:string SubPath:string
  MountPropagation:*MountPropagationMode SubPathExpr:string
VolumeDevice = Name:string DevicePath:string
Probe = ...ProbeHandler InitialDelaySeconds:int32 TimeoutSeconds:int32 PeriodSeconds:int32 SuccessThreshold:int32
  FailureThreshold:int32 TerminationGracePeriodSeconds:*int64
ProbeHandler = Exec:*ExecAction HTTPGet:*HTTPGetAction TCPSocket:*TCPSocketAction GRPC:*GRPCAction
ExecAction = Command:[]string
HTTPGetAction = Path:string Port:intstr.IntOrString Host:string Scheme:URIScheme HTTPHeaders:[]HTTPHeader
HTTPHeader = Name:string Value:string
TCPSocketAction = Port:intstr.IntOrString Host:string
GRPCAction = Port:int32 Service:*string
Lifecycle = PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:*Signal
LifecycleHandler = Exec:*ExecAction HTTPGet:*HTTPGetAction TCPSocket:*TCPSocketAction Sleep:*SleepAction
SleepAction = Seconds:int64
SecurityContext = Capabilities:*Capabilities Privileged:*bool SELinuxOptions:*SELinuxOptions
  WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool
  ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*ProcMountType
  SeccompProfile:*SeccompProfile AppArmorProfile:*AppArmorProfile
Capabilities = Add:[]Capability Drop:[]Capability
SELinuxOptions = User:string Role:string Type:string Level:string
WindowsSecurityContextOptions = GMSACredentialSpecName:*string GMSACredentialSpec:*string RunAsUserName:*string
  HostProcess:*bool
SeccompProfile = Type:SeccompProfileType LocalhostProfile:*string
AppArmorProfile = Type:AppArmorProfileType LocalhostProfile:*string
EphemeralContainer = ...EphemeralContainerCommon TargetContainerName:string
EphemeralContainerCommon = Name:string Image:string Command:[]string Args:[]string WorkingDir:string
  Ports:[]ContainerPort EnvFrom:[]EnvFromSource Env:[]EnvVar Resources:ResourceRequirements
  ResizePolicy:[]ContainerResizePolicy RestartPolicy:*ContainerRestartPolicy
  RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice
  LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath:string
  TerminationMessagePolicy:TerminationMessagePolicy ImagePullPolicy:PullPolicy SecurityContext:*SecurityContext
  Stdin:bool StdinOnce:bool TTY:bool
PodSecurityContext = SELinuxOptions:*SELinuxOptions WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*int64
  RunAsGroup:*int64 RunAsNonRoot:*bool SupplementalGroups:[]int64 SupplementalGroupsPolicy:*SupplementalGroupsPolicy
  FSGroup:*int64 Sysctls:[]Sysctl FSGroupChangePolicy:*PodFSGroupChangePolicy SeccompProfile:*SeccompProfile
  AppArmorProfile:*AppArmorProfile SELinuxChangePolicy:*PodSELinuxChangePolicy
Sysctl = Name:string Value:string
Affinity = NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAntiAffinity
NodeAffinity = RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
NodeSelector = NodeSelectorTerms:[]NodeSelectorTerm
NodeSelectorTerm = MatchExpressions:[]NodeSelectorRequirement MatchFields:[]NodeSelectorRequirement
NodeSelectorRequirement = Key:string Operator:NodeSelectorOperator Values:[]string
PreferredSchedulingTerm = Weight:int32 Preference:NodeSelectorTerm
PodAffinity = RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodAffinityTerm = LabelSelector:*LabelSelector Namespaces:[]string TopologyKey:string
  NamespaceSelector:*LabelSelector MatchLabelKeys:[]string MismatchLabelKeys:[]string
WeightedPodAffinityTerm = Weight:int32 PodAffinityTerm:PodAffinityTerm
PodAntiAffinity = RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
Toleration = Key:string Operator:TolerationOperator Value:string Effect:TaintEffect TolerationSeconds:*int64
HostAlias = IP:string Hostnames:[]string
PodDNSConfig = Nameservers:[]string Searches:[]string Options:[]PodDNSConfigOption
PodDNSConfigOption = Name:string Value:*string
PodReadinessGate = ConditionType:PodConditionType
TopologySpreadConstraint = MaxSkew:int32 TopologyKey:string WhenUnsatisfiable:UnsatisfiableConstraintAction
  LabelSelector:*LabelSelector MinDomains:*int32 NodeAffinityPolicy:*NodeInclusionPolicy
  NodeTaintsPolicy:*NodeInclusionPolicy MatchLabelKeys:[]string
PodOS = Name:OSName
PodSchedulingGate = Name:string
PodResourceClaim = Name:string ResourceClaimName:*string ResourceClaimTemplateName:*string
PodSchedulingGroup = PodGroupName:*string
ServiceSpec = Ports:[]ServicePort Selector:map[string]string ClusterIP:string ClusterIPs:[]string Type:ServiceType
  ExternalIPs:[]string SessionAffinity:ServiceAffinity LoadBalancerIP:string LoadBalancerSourceRanges:[]string
  ExternalName:string ExternalTrafficPolicy:ServiceExternalTrafficPolicy HealthCheckNodePort:int32
  PublishNotReadyAddresses:bool SessionAffinityConfig:*SessionAffinityConfig IPFamilies:[]IPFamily
  IPFamilyPolicy:*IPFamilyPolicy AllocateLoadBalancerNodePorts:*bool LoadBalancerClass:*string
  InternalTrafficPolicy:*ServiceInternalTrafficPolicy TrafficDistribution:*string
ServicePort = Name:string Protocol:Protocol AppProtocol:*string Port:int32 TargetPort:intstr.IntOrString
  NodePort:int32
SessionAffinityConfig = ClientIP:*ClientIPConfig
ClientIPConfig = TimeoutSeconds:*int32
`;

/** The named string types: their text is their type name and the bare characters. */
export const STRING_TYPES = `
AppArmorProfileType AzureDataDiskCachingMode AzureDataDiskKind Capability ContainerRestartPolicy
ContainerRestartRuleAction ContainerRestartRuleOnExitCodesOperator DNSPolicy HostPathType IPFamily IPFamilyPolicy
LabelSelectorOperator ManagedFieldsOperationType MountPropagationMode NodeInclusionPolicy NodeSelectorOperator
OSName PersistentVolumeAccessMode PersistentVolumeMode PodConditionType PodFSGroupChangePolicy
PodSELinuxChangePolicy PreemptionPolicy ProcMountType Protocol PullPolicy RecursiveReadOnlyMode ResourceName
ResourceResizeRestartPolicy RestartPolicy SeccompProfileType ServiceAffinity ServiceExternalTrafficPolicy
ServiceInternalTrafficPolicy ServiceType Signal StorageMedium SupplementalGroupsPolicy TaintEffect
TerminationMessagePolicy TolerationOperator URIScheme UnsatisfiableConstraintAction
`;
