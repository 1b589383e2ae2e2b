import type { DesiredState } from "../core/desired.ts";
import type { CanarySpec, TargetRef } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import type { PrimaryReading, TargetReading } from "../core/turn/observation.ts";
import type { KubeObject, ObjectRef, ResourceType } from "./kubernetes.ts";
import type { MadeObject } from "./owner.ts";
import type { Snapshot } from "./snapshot.ts";

/** Labels of pods. */
export type Labels = Readonly<Record<string, string>>;

/** How the generated Services find the pods of the target and of its primary. */
export interface PodSelector {
  /** The label that the generated Services carry, each with its own name as value; e.g. "app". */
  readonly label: string;
  /** Labels that select the target's pods, and no pod of the primary. */
  readonly target: Labels;
  /** Labels that select the primary's pods: the selector of the primary that exists, else of the one to be made. */
  readonly primary: Labels;
  /** Whether the primary has a pod that can serve. A Service is never turned to pods of which none can. */
  readonly primaryServes: boolean;
  /** Where the primary's pods answer what `service.targetPort` means in the target; absent: nothing tells. */
  readonly primaryPort?: number | string;
  /** The ports that the primary's pods declare, by number and by name. */
  readonly primaryPorts: readonly (number | string)[];
  /** Further ports of the pods of each side to expose (portDiscovery). */
  readonly ports: Readonly<Record<"canary" | "primary", readonly { readonly name: string; readonly port: number }[]>>;
}

/** What the caches say about target and primary. */
export type WorkloadReading =
  /**
   * Nothing can be done: text of a Warning event. `gone`: the target was deleted, or has no pod left. `unreadable`:
   * the target's revision cannot be read, because it refers to a ConfigMap or Secret that is missing.
   */
  | { readonly kind: "problem"; readonly detail: string; readonly gone?: true; readonly unreadable?: true }
  | {
      readonly kind: "reading";
      readonly target: TargetReading;
      readonly primary: PrimaryReading;
      /** undefined when the target has no pods of its own (Services): then no Services are generated either. */
      readonly selector?: PodSelector;
      /** What keeps a rollout from going on, and what ends that (text of a Warning event, said once). */
      readonly warning?: string;
      /** When the reading will change by time alone. Milliseconds since the epoch. */
      readonly recheckAt?: number;
    };

/** Pure translator between one kind of target and the core's words. Laws in workloads/conformance.test.ts. */
export interface Workload {
  readonly kind: string;
  matches(target: TargetRef): boolean;
  /** What begins a release, for people: "has a new pod template". */
  readonly beginning: string;
  /** The target is a Service of Kubernetes: it has no pods of its own, and may be the one that users call. */
  readonly isService?: true;
  /** Kinds that are read beside the target, and the provider that routes to such targets. */
  readonly beside?: { readonly provider: string; readonly kinds: readonly ResourceType[] };
  /** Why a spec with such a target is invalid, text of the event; undefined or absent: it is valid. */
  refusal?(spec: CanarySpec): string | undefined;
  /** Absent: the metrics of both sides are found by the target's name. */
  readonly measuredBy?: MeasuredBy;
  /** Every object that read and render look at, as far as `seen` tells: called again when more is known. */
  inputs(canary: Canary, seen: Snapshot): readonly ObjectRef[];
  /** The objects that the workload makes; see `MadeObject`. */
  made(canary: Canary, seen: Snapshot): readonly MadeObject[];
  /** What `read` derives from large objects, and remembers. It may be done before, one by one. Absent: nothing. */
  digests?(canary: Canary, seen: Snapshot): readonly (() => unknown)[];
  read(canary: Canary, seen: Snapshot, now: number): WorkloadReading;
  /**
   * The primary copy and its configuration as they should be, in the order in which to write them; whole objects, for
   * an existing one the seen object with Aviary's fields replaced. The template is only ever copied from a target that
   * still holds the revision asked for.
   */
  renderPrimary(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[];
  /** The target, scaled as it should be; empty when it is not to be touched. */
  renderTarget(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[];
  /**
   * What a person does to give the target pods again when the primary is deleted with its Canary: "you run: kubectl …".
   * Absent: such a target has pods while the primary serves.
   */
  revival?(target: WorkloadName, seen: Snapshot): string;
}

/** Names a workload. */
export interface WorkloadName {
  readonly namespace: string;
  readonly name: string;
}

/** An object that says under which name the metrics of each side are found. */
export interface MeasuredBy {
  readonly type: ResourceType;
  /** What the object is, in the text of an event: "Knative service". */
  readonly as: string;
  nameOf(object: KubeObject, side: "canary" | "primary"): string;
}

/** Flags of the operator that workloads need. */
export interface WorkloadOptions {
  /** Candidates for the selector label, in order of preference. */
  readonly selectorLabels: readonly string[];
  /** Labels and annotations with these prefixes are copied to what is generated; "*": all. */
  readonly includeLabelPrefixes: readonly string[];
  readonly configTracking: boolean;
}

/** Pure translator for what scales a target: its `-primary` copy, and its pausing while the target is down. */
export interface Autoscaler {
  readonly kind: string;
  inputs(canary: Canary): readonly ObjectRef[];
  made(canary: Canary): readonly MadeObject[];
  /** Why it cannot be followed (text of a Warning event), e.g. the source is missing. */
  problem(canary: Canary, seen: Snapshot): string | undefined;
  /** The primary's scaler. */
  renderPrimary(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[];
  /** The source, paused or resumed. */
  renderTarget(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[];
  /**
   * The source, when it scales up a target that has no pods. It must be paused as long as it exists, also when the
   * Canary names it no more. Absent: this kind leaves a target without pods alone.
   */
  wakes?(canary: Canary, seen: Snapshot): KubeObject | undefined;
}
