/** Canaries that both the real Flagger and Aviary get, and what they release. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { podinfo } from "../harness/objects.ts";

export interface Case {
  readonly canary: KubeFields;
  readonly objects?: readonly KubeObject[];
  readonly target?: KubeObject;
  readonly flags?: readonly string[];
  /** The new revision is a change of this ConfigMap, not of the image. */
  readonly config?: string;
  readonly deleted?: true;
  /** The release answers users with errors. */
  readonly bad?: true;
  /** Metrics that differ, by departures.md. */
  readonly departs?: RegExp;
  /** Answers to calls whose path contains the name. */
  readonly answers?: Readonly<Record<string, string>>;
}

export const progressive = { interval: "10s", threshold: 2, stepWeight: 50, maxWeight: 50 };
const stepped = (more: KubeFields) => ({ analysis: { interval: "10s", threshold: 2, ...more } });
const labels = { app: "podinfo", "app.kubernetes.io/part-of": "shop", team: "a" };

function configMap(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "test", labels }, data };
}

function configured(): KubeObject {
  const target = podinfo("podinfo");
  target.metadata.labels = labels;
  target.metadata.annotations = { "app.kubernetes.io/note": "n", foo: "bar" };
  const { spec } = target["spec"].template;
  spec.containers[0].envFrom = [{ configMapRef: { name: "settings" } }];
  spec.containers[0].env = [
    { name: "OPTIONAL", valueFrom: { secretKeyRef: { name: "maybe", key: "x", optional: true } } },
  ];
  spec.volumes = [{ name: "all", projected: { sources: [{ configMap: { name: "files" } }] } }];
  const labelSelector = { matchLabels: { app: "podinfo" } };
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
  spec.affinity = {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
  };
  spec.topologySpreadConstraints = [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway", labelSelector },
  ];
  return target;
}

const OBJECTS = [configMap("settings", { color: "red" }), configMap("files", { a: "1" })];
const HPA: KubeObject = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 99 } } }],
  },
};
const SERVICE = {
  ...{ port: 80, name: "shop", targetPort: 9898, portName: "http-web", portDiscovery: true, appProtocol: "http" },
  ...{ hosts: ["shop.example.com"], gateways: ["istio-system/public"], timeout: "5s", rewrite: { uri: "/" } },
  retries: { attempts: 3, perTryTimeout: "1s", retryOn: "5xx" },
  headers: { request: { add: { x: "y" } } },
  match: [{ uri: { prefix: "/a" } }],
  corsPolicy: { allowOrigin: ["*"], allowMethods: ["GET"], maxAge: "24h" },
  trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" }, loadBalancer: { simple: "LEAST_CONN" } },
  ...{ apex: { annotations: { a: "1" } }, primary: { labels: { p: "1" } }, canary: { annotations: { c: "1" } } },
};

const METADATA = { namespace: "test" };
const template = (name: string, query: string): KubeObject => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "MetricTemplate",
  metadata: { ...METADATA, name },
  spec: { provider: { type: "prometheus", address: "http://METRICS" }, query },
});
const METRICS = [
  { name: "request-success-rate", thresholdRange: { min: 50 }, interval: "1m" },
  { name: "request-duration", thresholdRange: { max: 500_000 }, interval: "30s" },
  { name: "inline", query: 'sum(x{of="{{ target }}",in="{{ namespace }}"}[{{ interval }}])', threshold: 200 },
  {
    name: "templated",
    templateRef: { name: "named" },
    templateVariables: { status: "5.." },
    thresholdRange: { max: 200 },
    interval: "1m", // without one, Flagger's is empty (Q43)
  },
];
const NAMED = template(
  "named",
  'x{a="{{ service }}",b="{{ ingress }}",c="{{ route }}",d="{{ variables.status }}"}[{{ interval }}]',
);

