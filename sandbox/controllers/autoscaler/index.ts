/**
 * HorizontalPodAutoscaler (autoscaling/v2): scales by what pods use. It looks once per sampling tick; a target at zero
 * replicas is left alone, which is how a canary's autoscaler is kept quiet.
 */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { ApiError } from "../../cluster.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "../context.ts";
import { edit, editStatus, getByKey, isTerminating, keyOf, matchesSelector, namespaceOf } from "../objects.ts";
import { bounded, MEMORY_MS, type Memory, recommended } from "./behaviour.ts";
import { type ExternalSource, type Proposal, propose, type Sources, type UsageSource } from "./metrics.ts";

export type { PodUsage, UsageSource } from "./metrics.ts";

export interface AutoscalerOptions {
  /** What a pod uses now. */
  readonly usage: UsageSource;
  /** Calls back once per new sample of usage. @returns stops. Absent: every autoscaler looks once a second. */
  readonly tick?: (listener: () => void) => Stop;
  /** Answers for External metrics; undefined: not known (yet). Absent: they are the target's requests per second. */
  readonly external?: ExternalSource;
}

const SAMPLE_MS = 1_000;

const SCALABLE: readonly ResourceType[] = [RESOURCES.deployment, RESOURCES.statefulSet, RESOURCES.replicaSet];

export function startAutoscalers(context: ControllerContext, options: AutoscalerOptions): Stop {
  const { cluster } = context;
  const memories = new Map<string, Memory>();
  let stopTick: Stop = () => {};
  const stop = startController(context, "horizontal-pod-autoscaler", (wiring) => {
    wiring.on(RESOURCES.hpa, (hpa, event) => {
      if (event === "DELETED") memories.delete(hpa.metadata.uid ?? "");
      // Own status writes come back as MODIFIED; only a new spec is news between two samples.
      const known = hpa.status?.observedGeneration === hpa.metadata.generation && hpa.status?.conditions !== undefined;
      return event === "DELETED" || known ? [] : [keyOf(hpa)];
    });
    if (options.tick !== undefined) {
      stopTick = options.tick(() => {
        for (const hpa of cluster.list(RESOURCES.hpa)) wiring.queue.add(keyOf(hpa));
      });
    }
    return (key) => {
      const hpa = getByKey(cluster, RESOURCES.hpa, key);
      if (hpa === undefined || isTerminating(hpa)) return;
      look(context, wiring, options, hpa, memories);
      if (options.tick === undefined) wiring.queue.addAfter(key, SAMPLE_MS);
    };
  });
  return () => {
    stopTick();
    stop();
  };
}

interface Outcome {
  readonly current: number;
  readonly desired: number;
  readonly currentMetrics: readonly KubeFields[];
  readonly conditions: readonly (readonly [type: string, status: string, reason: string, message: string])[];
}

function look(
  context: ControllerContext,
  wiring: Wiring,
  options: AutoscalerOptions,
  hpa: KubeObject,
  memories: Map<string, Memory>,
): void {
  const { cluster } = context;
  const { kind, name } = hpa.spec?.scaleTargetRef ?? {};
  const type = SCALABLE.find((each) => each.kind === kind);
  const target = type === undefined ? undefined : cluster.get(type, namespaceOf(hpa), name ?? "");
  if (type === undefined || target === undefined || isTerminating(target)) {
    const wanted = type === undefined ? kind : `${type.plural}.${type.group}`;
    const message = `the HPA controller was unable to get the target's current scale: ${wanted} "${name}" not found`;
    wiring.events.warning(hpa, "FailedGetScale", message);
    const conditions = [["AbleToScale", "False", "FailedGetScale", message]] as const;
    save(
      context,
      hpa,
      { current: hpa.status?.currentReplicas ?? 0, desired: 0, currentMetrics: [], conditions },
      false,
    );
    return;
  }
  const current: number = target.spec?.replicas ?? 1;
  if (current === 0 && hpa.spec?.minReplicas !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    const conditions = [
      ["AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale"],
      ["ScalingActive", "False", "ScalingDisabled", message],
    ] as const;
    save(context, hpa, { current: 0, desired: 0, currentMetrics: [], conditions }, false);
    return;
  }
  const outcome = judge(context, wiring, options, hpa, target, memories);
  const rescaled = outcome.desired !== current && rescale(context, wiring, hpa, type, target, outcome);
  if (rescaled) remember(memories, hpa, outcome.desired - current, context.clock.now());
  save(context, hpa, outcome, rescaled);
}

