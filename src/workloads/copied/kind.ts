/** The differences between the kinds of target that are released by a copy of themselves. */
import type { Canary } from "../../core/status/canary.ts";
import type { Readiness } from "../../core/turn/observation.ts";
import type { KubeObject, ObjectRef, ResourceType } from "../../ports/kubernetes.ts";
import type { PodSpec, PodTemplate, WorkloadObject, WorkloadSpec } from "../../ports/kubernetes-types.ts";
import type { MadeObject } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { PodLabels } from "../metadata.ts";

export interface ReadinessRule {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly progressDeadlineSeconds: number;
  /** Percent of the updated pods that must be available. */
  readonly thresholdPercent: number;
  /**
   * When the operator gives up a rollout whose controller has no deadline. Absent while nothing is being rolled out: a
   * pod that is missing for a moment is then no reason to refuse a revision (Q40). Milliseconds since the epoch.
   */
  readonly giveUpAt?: number;
  /** When it is given up though it makes progress: pods that crash again and again do. Absent as `giveUpAt` is. */
  readonly giveUpAtLast?: number;
}

export interface RolloutReading {
  readonly readiness: Readiness;
  /** When a deadline will make the rollout stuck, if nothing else happens. */
  readonly recheckAt?: number;
}

/** The existing primary, or the number of replicas of a deleted primary, where the operator saw it. */
export interface Before {
  readonly primary?: WorkloadObject;
  readonly replicas?: number;
}

/** How a target is scaled down and up again. */
export interface Scaling {
  /** Pods that can serve. */
  available(object: WorkloadObject): number;
  isScaledDown(object: WorkloadObject): boolean;
  scaledDown(target: WorkloadObject): WorkloadObject;
  scaledUp(target: WorkloadObject, canary: Canary, primary: WorkloadObject | undefined, seen: Snapshot): WorkloadObject;
  /** The spec with which the target serves by itself after the Canary is deleted, scaled down now or not (Q49). */
  reverted(target: WorkloadObject, canary: Canary, primary: WorkloadObject | undefined, seen: Snapshot): WorkloadObject;
  /**
   * Why the primary has no pods and starts none, and what ends that; undefined: it wants pods, or does without them on
   * purpose, because its autoscaler found no work for them.
   */
  emptied(primary: WorkloadObject, target: WorkloadObject, canary: Canary, seen: Snapshot): string | undefined;
  /** Likewise of a target that is scaled up. Absent: such a target wants pods. */
  unplaced?(target: WorkloadObject, primary: WorkloadObject | undefined): string | undefined;
  /** Of a copy that counts as ready without any pod: what that leads to (text of a Warning event). */
  podless(
    target: WorkloadObject,
    primary: WorkloadObject | undefined,
    canary: Canary,
    seen: Snapshot,
  ): string | undefined;
  /** Fields of the primary's `spec` that say how many pods it has; empty when the operator must not set them. */
  primaryReplicas(target: WorkloadObject, canary: Canary, before: Before): Partial<WorkloadSpec>;
  /** Further objects that scaling reads. */
  inputs(canary: Canary): readonly ObjectRef[];
  /** See `Workload.revival`. @param primary as it was seen last */
  revival(target: ObjectRef, primary: WorkloadObject | undefined): string;
}

export interface CopiedKind extends Scaling {
  readonly type: ResourceType;
  /** Fields of `spec` that every promotion copies, and removes where the target has none. */
  readonly copiedFields: readonly string[];
  /** Hash of the fields that make up the revision. */
  hash(template: PodTemplate | undefined): string;
  /** Why this target cannot be released; undefined when it can. */
  refusal(target: WorkloadObject): string | undefined;
  /** What keeps its controller from rolling out, and what ends that; undefined: nothing. Absent: nothing can. */
  readonly obstacle?: (object: WorkloadObject) => string | undefined;
  /** Whether its controller has rolled out what its spec asks for; details are bare, see `wrap`. */
  readiness(object: WorkloadObject, rule: ReadinessRule): RolloutReading;
  /**
   * Whether no pod can serve for a time while the primary, as large as it is, takes over the target's template and
   * strategy.
   */
  hasGap(primary: WorkloadObject, target: WorkloadObject): boolean;
  /**
   * Whether pods leave their nodes at once, before others are ready, when one pod spec replaces another. Absent: pods
   * never do.
   */
  readonly moves?: (from: PodSpec, to: PodSpec) => boolean;
  /** Around the bare readiness details: texts of events. */
  wrap(which: "primary" | "canary", name: string, namespace: string, detail: string, stuck: boolean): string;
  /** The target's pod spec as the primary runs it, e.g. without the node selector of a scaled-down DaemonSet. */
  primaryPodSpec(podSpec: PodSpec, target: WorkloadObject, selectorLabels: readonly string[]): PodSpec;
  /** Fields of `spec` that the primary gets when it is created and keeps. */
  readonly fixedSpec?: (target: WorkloadObject) => WorkloadSpec;
  readonly companions?: Companions;
}

/** Objects that the primary needs beside it, e.g. the Service that names a StatefulSet's pods. */
export interface Companions {
  inputs(target: WorkloadObject): readonly ObjectRef[];
  made(target: WorkloadObject): readonly MadeObject[];
  render(canary: Canary, target: WorkloadObject, labels: PodLabels, seen: Snapshot): readonly KubeObject[];
}
