/** Named rollouts: each is run with every single fault at every call. */
import { apiVersionOf, type KubeFields, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { withForeign } from "./foreign.ts";
import { createChance } from "./random.ts";
import { aTarget, type Behaviour, HEALTHY, type Scenario } from "./scenario.ts";

export interface CanaryWishes {
  readonly spec?: KubeFields;
  readonly analysis?: KubeFields;
}

const METRICS = [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" },
  { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" },
];

const NAMESPACE = "test";
const NAME = "podinfo";

export function aSimulatedCanary({ spec = {}, analysis = {} }: CanaryWishes = {}): KubeObject {
  const steps = "iterations" in analysis || "stepWeights" in analysis ? {} : { stepWeight: 20, maxWeight: 40 };
  return {
    apiVersion: apiVersionOf(RESOURCES.canary),
    kind: "Canary",
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      provider: "istio",
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: NAME },
      progressDeadlineSeconds: 60,
      service: { port: 9898 },
      analysis: { interval: "30s", threshold: 3, ...steps, metrics: METRICS, ...analysis },
      ...spec,
    },
  };
}

export interface ScenarioWishes extends Partial<Omit<Scenario, "canary">> {
  readonly canary?: CanaryWishes;
  /** The behaviour of the release. */
  readonly next?: Partial<Behaviour>;
}

export function aScenario({ canary, next, ...wishes }: ScenarioWishes = {}): Scenario {
  return {
    canary: aSimulatedCanary(canary),
    target: aTarget(NAME, NAMESPACE, "podinfo:1", 2),
    objects: [],
    image: "podinfo:2",
    impatient: false,
    behaviours: next === undefined ? {} : { "podinfo:2": { ...HEALTHY, ...next } },
    rps: 100,
    matched: 20,
    metrics: {},
    metricGaps: [],
    hooks: {},
    users: [],
    patienceMs: 1_500_000,
    meshLagMs: 1_000,
    ...wishes,
  };
}

const hook = (type: string, name = type) => ({ name, type, url: `http://${name}.invalid/` });

/** The same rollout with a target of another kind. */
export function withTarget(scenario: Scenario, kind: "StatefulSet" | "DaemonSet" | "Service" | "Knative"): Scenario {
  switch (kind) {
    case "StatefulSet": {
      const { strategy: _none, ...spec } = scenario.target.spec;
      return retargeted(scenario, { ...scenario.target, kind, spec });
    }
    case "DaemonSet": {
      const { replicas: _one, progressDeadlineSeconds: _other, strategy: _none, ...spec } = scenario.target.spec;
      return retargeted(scenario, { ...scenario.target, kind, spec });
    }
    case "Knative": {
      const metadata = { name: NAME, namespace: NAMESPACE };
      const { template } = scenario.target.spec;
      const target = { apiVersion: "serving.knative.dev/v1", kind: "Service", metadata, spec: { template } };
      return retargeted(scenario, target, { provider: "knative" });
    }
    case "Service":
      return withVersions(scenario);
  }
}

function retargeted(scenario: Scenario, target: KubeObject, more: KubeFields = {}): Scenario {
  const { apiVersion, kind } = target;
  const spec = { ...scenario.canary.spec, ...more, targetRef: { apiVersion, kind, name: NAME } };
  return { ...scenario, target, canary: { ...scenario.canary, spec } };
}

/** A Service as target: its versions always run, and a release selects another one. */
function withVersions(scenario: Scenario): Scenario {
  const versions = ["1", "2", "3"].map((version) => {
    const made = aTarget(`${NAME}-v${version}`, NAMESPACE, `${NAME}:${version}`, 2);
    const labels = { app: NAME, version };
    const template = { ...made.spec.template, metadata: { labels } };
    return { ...made, spec: { ...made.spec, selector: { matchLabels: labels }, template } };
  });
  const target = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { selector: { app: NAME, version: "1" }, ports: [{ name: "http", port: 9898 }] },
  };
  return retargeted({ ...scenario, objects: [...scenario.objects, ...versions] }, target);
}

/** A target that an autoscaler scales by its load, to 4 pods at most. @param least pods without any load */
export function withScaler(
  scenario: Scenario,
  kind: "HorizontalPodAutoscaler" | "ScaledObject",
  least: 0 | 1 = 1,
): Scenario {
  const apiVersion = kind === "ScaledObject" ? "keda.sh/v1alpha1" : "autoscaling/v2";
  const scaleTargetRef = { apiVersion: "apps/v1", kind: scenario.target.kind, name: NAME };
  const spec =
    kind === "ScaledObject"
      ? { scaleTargetRef, minReplicaCount: least, maxReplicaCount: 4, triggers: [TRIGGER] }
      : { scaleTargetRef, minReplicas: least, maxReplicas: 4 };
  const scaler = { apiVersion, kind, metadata: { name: NAME, namespace: NAMESPACE }, spec };
  const canary = { ...scenario.canary.spec, autoscalerRef: { apiVersion, kind, name: NAME } };
  return {
    ...scenario,
    objects: [...scenario.objects, scaler],
    canary: { ...scenario.canary, spec: canary },
  };
}

