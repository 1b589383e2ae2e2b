/** What a watcher of a run sees: everything that happens, the run itself at any moment, and how it ended. */
import type { Alert, Canary } from "../core/status/canary.ts";
import type { RolloutEvent } from "../core/texts/events.ts";
import type { Answer, Probe } from "../core/turn/observation.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { Turn } from "../ports/recorder.ts";
import type { Api } from "./api.ts";
import type { Operator } from "./operators.ts";
import type { Scenario, UserAction } from "./scenario.ts";
import type { Schedule } from "./schedule.ts";
import type { Refs, TargetKind } from "./targets.ts";
import type { Traffic } from "./traffic.ts";
import type { Fault, PortCall } from "./weather.ts";
import type { Workloads } from "./workloads.ts";

/** Follows a run. Every function may be left out. */
export interface Watcher {
  readonly turn?: (turn: Turn) => void;
  readonly said?: (event: RolloutEvent) => void;
  readonly asked?: (canary: Canary, probe: Probe, answer: Answer) => void;
  readonly alerted?: (alert: Alert) => void;
  readonly failed?: (error: unknown) => void;
  readonly fault?: (fault: Fault, call: PortCall) => void;
  readonly disturbed?: (text: string) => void;
  readonly acted?: (action: UserAction) => void;
  /** After the last event. */
  readonly end?: (end: End) => void;
}

/** How a run ended; equal for runs with the same end. */
export interface End {
  readonly phase: string;
  /** The primary's revision. */
  readonly image: string;
  /** The target's revision. */
  readonly targetImage: string;
  /** undefined: its kind has no pods of its own. */
  readonly targetReplicas: number | undefined;
  readonly split: string;
  /** False: the time limit came first. */
  readonly rested: boolean;
}

export interface Universe {
  readonly scenario: Scenario;
  readonly schedule: Schedule;
  readonly api: Api;
  readonly traffic: Traffic;
  readonly workloads: Workloads;
  /** Of the target. */
  readonly kind: TargetKind;
  releasedAt(): number | undefined;
  canary(): KubeObject | undefined;
  target(): KubeObject | undefined;
  primary(): KubeObject | undefined;
  readonly refs: Refs;
  /** The last interference: a user, the weather, a disturbance. */
  readonly interferedAt: number;
  readonly operators: readonly Operator[];
  readonly turns: number;
  readonly calls: number;
}