function judge(
  { cluster, clock }: ControllerContext,
  { events }: Wiring,
  options: AutoscalerOptions,
  hpa: KubeObject,
  target: KubeObject,
  memories: Map<string, Memory>,
): Outcome {
  const { usage, external } = options;
  const now = clock.now();
  const current: number = target.spec?.replicas ?? 1;
  const min: number = hpa.spec?.minReplicas ?? 1;
  const max: number = hpa.spec?.maxReplicas ?? current;
  const pods = cluster
    .list(RESOURCES.pod, namespaceOf(hpa))
    .filter((pod) => matchesSelector(target.spec?.selector, pod.metadata.labels));
  const proposals = metricsOf(hpa).map((metric) =>
    propose(metric, pods, current, { usage, external: externalOf(hpa, external) }),
  );
  const heard = proposals.filter((proposal) => proposal.kind === "replicas");
  const failed = proposals.find((proposal) => proposal.kind === "unavailable");
  const proposed = Math.max(0, ...heard.map((proposal) => proposal.replicas));
  // With some metrics missing it is not known whether fewer pods would do.
  const blind = heard.length === 0 || (failed !== undefined && proposed < current);
  if (failed !== undefined) events.warning(hpa, failed.reason, failed.message);
  const wish = blind ? current : proposed;
  const memory = memories.get(hpa.metadata.uid ?? "") ?? {
    recommendations: [{ at: now, replicas: current }],
    changes: [],
  };
  const clamped = Math.min(Math.max(wish, min), max);
  const inRange = current >= min && current <= max;
  const bound = inRange ? bounded(hpa.spec?.behavior, current, clamped, memory, now) : { replicas: clamped };
  const recommendations = recommended(memory.recommendations, clamped, now);
  if (!blind) memories.set(hpa.metadata.uid ?? "", { ...memory, recommendations });
  return {
    current,
    desired: Math.min(Math.max(bound.replicas, min), max),
    currentMetrics: heard.map((proposal) => proposal.current),
    conditions: [
      ableToScale("held" in bound ? bound.held : undefined),
      heard.length === 0 && failed !== undefined
        ? [
            "ScalingActive",
            "False",
            failed.reason,
            `the HPA was unable to compute the replica count: ${failed.message}`,
          ]
        : ["ScalingActive", "True", "ValidMetricFound", describe(heard, proposed)],
      limited(wish, min, max),
    ],
  };
}

function externalOf(hpa: KubeObject, external: ExternalSource | undefined): Sources["external"] {
  return external && ((name, selector) => external(namespaceOf(hpa), name, selector));
}

/** Without metrics an autoscaler keeps CPU at 80 %. */
function metricsOf(hpa: KubeObject): readonly KubeFields[] {
  const metrics: KubeFields[] = hpa.spec?.metrics ?? [];
  if (metrics.length > 0) return metrics;
  return [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }];
}

function describe(heard: readonly Extract<Proposal, { kind: "replicas" }>[], proposed: number): string {
  const winner = heard.find((proposal) => proposal.replicas === proposed);
  return `the HPA was able to successfully calculate a replica count from ${winner?.name ?? "metrics"}`;
}

function ableToScale(held: string | undefined): Outcome["conditions"][number] {
  const stabilized = held === "ScaleDownStabilized" || held === "ScaleUpStabilized";
  return stabilized
    ? [
        "AbleToScale",
        "True",
        held,
        "recent recommendations were different than the current one, applying the most careful",
      ]
    : ["AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"];
}

function limited(wish: number, min: number, max: number): Outcome["conditions"][number] {
  if (wish > max)
    return [
      "ScalingLimited",
      "True",
      "TooManyReplicas",
      "the desired replica count is more than the maximum replica count",
    ];
  if (wish < min)
    return [
      "ScalingLimited",
      "True",
      "TooFewReplicas",
      "the desired replica count is less than the minimum replica count",
    ];
  return ["ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range"];
}

function rescale(
  { cluster }: ControllerContext,
  { events }: Wiring,
  hpa: KubeObject,
  type: ResourceType,
  target: KubeObject,
  { current, desired }: Outcome,
): boolean {
  try {
    edit(cluster, type, target, (copy) => {
      copy.spec.replicas = desired;
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    events.warning(hpa, "FailedRescale", `New size: ${desired}; error: ${error.message}`);
    return false;
  }
  const why = desired > current ? "metrics above target" : "All metrics below target";
  events.normal(hpa, "SuccessfulRescale", `New size: ${desired}; reason: ${why}`);
  return true;
}

function remember(memories: Map<string, Memory>, hpa: KubeObject, delta: number, now: number): void {
  const id = hpa.metadata.uid ?? "";
  const memory = memories.get(id) ?? { recommendations: [], changes: [] };
  const changes = [...memory.changes, { at: now, delta }].filter(({ at }) => at > now - MEMORY_MS);
  memories.set(id, { ...memory, changes });
}

function save({ cluster, clock }: ControllerContext, hpa: KubeObject, outcome: Outcome, rescaled: boolean): void {
  const now = rfc3339(clock.now());
  editStatus(cluster, RESOURCES.hpa, hpa, (copy) => {
    const before: KubeFields[] = copy.status?.conditions ?? [];
    const next = outcome.conditions.map(([type, status, reason, message]) => {
      const known = before.find((entry) => entry.type === type);
      const lastTransitionTime = known?.status === status ? known.lastTransitionTime : now;
      return type === "AbleToScale" && rescaled
        ? {
            type,
            status,
            lastTransitionTime,
            reason: "SucceededRescale",
            message: `the HPA controller was able to update the target scale to ${outcome.desired}`,
          }
        : { type, status, lastTransitionTime, reason, message };
    });
    const kept = before.filter((entry) => !next.some((own) => own.type === entry.type));
    const lastScaleTime = rescaled ? now : copy.status?.lastScaleTime;
    copy.status = {
      observedGeneration: hpa.metadata.generation,
      ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
      currentReplicas: outcome.current,
      desiredReplicas: outcome.desired,
      ...(outcome.currentMetrics.length === 0 ? {} : { currentMetrics: outcome.currentMetrics }),
      conditions: [...next, ...kept],
    };
  });
}