/** The same target with another update strategy. */
export function withStrategy(scenario: Scenario, strategy: KubeFields): Scenario {
  const { target } = scenario;
  return { ...scenario, target: { ...target, spec: { ...target.spec, strategy } } };
}

/** Controllers count on a pod only when it has been ready for so long. */
export function ready(scenario: Scenario, minReadySeconds: number): Scenario {
  const { target } = scenario;
  return { ...scenario, target: { ...target, spec: { ...target.spec, minReadySeconds } } };
}

const recreated = (scenario: Scenario): Scenario => withStrategy(scenario, { type: "Recreate" });

const ofOne = (scenario: Scenario): Scenario => ({
  ...scenario,
  target: { ...scenario.target, spec: { ...scenario.target.spec, replicas: 1 } },
});

const TRIGGER = { type: "prometheus", name: "load", metadata: { query: `sum(rate(requests{app="${NAME}"}[1m]))` } };

/** A target that reads a ConfigMap and a Secret, so that configs are copied and promoted, too. */
export function withConfig(scenario: Scenario): Scenario {
  const metadata = (name: string) => ({ name: `${NAME}-${name}`, namespace: NAMESPACE });
  const config = { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("config"), data: { value: "red" } };
  const data = { value: Buffer.from("red").toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: metadata("secret"), data };
  const { template } = scenario.target.spec;
  const volumes = [
    { name: "config", configMap: { name: config.metadata.name } },
    { name: "secret", secret: { secretName: secret.metadata.name } },
  ];
  const spec = { ...scenario.target.spec, template: { ...template, spec: { ...template.spec, volumes } } };
  return { ...scenario, objects: [...scenario.objects, config, secret], target: { ...scenario.target, spec } };
}