/** Metric servers of other vendors: their templates, Secrets and answers. */
const SERVERS: Readonly<Record<string, { secret?: Record<string, string>; query: string; answer: string }>> = {
  datadog: {
    secret: { datadog_api_key: "k", datadog_application_key: "a" },
    query: "avg:errors{service:{{ target }}} by {version}",
    answer: '{"series":[{"pointlist":[[1,5],[2,500]]}]}',
  },
  newrelic: {
    secret: { newrelic_account_id: "7", newrelic_query_key: "q" },
    query: "SELECT sum(x) FROM Metric WHERE app = '{{ target }}'",
    answer: '{"results":[{"result":6.5}]}',
  },
  dynatrace: {
    secret: { dynatrace_token: "t" },
    query: 'builtin:errors:filter(eq("app","{{ target }}"))',
    answer: '{"result":[{"data":[{"values":[500]},{"values":[7,500]}]}]}',
  },
  graphite: {
    secret: { username: "u", password: "p" },
    query: "target=sumSeries(app.{{ target }}.errors)&from=-{{ interval }}",
    answer: '[{"target":"a","datapoints":[[500,1],[8,2],[null,3]]}]',
  },
  influxdb: {
    secret: { token: "t", org: "us all" },
    query: 'from(bucket: "b") |> range(start: -{{ interval }})',
    answer:
      "#datatype,string,long,double\n#group,false,false,false\n#default,_result,,\n,result,table,_value\n,,0,9.25\n",
  },
};
const ofServers = Object.entries(SERVERS).flatMap(([type, { secret, query }]): KubeObject[] => [
  {
    ...{ apiVersion: "v1", kind: "Secret", metadata: { ...METADATA, name: type } },
    data: Object.fromEntries(
      Object.entries(secret ?? {}).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
    ),
  },
  {
    ...{ apiVersion: "flagger.app/v1beta1", kind: "MetricTemplate", metadata: { ...METADATA, name: type } },
    spec: { provider: { type, address: `http://HOOKS/hook/${type}`, secretRef: { name: type } }, query },
  },
]);
const BY_SERVERS = Object.keys(SERVERS).map((name) => ({
  ...{ name, templateRef: { name }, thresholdRange: { max: 100 }, interval: "1m" },
}));

const CHAT: KubeObject = {
  apiVersion: "flagger.app/v1beta1",
  kind: "AlertProvider",
  metadata: { ...METADATA, name: "chat" },
  spec: { type: "slack", channel: "ops", username: "flagger", address: "http://HOOKS/alert" },
};
const HOOKS = (
  [
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
  ] as const
).map((type) => ({ name: `a ${type}`, type, url: `http://HOOKS/hook/${type}`, metadata: { cmd: type } }));
const ALERTS = ["info", "warn", "error"].map((severity) => ({
  ...{ name: `to ${severity}`, severity, providerRef: { name: "chat" } },
}));

function daemonSet(): KubeObject {
  const target = podinfo("podinfo");
  const { replicas: _, progressDeadlineSeconds: __, ...spec } = target["spec"];
  // With the default the only pod of the primary would be replaced before the next is ready, which is a departure.
  const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  return { ...target, kind: "DaemonSet", spec: { ...spec, updateStrategy } };
}

function knativeService(): KubeObject {
  const container = { image: "podinfo:6.0.0", ports: [{ containerPort: 9898 }] };
  const metadata = { ...METADATA, name: "podinfo" };
  return {
    ...{ apiVersion: "serving.knative.dev/v1", kind: "Service", metadata },
    spec: { template: { spec: { containers: [container] } } },
  };
}

const TRIGGER = { type: "prometheus", name: "requests" };
const SCALED_OBJECT: KubeObject = {
  apiVersion: "keda.sh/v1alpha1",
  kind: "ScaledObject",
  metadata: { ...METADATA, name: "podinfo" },
  spec: {
    scaleTargetRef: { name: "podinfo" },
    ...{ pollingInterval: 10, cooldownPeriod: 20, minReplicaCount: 1, maxReplicaCount: 2 },
    triggers: [{ ...TRIGGER, metadata: { serverAddress: "http://p", query: 'sum(r{w="podinfo"})', threshold: "9" } }],
  },
};

