/** Scenarios, weather and disturbances from a seed. */
import type { KubeFields } from "../ports/kubernetes.ts";
import { NOWHERE } from "./controllers/daemonset.ts";
import type { Curve } from "./curve.ts";
import { withOthers } from "./others.ts";
import { type Chance, createChance } from "./random.ts";
import { withReadiness } from "./readiness.ts";
import { type Behaviour, HEALTHY, type HookBehaviour, type Scenario, type UserAction } from "./scenario.ts";
import { aScenario, withConfig, withScaler, withTarget } from "./stories.ts";
import type { Disturbance } from "./weather.ts";
import { FAULTS, type Fault, type PortCall, type Weather } from "./weather.ts";

/** Everything that determines a run. */
export interface Case {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly disturbances: readonly Disturbance[];
  /** Probability of a fault per call, and of trouble per watch event. */
  readonly storminess: number;
  readonly faults: readonly Fault[];
  /** The weather is calm from this time after the release, so that every run can end. */
  readonly calmAfterMs: number;
}

export function generateCase(seed: number): Case {
  const chance = createChance(seed).fork("case");
  const kind = chance.pick(["calm", "crashes", "network", "all"] as const);
  const isPlain = kind === "calm" || chance.hits(0.5);
  const generated = withReadiness(generateScenario(chance.fork("scenario"), isPlain), chance.fork("readiness"));
  const scenario = withOthers(generated, isPlain, chance.fork("others"));
  const disturbances = kind === "calm" ? [] : generateDisturbances(chance.fork("disturbances"), kind === "all");
  const flags = chance.fork("flags");
  return {
    seed,
    scenario,
    disturbances: hasTwoLabels(scenario)
      ? [...disturbances, { afterMs: flags.between(0, 200) * 1_000, kind: "other-flags" }]
      : disturbances,
    storminess: kind === "calm" ? 0 : chance.pick([0.01, 0.03, 0.1]),
    faults: FAULTS_BY_KIND[kind],
    calmAfterMs: 240_000,
  };
}

const hasTwoLabels = ({ target }: Scenario): boolean =>
  Object.keys(target.spec?.template?.metadata?.labels ?? {}).length > 1;

const FAULTS_BY_KIND: Readonly<Record<"calm" | "crashes" | "network" | "all", readonly Fault[]>> = {
  calm: [],
  crashes: ["dies-before", "dies-after", "dies-idle"],
  network: ["refused", "unreachable", "conflict", "lost-answer", "slow"],
  all: [...new Set(Object.values(FAULTS).flat())],
};

export function generateScenario(chance: Chance, plain: boolean): Scenario {
  const way = chance.pick(["canary", "canary", "canary", "ab", "blue-green", "kubernetes", "mirror"] as const);
  const analysis: KubeFields = {
    interval: chance.pick(["10s", "20s", "30s", "60s"]),
    threshold: chance.pick([1, 2, 3, 5]),
    ...strategyFields(way, chance),
    ...(chance.hits(0.2) ? { stepWeightPromotion: chance.pick([20, 50]) } : {}),
    ...(chance.hits(0.15)
      ? { sessionAffinity: { cookieName: "c", ...(chance.hits(0.5) ? { primaryCookieName: "p" } : {}) } }
      : {}),
    ...(chance.hits(0.15) ? { metrics: [] } : {}),
  };
  if (way === "kubernetes" || way === "blue-green") analysis.metrics = [];
  const { webhooks, hooks } = generateHooks(chance.fork("hooks"), plain);
  const spec = {
    ...(way === "kubernetes" ? { provider: "kubernetes" } : {}),
    ...(chance.hits(0.1) ? { skipAnalysis: true } : {}),
    ...(chance.hits(0.3) ? { revertOnDeletion: true } : {}),
  };
  const scenario = aScenario({
    canary: { spec, analysis: { ...analysis, ...(webhooks.length === 0 ? {} : { webhooks }) } },
    next: generateBehaviour(chance.fork("behaviour")),
    rps: chance.pick([5, 100, 1000]),
    hooks,
    impatient: !plain && chance.hits(0.1),
    users: plain ? [] : generateUsers(chance.fork("users")),
    meshLagMs: chance.pick([0, 500, 1_500]),
  });
  const replicas = chance.pick([1, 2, 3]);
  const strategy = chance.pick(STRATEGIES);
  const rolling = strategy === undefined ? {} : { strategy };
  const target = { ...scenario.target, spec: { ...scenario.target.spec, replicas, ...rolling } };
  const scaled = chance.hits(0.3) ? withConfig({ ...scenario, target }) : { ...scenario, target };
  return ofAnyProvider(ofAnyKind(scaled, way, chance.fork("target")), way, chance.fork("provider"));
}

