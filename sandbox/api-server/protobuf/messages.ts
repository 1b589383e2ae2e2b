/**
 * The protobuf messages of the kinds that `kubectl create` and its kin send in binary. One message a line (indented
 * lines continue it), its fields in the order of their numbers:
 *
 *   name            a string; the number is one more than the field before
 *   7=name          a string with this number
 *   name:i b y      integer, boolean, bytes (base64 in JSON)
 *   name:time micro quantity intstr json texts   the API's own scalars
 *   name:Other      another message
 *   name[] name{}   a list, a map with string keys
 *   @Other          a message whose fields belong to this one in JSON
 *   name:~          not for clients to write: skipped
 *
 * Numbers are those of the public Kubernetes API. What is not listed is refused, never dropped silently.
 */
export const MESSAGES = `
Namespace: metadata:ObjectMeta spec:NamespaceSpec status:~
ObjectMeta: name generateName namespace selfLink uid resourceVersion generation:i creationTimestamp:time
  deletionTimestamp:time deletionGracePeriodSeconds:i labels{} annotations{} ownerReferences[]:OwnerReference
  finalizers[] 17=managedFields[]:ManagedFieldsEntry
OwnerReference: kind 3=name uid apiVersion controller:b blockOwnerDeletion:b
ManagedFieldsEntry: manager operation apiVersion time:time 6=fieldsType fieldsV1:json subresource
NamespaceSpec: finalizers[]
Pod: metadata:ObjectMeta spec:PodSpec status:~
PodSpec: volumes[]:Volume containers[]:Container restartPolicy terminationGracePeriodSeconds:i
  activeDeadlineSeconds:i dnsPolicy nodeSelector{} serviceAccountName serviceAccount nodeName hostNetwork:b
  hostPID:b hostIPC:b securityContext:PodSecurityContext imagePullSecrets[]:LocalObjectReference hostname subdomain
  affinity:Affinity schedulerName initContainers[]:Container automountServiceAccountToken:b tolerations[]:Toleration
  hostAliases[]:HostAlias priorityClassName priority:i dnsConfig:PodDNSConfig shareProcessNamespace:b
  readinessGates[]:PodReadinessGate runtimeClassName enableServiceLinks:b preemptionPolicy overhead{}:quantity
  topologySpreadConstraints[]:TopologySpreadConstraint 35=setHostnameAsFQDN:b os:PodOS hostUsers:b
  schedulingGates[]:PodSchedulingGate 40=resources:ResourceRequirements hostnameOverride
  44=evictionResponders[]:EvictionResponder
Volume: name @VolumeSource
VolumeSource: hostPath:HostPathVolumeSource emptyDir:EmptyDirVolumeSource 6=secret:SecretVolumeSource
  10=persistentVolumeClaim:PersistentVolumeClaimVolumeSource 16=downwardAPI:DownwardAPIVolumeSource
  19=configMap:ConfigMapVolumeSource 26=projected:ProjectedVolumeSource 28=csi:CSIVolumeSource
HostPathVolumeSource: path type
EmptyDirVolumeSource: medium sizeLimit:quantity mode:i
SecretVolumeSource: secretName items[]:KeyToPath defaultMode:i optional:b defaultUser:i
KeyToPath: key path mode:i user:i
PersistentVolumeClaimVolumeSource: claimName readOnly:b
DownwardAPIVolumeSource: items[]:DownwardAPIVolumeFile defaultMode:i defaultUser:i
DownwardAPIVolumeFile: path fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector mode:i user:i
ObjectFieldSelector: apiVersion fieldPath
ResourceFieldSelector: containerName resource divisor:quantity
ConfigMapVolumeSource: @LocalObjectReference items[]:KeyToPath defaultMode:i optional:b defaultUser:i
LocalObjectReference: name
ProjectedVolumeSource: sources[]:VolumeProjection defaultMode:i defaultUser:i
VolumeProjection: secret:SecretProjection downwardAPI:DownwardAPIProjection configMap:ConfigMapProjection
  serviceAccountToken:ServiceAccountTokenProjection
SecretProjection: @LocalObjectReference items[]:KeyToPath 4=optional:b
DownwardAPIProjection: items[]:DownwardAPIVolumeFile
ConfigMapProjection: @LocalObjectReference items[]:KeyToPath 4=optional:b
ServiceAccountTokenProjection: audience expirationSeconds:i path user:i
CSIVolumeSource: driver readOnly:b fsType volumeAttributes{} nodePublishSecretRef:LocalObjectReference
Container: name image command[] args[] workingDir ports[]:ContainerPort env[]:EnvVar resources:ResourceRequirements
  volumeMounts[]:VolumeMount livenessProbe:Probe readinessProbe:Probe lifecycle:Lifecycle terminationMessagePath
  imagePullPolicy securityContext:SecurityContext stdin:b stdinOnce:b tty:b envFrom[]:EnvFromSource
  terminationMessagePolicy volumeDevices[]:VolumeDevice startupProbe:Probe resizePolicy[]:ContainerResizePolicy
  restartPolicy restartPolicyRules[]:ContainerRestartRule
ContainerPort: name hostPort:i containerPort:i protocol hostIP
EnvFromSource: prefix configMapRef:ConfigMapEnvSource secretRef:SecretEnvSource
ConfigMapEnvSource: @LocalObjectReference optional:b
SecretEnvSource: @LocalObjectReference optional:b
EnvVar: name value valueFrom:EnvVarSource
EnvVarSource: fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector
  configMapKeyRef:ConfigMapKeySelector secretKeyRef:SecretKeySelector
ConfigMapKeySelector: @LocalObjectReference key optional:b
SecretKeySelector: @LocalObjectReference key optional:b
ResourceRequirements: limits{}:quantity requests{}:quantity claims[]:ResourceClaim
ResourceClaim: name request
ContainerResizePolicy: resourceName restartPolicy
ContainerRestartRule: action exitCodes:ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: operator values[]:i
VolumeMount: name readOnly:b mountPath subPath mountPropagation subPathExpr recursiveReadOnly bindMountOptions[]
VolumeDevice: name devicePath
Probe: @ProbeHandler initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i
  terminationGracePeriodSeconds:i
ProbeHandler: exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction grpc:GRPCAction
ExecAction: command[]
HTTPGetAction: path port:intstr host scheme httpHeaders[]:HTTPHeader protocol
HTTPHeader: name value
TCPSocketAction: port:intstr host
GRPCAction: port:i service mode
Lifecycle: postStart:LifecycleHandler preStop:LifecycleHandler stopSignal
LifecycleHandler: exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction sleep:SleepAction
SleepAction: seconds:i
SecurityContext: capabilities:Capabilities privileged:b seLinuxOptions:SELinuxOptions runAsUser:i runAsNonRoot:b
  readOnlyRootFilesystem:b allowPrivilegeEscalation:b runAsGroup:i procMount
  windowsOptions:WindowsSecurityContextOptions seccompProfile:SeccompProfile appArmorProfile:AppArmorProfile
Capabilities: add[] drop[]
SELinuxOptions: user role type level
WindowsSecurityContextOptions: gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess:b
SeccompProfile: type localhostProfile
AppArmorProfile: type localhostProfile
PodSecurityContext: seLinuxOptions:SELinuxOptions runAsUser:i runAsNonRoot:b supplementalGroups[]:i fsGroup:i
  runAsGroup:i sysctls[]:Sysctl windowsOptions:WindowsSecurityContextOptions fsGroupChangePolicy
  seccompProfile:SeccompProfile appArmorProfile:AppArmorProfile supplementalGroupsPolicy seLinuxChangePolicy
Sysctl: name value
Affinity: nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAntiAffinity
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution[]:PreferredSchedulingTerm
NodeSelector: nodeSelectorTerms[]:NodeSelectorTerm
NodeSelectorTerm: matchExpressions[]:NodeSelectorRequirement matchFields[]:NodeSelectorRequirement
NodeSelectorRequirement: key operator values[]
PreferredSchedulingTerm: weight:i preference:NodeSelectorTerm
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution[]:PodAffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution[]:WeightedPodAffinityTerm
PodAffinityTerm: labelSelector:LabelSelector namespaces[] topologyKey namespaceSelector:LabelSelector
  matchLabelKeys[] mismatchLabelKeys[]
LabelSelector: matchLabels{} matchExpressions[]:LabelSelectorRequirement
LabelSelectorRequirement: key operator values[]
WeightedPodAffinityTerm: weight:i podAffinityTerm:PodAffinityTerm
PodAntiAffinity: requiredDuringSchedulingIgnoredDuringExecution[]:PodAffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution[]:WeightedPodAffinityTerm
Toleration: key operator value effect tolerationSeconds:i
HostAlias: ip hostnames[]
PodDNSConfig: nameservers[] searches[] options[]:PodDNSConfigOption
PodDNSConfigOption: name value
PodReadinessGate: conditionType
TopologySpreadConstraint: maxSkew:i topologyKey whenUnsatisfiable labelSelector:LabelSelector minDomains:i
  nodeAffinityPolicy nodeTaintsPolicy matchLabelKeys[]
PodOS: name
PodSchedulingGate: name
EvictionResponder: name priority:i
Service: metadata:ObjectMeta spec:ServiceSpec status:~
ServiceSpec: ports[]:ServicePort selector{} clusterIP type externalIPs[] 7=sessionAffinity loadBalancerIP
  loadBalancerSourceRanges[] externalName externalTrafficPolicy healthCheckNodePort:i publishNotReadyAddresses:b
  sessionAffinityConfig:SessionAffinityConfig 17=ipFamilyPolicy clusterIPs[] ipFamilies[]
  allocateLoadBalancerNodePorts:b loadBalancerClass internalTrafficPolicy trafficDistribution
ServicePort: name protocol port:i targetPort:intstr nodePort:i appProtocol
SessionAffinityConfig: clientIP:ClientIPConfig
ClientIPConfig: timeoutSeconds:i
ServiceAccount: metadata:ObjectMeta secrets[]:ObjectReference imagePullSecrets[]:LocalObjectReference
  automountServiceAccountToken:b
ObjectReference: kind namespace name uid apiVersion resourceVersion fieldPath
ConfigMap: metadata:ObjectMeta data{} binaryData{}:y immutable:b
Secret: metadata:ObjectMeta data{}:y type stringData{} immutable:b
ResourceQuota: metadata:ObjectMeta spec:ResourceQuotaSpec status:~
ResourceQuotaSpec: hard{}:quantity scopes[] scopeSelector:ScopeSelector
ScopeSelector: matchExpressions[]:ScopedResourceSelectorRequirement
ScopedResourceSelectorRequirement: scopeName operator values[]
Deployment: metadata:ObjectMeta spec:DeploymentSpec status:~
DeploymentSpec: replicas:i selector:LabelSelector template:PodTemplateSpec strategy:DeploymentStrategy
  minReadySeconds:i revisionHistoryLimit:i paused:b 9=progressDeadlineSeconds:i
PodTemplateSpec: metadata:ObjectMeta spec:PodSpec
DeploymentStrategy: type rollingUpdate:RollingUpdateDeployment
RollingUpdateDeployment: maxUnavailable:intstr maxSurge:intstr
ReplicaSet: metadata:ObjectMeta spec:ReplicaSetSpec status:~
ReplicaSetSpec: replicas:i selector:LabelSelector template:PodTemplateSpec minReadySeconds:i
DaemonSet: metadata:ObjectMeta spec:DaemonSetSpec status:~
DaemonSetSpec: selector:LabelSelector template:PodTemplateSpec updateStrategy:DaemonSetUpdateStrategy minReadySeconds:i
  6=revisionHistoryLimit:i
DaemonSetUpdateStrategy: type rollingUpdate:RollingUpdateDaemonSet
RollingUpdateDaemonSet: maxUnavailable:intstr maxSurge:intstr
StatefulSet: metadata:ObjectMeta spec:StatefulSetSpec status:~
StatefulSetSpec: replicas:i selector:LabelSelector template:PodTemplateSpec
  volumeClaimTemplates[]:PersistentVolumeClaim serviceName podManagementPolicy updateStrategy:StatefulSetUpdateStrategy
  revisionHistoryLimit:i minReadySeconds:i
  persistentVolumeClaimRetentionPolicy:StatefulSetPersistentVolumeClaimRetentionPolicy ordinals:StatefulSetOrdinals
StatefulSetUpdateStrategy: type rollingUpdate:RollingUpdateStatefulSetStrategy
RollingUpdateStatefulSetStrategy: partition:i maxUnavailable:intstr
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted whenScaled
StatefulSetOrdinals: start:i
PersistentVolumeClaim: metadata:ObjectMeta spec:PersistentVolumeClaimSpec status:~
PersistentVolumeClaimSpec: accessModes[] resources:VolumeResourceRequirements volumeName selector:LabelSelector
  storageClassName volumeMode dataSource:TypedLocalObjectReference dataSourceRef:TypedObjectReference
  volumeAttributesClassName
VolumeResourceRequirements: limits{}:quantity requests{}:quantity
TypedObjectReference: apiGroup kind name namespace
Lease: metadata:ObjectMeta spec:LeaseSpec
LeaseSpec: holderIdentity leaseDurationSeconds:i acquireTime:micro renewTime:micro leaseTransitions:i strategy
  preferredHolder
Event: metadata:ObjectMeta involvedObject:ObjectReference reason message source:EventSource firstTimestamp:time
  lastTimestamp:time count:i type eventTime:micro series:EventSeries action related:ObjectReference
  reportingComponent reportingInstance
EventSource: component host
EventSeries: count:i lastObservedTime:micro
Job: metadata:ObjectMeta spec:JobSpec status:~
JobSpec: parallelism:i completions:i activeDeadlineSeconds:i selector:LabelSelector manualSelector:b
  template:PodTemplateSpec backoffLimit:i ttlSecondsAfterFinished:i completionMode suspend:b
  podFailurePolicy:PodFailurePolicy backoffLimitPerIndex:i maxFailedIndexes:i podReplacementPolicy managedBy
  successPolicy:SuccessPolicy
PodFailurePolicy: rules[]:PodFailurePolicyRule
PodFailurePolicyRule: action onExitCodes:PodFailurePolicyOnExitCodesRequirement
  onPodConditions[]:PodFailurePolicyOnPodConditionsPattern
PodFailurePolicyOnExitCodesRequirement: containerName operator values[]:i
PodFailurePolicyOnPodConditionsPattern: type status
SuccessPolicy: rules[]:SuccessPolicyRule
SuccessPolicyRule: succeededIndexes succeededCount:i
CronJob: metadata:ObjectMeta spec:CronJobSpec status:~
CronJobSpec: schedule startingDeadlineSeconds:i concurrencyPolicy suspend:b jobTemplate:JobTemplateSpec
  successfulJobsHistoryLimit:i failedJobsHistoryLimit:i timeZone
JobTemplateSpec: metadata:ObjectMeta spec:JobSpec
HorizontalPodAutoscaler: metadata:ObjectMeta spec:HorizontalPodAutoscalerSpec status:~
HorizontalPodAutoscalerSpec: scaleTargetRef:CrossVersionObjectReference minReplicas:i maxReplicas:i
  targetCPUUtilizationPercentage:i
CrossVersionObjectReference: kind name apiVersion
Scale: metadata:ObjectMeta spec:ScaleSpec status:~
ScaleSpec: replicas:i
V2HorizontalPodAutoscaler: metadata:ObjectMeta spec:V2HorizontalPodAutoscalerSpec status:~
V2HorizontalPodAutoscalerSpec: scaleTargetRef:V2CrossVersionObjectReference minReplicas:i maxReplicas:i
  metrics[]:V2MetricSpec behavior:HorizontalPodAutoscalerBehavior
V2CrossVersionObjectReference: kind name apiVersion
V2MetricSpec: type object:V2ObjectMetricSource pods:V2PodsMetricSource resource:V2ResourceMetricSource
  external:V2ExternalMetricSource 7=containerResource:V2ContainerResourceMetricSource
V2ObjectMetricSource: describedObject:V2CrossVersionObjectReference target:MetricTarget metric:MetricIdentifier
MetricTarget: type value:quantity averageValue:quantity averageUtilization:i
MetricIdentifier: name selector:LabelSelector
V2PodsMetricSource: metric:MetricIdentifier target:MetricTarget
V2ResourceMetricSource: name target:MetricTarget
V2ContainerResourceMetricSource: name target:MetricTarget container
V2ExternalMetricSource: metric:MetricIdentifier target:MetricTarget
HorizontalPodAutoscalerBehavior: scaleUp:HPAScalingRules scaleDown:HPAScalingRules
HPAScalingRules: selectPolicy policies[]:HPAScalingPolicy stabilizationWindowSeconds:i tolerance:quantity
HPAScalingPolicy: type value:i periodSeconds:i
Ingress: metadata:ObjectMeta spec:IngressSpec status:~
IngressSpec: defaultBackend:IngressBackend tls[]:IngressTLS rules[]:IngressRule ingressClassName
IngressBackend: 3=resource:TypedLocalObjectReference service:IngressServiceBackend
IngressServiceBackend: name port:ServiceBackendPort
ServiceBackendPort: name number:i
TypedLocalObjectReference: apiGroup kind name
IngressTLS: hosts[] secretName
IngressRule: host @IngressRuleValue
IngressRuleValue: http:HTTPIngressRuleValue
HTTPIngressRuleValue: paths[]:HTTPIngressPath
HTTPIngressPath: path backend:IngressBackend pathType
PodDisruptionBudget: metadata:ObjectMeta spec:PodDisruptionBudgetSpec status:~
PodDisruptionBudgetSpec: minAvailable:intstr selector:LabelSelector maxUnavailable:intstr unhealthyPodEvictionPolicy
Eviction: metadata:ObjectMeta deleteOptions:DeleteOptions
DeleteOptions: gracePeriodSeconds:i preconditions:Preconditions orphanDependents:b propagationPolicy dryRun[]
  ignoreStoreReadErrorWithClusterBreakingPotential:b
Preconditions: uid resourceVersion
Role: metadata:ObjectMeta rules[]:PolicyRule
PolicyRule: verbs[] apiGroups[] resources[] resourceNames[] nonResourceURLs[]
RoleBinding: metadata:ObjectMeta subjects[]:Subject roleRef:RoleRef
Subject: kind apiGroup name namespace
RoleRef: apiGroup kind name
ClusterRole: metadata:ObjectMeta rules[]:PolicyRule aggregationRule:AggregationRule
AggregationRule: clusterRoleSelectors[]:LabelSelector
ClusterRoleBinding: metadata:ObjectMeta subjects[]:Subject roleRef:RoleRef
SelfSubjectAccessReview: metadata:ObjectMeta spec:SelfSubjectAccessReviewSpec status:~
SelfSubjectAccessReviewSpec: resourceAttributes:ResourceAttributes nonResourceAttributes:NonResourceAttributes
ResourceAttributes: namespace verb group version resource subresource name fieldSelector:FieldSelectorAttributes
  labelSelector:LabelSelectorAttributes
FieldSelectorAttributes: rawSelector requirements[]:FieldSelectorRequirement
FieldSelectorRequirement: key operator values[]
LabelSelectorAttributes: rawSelector requirements[]:LabelSelectorRequirement
NonResourceAttributes: path verb
SelfSubjectRulesReview: metadata:ObjectMeta spec:SelfSubjectRulesReviewSpec status:~
SelfSubjectRulesReviewSpec: namespace
SubjectAccessReview: metadata:ObjectMeta spec:SubjectAccessReviewSpec status:~
SubjectAccessReviewSpec: resourceAttributes:ResourceAttributes nonResourceAttributes:NonResourceAttributes user
  groups[] extra{}:texts uid
LocalSubjectAccessReview: metadata:ObjectMeta spec:SubjectAccessReviewSpec status:~
SelfSubjectReview: metadata:ObjectMeta status:~
TokenRequest: metadata:ObjectMeta spec:TokenRequestSpec status:~
TokenRequestSpec: audiences[] 3=boundObjectRef:BoundObjectReference expirationSeconds:i
BoundObjectReference: kind apiVersion name uid
PriorityClass: metadata:ObjectMeta value:i globalDefault:b description preemptionPolicy
`;