export const STORIES: Readonly<Record<string, Scenario>> = {
  "a good release": aScenario(),
  "a release with errors": aScenario({ next: { errorRate: 10 } }),
  "a slow release": aScenario({ next: { latencyMs: 2_000 } }),
  "a release that never gets ready": aScenario({ next: { crash: "start" } }),
  "a promotion that fails": aScenario({ next: { crashAsPrimary: "start" } }),
  "a promotion that fails, with its configuration": withConfig(aScenario({ next: { crashAsPrimary: "start" } })),
  "a promotion in steps": aScenario({ canary: { analysis: { stepWeightPromotion: 50 } } }),
  "a promotion in steps, and the primary fails requests": aScenario({
    canary: { analysis: { stepWeightPromotion: 10, interval: "10s" } },
    next: { errorRateAsPrimary: 20 },
  }),
  mirroring: aScenario({ canary: { analysis: { mirror: true } } }),
  "an A/B test": aScenario({
    canary: { analysis: { iterations: 2, match: [{ headers: { "x-canary": { exact: "1" } } }] } },
  }),
  "blue/green": aScenario({ canary: { analysis: { iterations: 2, metrics: [] } } }),
  "blue/green without a mesh": aScenario({
    canary: { spec: { provider: "kubernetes" }, analysis: { iterations: 2, metrics: [] } },
  }),
  "sticky sessions": aScenario({
    canary: { analysis: { sessionAffinity: { cookieName: "c", primaryCookieName: "p" } } },
  }),
  "no analysis": aScenario({ canary: { spec: { skipAnalysis: true } } }),
  gates: aScenario({
    canary: {
      analysis: {
        stepWeight: 40,
        webhooks: [
          hook("confirm-rollout"),
          hook("pre-rollout"),
          hook("rollout"),
          hook("confirm-traffic-increase"),
          hook("confirm-promotion"),
          hook("post-rollout"),
        ],
      },
    },
    hooks: {
      "confirm-rollout": { kind: "fails-first", calls: 1 },
      "confirm-promotion": { kind: "fails-first", calls: 1 },
    },
  }),
  "a newer release in the middle": aScenario({ users: [{ afterMs: 50_000, kind: "release", image: "podinfo:3" }] }),
  "a release during the initialisation": aScenario({ impatient: true }),
  "rolled back by hand": aScenario({ users: [{ afterMs: 50_000, kind: "release", image: "podinfo:1" }] }),
  "a new configuration": withConfig(
    aScenario({ image: "podinfo:1", users: [{ afterMs: 10_000, kind: "edit-config", value: "blue" }] }),
  ),
  "deleted in the middle": aScenario({
    canary: { spec: { revertOnDeletion: true } },
    users: [{ afterMs: 50_000, kind: "delete-canary" }],
  }),
  "an autoscaler": withScaler(aScenario(), "HorizontalPodAutoscaler"),
  "KEDA, and errors": withScaler(aScenario({ next: { errorRate: 10 } }), "ScaledObject"),
  "KEDA, and a user raises the limit": withScaler(
    aScenario({ users: [{ afterMs: 40_000, kind: "edit-scaler", max: 6 }] }),
    "ScaledObject",
  ),
  "a secret that is changed in the middle": withConfig(
    aScenario({ users: [{ afterMs: 40_000, kind: "edit-secret", value: "blue" }] }),
  ),
  "errors, and limits that the autoscaler cannot have": withScaler(
    aScenario({
      next: { errorRate: 10 },
      users: [
        {
          afterMs: 20_000,
          kind: "edit-canary",
          spec: { autoscalerRef: { primaryScalerReplicas: { minReplicas: 9 } } },
        },
        { afterMs: 160_000, kind: "edit-canary", spec: { autoscalerRef: { primaryScalerReplicas: null } } },
      ],
    }),
    "HorizontalPodAutoscaler",
  ),
  "an autoscaler that takes the last pod": withScaler(
    aScenario({ rps: 0, canary: { analysis: { interval: "150s", metrics: [] } } }),
    "HorizontalPodAutoscaler",
    0,
  ),
  "KEDA that takes the last pod": withScaler(aScenario(), "ScaledObject", 0),
  "a primary that a user scales to zero": aScenario({
    users: [
      { afterMs: 40_000, kind: "scale-primary", replicas: 0 },
      { afterMs: 75_000, kind: "scale-primary", replicas: 2 },
    ],
  }),
  "pods that must be ready for a while": ready(aScenario(), 10),
  "an admission webhook that notes each write": { ...withConfig(aScenario()), stamps: true },
  "a StatefulSet": withTarget(aScenario(), "StatefulSet"),
  "a DaemonSet": withTarget(aScenario(), "DaemonSet"),
  "a DaemonSet with errors": withTarget(aScenario({ next: { errorRate: 10 } }), "DaemonSet"),
  "a Service": withTarget(aScenario(), "Service"),
  "a Service with errors": withTarget(aScenario({ next: { errorRate: 10 } }), "Service"),
  "a Knative Service": withTarget(aScenario(), "Knative"),
  "a Knative Service with errors": withTarget(aScenario({ next: { errorRate: 10 } }), "Knative"),
  "Recreate, by weights": recreated(aScenario()),
  "Recreate, by A/B": recreated(
    aScenario({ canary: { analysis: { iterations: 2, match: [{ headers: { "x-canary": { exact: "1" } } }] } } }),
  ),
  "Recreate, blue/green without a mesh": recreated(
    aScenario({ canary: { spec: { provider: "kubernetes" }, analysis: { iterations: 2, metrics: [] } } }),
  ),
  "Recreate, no analysis": recreated(aScenario({ canary: { spec: { skipAnalysis: true } } })),
  "Recreate, and the primary never gets ready": recreated(aScenario({ next: { crashAsPrimary: "start" } })),
  "one pod without surge": withStrategy(aScenario(), { rollingUpdate: { maxSurge: 0, maxUnavailable: "100%" } }),
  "a DaemonSet on one node": { ...withTarget(aScenario(), "DaemonSet"), nodes: 1 },
  "a StatefulSet of one pod": ofOne(withTarget(aScenario(), "StatefulSet")),
  "an autoscaler that is deleted in the middle": withScaler(
    aScenario({ users: [{ afterMs: 40_000, kind: "delete-scaler" }] }),
    "HorizontalPodAutoscaler",
  ),
  "a reference to a configuration that is dropped in the middle": withConfig(
    aScenario({ users: [{ afterMs: 40_000, kind: "drop-config" }] }),
  ),
  "a configuration of another name": withConfig(
    aScenario({ image: "podinfo:1", users: [{ afterMs: 10_000, kind: "rename-config", value: "green" }] }),
  ),
  "references that go and come back": withConfig(
    aScenario({
      users: [
        { afterMs: 20_000, kind: "delete-reference", of: "ConfigMap" },
        { afterMs: 40_000, kind: "delete-reference", of: "Secret" },
        { afterMs: 55_000, kind: "restore-reference", of: "ConfigMap" },
        { afterMs: 65_000, kind: "restore-reference", of: "Secret" },
      ],
    }),
  ),
  "an object of another owner in the way": withForeign(aScenario(), createChance(8)),
  "a target that is made again with other labels": aScenario({ users: [{ afterMs: 40_000, kind: "relabel-target" }] }),
  "a node of the primary that fails for a while": aScenario({
    users: [{ afterMs: 40_000, kind: "lose-pods", of: "primary", all: true, forMs: 40_000 }],
  }),
  "canary pods lost": aScenario({ users: [{ afterMs: 20_000, kind: "lose-pods", of: "target", all: true }] }),
};