/** Half of the Canaries that can be served by others are. Traefik and Linkerd split by weight and nothing else. */
function ofAnyProvider(scenario: Scenario, strategy: string, chance: Chance): Scenario {
  const { provider, analysis } = scenario.canary.spec;
  const provided = chance.pick(["istio", "istio", "gatewayapi:v1", "traefik", "linkerd"] as const);
  if (strategy === "kubernetes" || provider === "knative" || provided === "istio") return scenario;
  const plain = !analysis.match && !analysis.mirror && !analysis.sessionAffinity;
  return plain || provided === "gatewayapi:v1" ? providedBy(scenario, provided) : scenario;
}

function providedBy(scenario: Scenario, provider: string): Scenario {
  const { canary } = scenario;
  const service = { ...canary.spec.service, gatewayRefs: [{ name: "gateway" }] };
  return { ...scenario, canary: { ...canary, spec: { ...canary.spec, provider, service } } };
}

/** How a Deployment replaces its pods. */
const STRATEGIES: readonly [KubeFields, ...KubeFields[]] = [
  undefined,
  undefined,
  undefined,
  { type: "Recreate" },
  { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: "100%" } },
  { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
];

/** Under OnDelete nothing would replace a pod, so such a DaemonSet is refused. */
const DAEMON_SET_STRATEGIES: readonly [KubeFields, ...KubeFields[]] = [
  undefined,
  undefined,
  { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } },
  { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "50%" } },
  { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  { type: "OnDelete" },
];

function updatedBy(scenario: Scenario, updateStrategy: KubeFields): Scenario {
  if (updateStrategy === undefined) return scenario;
  const { target } = scenario;
  return { ...scenario, target: { ...target, spec: { ...target.spec, updateStrategy } } };
}

/** Most targets are Deployments. Knative splits by weight and nothing else. */
function ofAnyKind(scenario: Scenario, strategy: string, chance: Chance): Scenario {
  const kind = chance.pick([
    "Deployment",
    "Deployment",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Service",
    "Knative",
  ]);
  if (kind === "Deployment" || kind === "StatefulSet") {
    const same = kind === "Deployment" ? scenario : withTarget(scenario, kind);
    const scaler = chance.pick(["HorizontalPodAutoscaler", "ScaledObject", "none", "none", "none", "none"] as const);
    return scaler === "none" ? same : withScaler(same, scaler, chance.fork("least").pick([1, 1, 0] as const));
  }
  if (kind === "Service" && strategy === "kubernetes") return scenario;
  if (kind === "Knative" && (strategy !== "canary" || scenario.canary.spec.analysis.sessionAffinity)) return scenario;
  const nodes = kind === "DaemonSet" && chance.hits(0.4) ? { nodes: 1 } : {};
  const made = withTarget({ ...scenario, ...nodes }, kind as Parameters<typeof withTarget>[1]);
  return kind === "DaemonSet" ? updatedBy(made, chance.fork("update").pick(DAEMON_SET_STRATEGIES)) : made;
}

function strategyFields(strategy: string, chance: Chance): KubeFields {
  switch (strategy) {
    case "ab":
      return { iterations: chance.between(1, 3), match: [{ headers: { cookie: { exact: "x" } } }] };
    case "blue-green":
    case "kubernetes":
      return { iterations: chance.between(1, 3), mirror: chance.hits(0.3) };
    case "mirror":
      return { mirror: true, stepWeight: 50, maxWeight: 50 };
    default:
      return chance.pick([
        { stepWeight: 20, maxWeight: 40 },
        { stepWeight: 50, maxWeight: 100 },
        { stepWeight: 30, maxWeight: 50 },
        { stepWeights: [1, 10, 80] },
        { stepWeight: 100, maxWeight: 100 },
      ]);
  }
}

