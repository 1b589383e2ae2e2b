/** What differs between the kinds of target that are released by a copy of themselves. */
import type { Canary } from "../../core/canary.ts";
import type { Readiness } from "../../core/observation.ts";
import type { KubeFields, KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";

export interface ReadinessRule {
  readonly progressDeadlineSeconds: number;
  /** Percent of the updated pods that must be available. */
  readonly thresholdPercent: number;
  /** When the present phase was entered, milliseconds since the epoch. */
  readonly phaseSince: number;
  readonly now: number;
}

export interface RolloutReading {
  readonly readiness: Readiness;
  /** When a deadline will make it stuck, if nothing else happens. Milliseconds since the epoch. */
  readonly recheckAt?: number;
}

export interface CopiedKind {
  readonly type: ResourceType;
  /** Hash of what counts as the revision. */
  hash(template: KubeFields): string;
  /** Why this target cannot be released; undefined when it can. */
  refusal(target: KubeObject): string | undefined;
  /** Whether its controller has rolled out what its spec asks for; details are bare, see `wrap`. */
  readiness(object: KubeObject, rule: ReadinessRule): RolloutReading;
  /** Around the bare readiness details: texts of events. */
  wrap(which: "primary" | "canary", name: string, namespace: string, detail: string, stuck: boolean): string;
  /** Pods that can serve. */
  available(object: KubeObject): number;
  isScaledDown(object: KubeObject): boolean;
  scaledDown(target: KubeObject): KubeObject;
  scaledUp(target: KubeObject, canary: Canary, primary: KubeObject | undefined, seen: Snapshot): KubeObject;
  /** Fields of `spec` that the primary takes over from the target, template and selector aside. */
  copiedSpec(target: KubeObject, canary: Canary, primary: KubeObject | undefined): KubeFields;
  /** The target's pod spec as the primary runs it: affinities, the node selector of a scaled-down DaemonSet. */
  primaryPodSpec(podSpec: KubeFields, target: KubeObject, selectorLabels: readonly string[]): KubeFields;
  /** Further objects that `scaledUp` looks at. */
  scalingInputs(canary: Canary): readonly { readonly type: ResourceType; readonly name: string }[];
}