export const CASES: Readonly<Record<string, Case>> = {
  "everything at once": {
    target: configured(),
    objects: [...OBJECTS, HPA],
    flags: ["-include-label-prefix=app.kubernetes.io"],
    canary: {
      service: SERVICE,
      autoscalerRef: {
        ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" },
        primaryScalerReplicas: { minReplicas: 1, maxReplicas: 5 },
      },
    },
  },
  "session affinity": {
    canary: stepped({ stepWeight: 50, maxWeight: 50, sessionAffinity: { cookieName: "session", maxAge: 100 } }),
  },
  "steps of its own, and back in steps": { canary: stepped({ stepWeights: [20, 60], stepWeightPromotion: 50 }) },
  "an A/B test": { canary: stepped({ iterations: 2, match: [{ headers: { "x-canary": { exact: "yes" } } }] }) },
  "blue/green with mirroring": { canary: stepped({ iterations: 2, mirror: true, mirrorWeight: 30 }) },
  "a canary with mirroring": { canary: stepped({ stepWeight: 50, maxWeight: 50, mirror: true }) },
  "blue/green on plain Kubernetes": { canary: { provider: "kubernetes", ...stepped({ iterations: 2 }) } },
  "a release with errors": {
    bad: true,
    canary: { analysis: { ...progressive, metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 } }] } },
  },
  "no analysis": { canary: { skipAnalysis: true } },
  "a new configuration": { target: configured(), objects: OBJECTS, canary: {}, config: "settings" },
  "a deletion that gives back": { canary: { revertOnDeletion: true }, deleted: true },
  "every hook, alert and kind of metric": {
    objects: [CHAT, NAMED],
    canary: { analysis: { ...progressive, webhooks: HOOKS, alerts: ALERTS, metrics: METRICS } },
  },
  "metric servers of others": {
    objects: ofServers,
    answers: Object.fromEntries(Object.entries(SERVERS).map(([type, { answer }]) => [type, answer])),
    canary: { analysis: { ...progressive, metrics: BY_SERVERS } },
  },
  "a metric server of others that says no": {
    objects: ofServers,
    answers: { datadog: '{"series":[{"pointlist":[[1,500.126]]}]}' },
    canary: { analysis: { ...progressive, metrics: BY_SERVERS.slice(0, 1) } },
  },
  "a metric server of others that has nothing to say": {
    objects: ofServers,
    answers: { newrelic: '{"results":[]}' },
    canary: { analysis: { ...progressive, metrics: BY_SERVERS.slice(1, 2) } },
  },
  "every hook and alert of a release with errors": {
    bad: true,
    objects: [CHAT],
    canary: {
      analysis: {
        ...{ ...progressive, webhooks: HOOKS, alerts: ALERTS },
        metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 } }],
      },
    },
  },
  "a DaemonSet": { target: daemonSet(), canary: {} },
  "a ScaledObject": {
    objects: [SCALED_OBJECT],
    canary: {
      autoscalerRef: {
        ...{ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" },
        primaryScalerQueries: { requests: 'sum(r{w="podinfo-primary"})' },
        primaryScalerReplicas: { minReplicas: 1, maxReplicas: 3 },
      },
    },
  },
  "a Knative Service": {
    target: knativeService(),
    departs: /^flagger_canary_weight.*podinfo-primary/,
    canary: {
      ...{ provider: "knative", service: undefined },
      analysis: { ...progressive, metrics: METRICS.slice(0, 2) },
    },
  },
  TCP: { canary: { service: { port: 9898, appProtocol: "TCP" } } },
  "a metrics provider per pod, on plain Kubernetes": {
    canary: {
      provider: "kubernetes",
      analysis: { interval: "10s", threshold: 2, iterations: 1, metrics: METRICS.slice(0, 2) },
    },
  },
};