const HOOK_TYPES = [
  "confirm-rollout",
  "pre-rollout",
  "rollout",
  "confirm-traffic-increase",
  "confirm-promotion",
  "post-rollout",
  "rollback",
] as const;

function generateHooks(chance: Chance, plain: boolean) {
  const webhooks: KubeFields[] = [];
  const hooks: Record<string, HookBehaviour> = {};
  for (const type of HOOK_TYPES) {
    if (!chance.hits(plain ? 0.1 : 0.2)) continue;
    webhooks.push({ name: type, type, url: `http://${type}.invalid/` });
    if (type === "rollback") hooks[type] = chance.hits(0.8) ? { kind: "fails" } : { kind: "passes" };
    else if (!plain) hooks[type] = chance.pick(HOOK_BEHAVIOURS);
  }
  return { webhooks, hooks };
}

const HOOK_BEHAVIOURS: readonly [HookBehaviour, ...HookBehaviour[]] = [
  { kind: "passes" },
  { kind: "passes-late" },
  { kind: "fails-first", calls: 1 },
  { kind: "fails-first", calls: 3 },
  { kind: "opens", afterMs: 90_000 },
  { kind: "hangs" },
  { kind: "fails" },
];

function generateBehaviour(chance: Chance): Behaviour {
  const kind = chance.pick([
    "good",
    "good",
    "good",
    "errors",
    "slow",
    "crashes",
    "never-ready",
    "as-primary",
    "late",
    "by-weight",
    "lazy",
  ] as const);
  const rising: Curve = {
    over: "time",
    points: [
      [20, 0],
      [60, 20],
    ],
  };
  const byWeight: Curve = {
    over: "weight",
    points: [
      [20, 0],
      [40, 20],
    ],
  };
  switch (kind) {
    case "good":
      return HEALTHY;
    case "errors":
      return { ...HEALTHY, errorRate: chance.pick([6, 20, 100]) };
    case "slow":
      return { ...HEALTHY, latencyMs: 1_500 };
    case "crashes":
      return { ...HEALTHY, crash: chance.pick([15_000, 40_000, 90_000]) };
    case "never-ready":
      return { ...HEALTHY, crash: "start" };
    case "as-primary":
      return chance.hits(0.5)
        ? { ...HEALTHY, crashAsPrimary: chance.pick<"start" | number>(["start", 20_000]) }
        : { ...HEALTHY, errorRateAsPrimary: chance.pick([6, 100]) };
    case "late":
      return { ...HEALTHY, errorRate: rising };
    case "by-weight":
      return { ...HEALTHY, errorRate: byWeight };
    case "lazy":
      return { ...HEALTHY, readyAfterMs: chance.pick([10_000, 50_000, 70_000]) };
  }
}

function generateUsers(chance: Chance): UserAction[] {
  const count = chance.between(1, 3);
  return Array.from({ length: count }, () => {
    const afterMs = chance.between(0, 200) * 1_000;
    return { afterMs, ...chance.pick(ACTIONS) } as UserAction;
  }).flatMap((action) => follow(action));
}

/** People also undo what they do, because otherwise a run might not end. */
function follow(action: UserAction): UserAction[] {
  const later = { afterMs: action.afterMs + 60_000 };
  if (action.kind === "scale-primary" && action.replicas === 0) {
    return [action, { ...later, kind: "scale-primary", replicas: 2 }];
  }
  if (action.kind === "pause") return [action, { ...later, kind: "resume", of: action.of }];
  if (action.kind === "delete-target") return [action, { ...later, kind: "restore-target" }];
  if (action.kind === "edit-canary" && action.spec.suspend === true) {
    return [action, { ...later, kind: "edit-canary", spec: { suspend: false } }];
  }
  return [action];
}

type Action = UserAction extends infer A ? (A extends { afterMs: number } ? Omit<A, "afterMs"> : never) : never;

const ACTIONS: readonly [Action, ...Action[]] = [
  { kind: "release", image: "podinfo:3" },
  { kind: "release", image: "podinfo:3" },
  { kind: "release", image: "podinfo:1" },
  { kind: "release", image: "podinfo:2" },
  { kind: "scale-primary", replicas: 4 },
  { kind: "scale-primary", replicas: 0 },
  { kind: "scale-primary", replicas: 0 },
  { kind: "move-target", label: NOWHERE },
  { kind: "pause", of: "primary" },
  { kind: "pause", of: "target" },
  { kind: "scale-target", replicas: 0 },
  { kind: "scale-target", replicas: 3 },
  { kind: "edit-canary", spec: { analysis: { threshold: 1 } } },
  { kind: "edit-canary", spec: { analysis: { stepWeight: 10, maxWeight: 30 } } },
  { kind: "edit-canary", spec: { analysis: { iterations: 1 } } },
  { kind: "edit-canary", spec: { suspend: true } },
  { kind: "edit-canary", spec: { skipAnalysis: true } },
  { kind: "edit-config", value: "blue" },
  { kind: "edit-secret", value: "blue" },
  { kind: "edit-scaler", max: 6 },
  { kind: "delete-scaler" },
  { kind: "drop-config" },
  { kind: "rename-config", value: "green" },
  { kind: "delete-canary" },
  { kind: "delete-target" },
  { kind: "delete-primary" },
  { kind: "delete-routes" },
  { kind: "edit-routes" },
  { kind: "lose-pods", of: "target", all: true },
  { kind: "lose-pods", of: "target", all: false },
  { kind: "lose-pods", of: "primary", all: true },
  { kind: "lose-pods", of: "primary", all: false },
];

/** A machine's clock may be wrong by any time. */
const MACHINE_JUMPS_MS = [-7_200_000, -120_000, -5_000, 5_000, 120_000, 7_200_000] as const;
const SERVER_JUMPS_MS = [-120_000, -5_000, 5_000, 120_000] as const;

function generateDisturbances(chance: Chance, clock: boolean): Disturbance[] {
  return Array.from({ length: chance.between(0, 2) }, (): Disturbance => {
    const afterMs = chance.between(0, 200) * 1_000;
    const kind = chance.pick(["kill", "two-leaders", clock ? "clock-jump" : "kill"] as const);
    if (kind === "two-leaders") return { afterMs, kind, forMs: chance.between(1, 40) * 1_000 };
    if (kind === "clock-jump") {
      const of = chance.pick(["machine", "API server"] as const);
      const byMs = chance.pick(of === "machine" ? MACHINE_JUMPS_MS : SERVER_JUMPS_MS);
      return { afterMs, kind, of, byMs };
    }
    return { afterMs, kind };
  });
}

export interface StormPorts {
  readonly chance: Chance;
  /** False once the weather is calm. */
  readonly blows: () => boolean;
}

/** Random faults, with the probability and of the kinds that the case gives. */
export function createStorm({ storminess, faults }: Case, { chance, blows }: StormPorts): Weather {
  const calls = chance.fork("calls");
  const watches = chance.fork("watches");
  return {
    call({ port }: PortCall) {
      if (storminess === 0 || !blows() || !calls.hits(storminess)) return undefined;
      const possible: readonly Fault[] = FAULTS[port];
      const [first, ...others] = possible.filter((fault) => faults.includes(fault));
      return first === undefined ? undefined : calls.pick([first, ...others]);
    },
    watch() {
      if (storminess === 0 || !blows()) return { delayMs: 2 };
      const roll = watches.next();
      if (roll < storminess / 10) return { delayMs: 2, deafMs: watches.between(1, 30) * 1_000 };
      if (roll < storminess) return { delayMs: watches.between(1, 8_000) };
      return { delayMs: watches.between(1, 50), twice: roll < storminess * 2 };
    },
  };
}
