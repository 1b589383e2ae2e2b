/** What the console's server tells the browser: plain JSON, made by views.ts, drawn by the pages. */
import type { Verb } from "../core/steering.ts";

export interface CanaryRow {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  /** One sentence: what it does, what it waits for, or how its last release ended. */
  readonly what: string;
  /** Percent of the traffic promised to the canary. */
  readonly weight: number;
  readonly step: number;
  readonly steps: number;
  readonly failedChecks: number;
  readonly threshold: number;
  readonly strategy: string;
  readonly provider: string;
  /** Milliseconds since the epoch; of the last change of phase or weight. */
  readonly since: number;
  readonly running: boolean;
  /** A person is needed: a gate waits, a release failed, a pause, a Canary that is refused. */
  readonly attention: boolean;
  readonly paused: boolean;
}

export interface StepView {
  /** Percent of the traffic. */
  readonly weight: number;
  readonly mirror: boolean;
  readonly gates: readonly string[];
}

export interface PodView {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** "Running", or why it does not run, e.g. "ImagePullBackOff: …". */
  readonly state: string;
}

export interface CopyView {
  readonly name: string;
  readonly images: readonly string[];
  readonly pods: readonly PodView[];
}

export interface EventView {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly type: string;
  readonly message: string;
  readonly count: number;
}

export interface VerbView {
  readonly verb: Verb;
  /** What the verb would do now. */
  readonly effect: string;
  /** Why it cannot be done, or may not be done; undefined when it can. */
  readonly refusal?: string;
}

export interface CheckView {
  readonly at: string;
  readonly step: number;
  readonly weight: number;
  readonly check: string;
  readonly passed: boolean;
  readonly value?: number;
  readonly min?: number;
  readonly max?: number;
  readonly detail?: string;
  readonly requests?: number;
  readonly of: string;
}

export interface RunRow {
  readonly namespace: string;
  readonly id: string;
  readonly canary: string;
  readonly verdict: string;
  readonly sentence: string;
  readonly images: Readonly<Record<string, string>>;
  readonly startedAt: string;
  readonly endedAt?: string;
}

export interface RunView extends RunRow {
  readonly previousImages: Readonly<Record<string, string>>;
  readonly changedConfigs: readonly string[];
  readonly strategy: string;
  readonly threshold: number;
  readonly steps: readonly StepView[];
  readonly checks: readonly CheckView[];
  readonly timeline: readonly {
    readonly at: string;
    readonly type: string;
    readonly message: string;
    readonly weight?: number;
  }[];
  readonly people: readonly {
    readonly at: string;
    readonly verb: string;
    readonly by: string;
    readonly outcome: string;
    readonly message: string;
    readonly reason?: string;
  }[];
  readonly requests?: {
    readonly canary?: number;
    readonly canaryFailed?: number;
    readonly primary?: number;
    readonly primaryFailed?: number;
  };
  readonly gaps: number;
}

export interface CanaryView extends CanaryRow {
  readonly plan: readonly StepView[];
  readonly intervalMs: number;
  /** When the present step is judged; milliseconds since the epoch; absent when nothing is held. */
  readonly judgedAt?: number;
  readonly gates: readonly string[];
  readonly warnings: readonly string[];
  readonly canary?: CopyView;
  readonly primary?: CopyView;
  readonly events: readonly EventView[];
  readonly runs: readonly RunRow[];
  /** The present or the last run; absent without records. */
  readonly run?: RunView;
  readonly verbs: readonly VerbView[];
  /** Whether CanaryRuns and CanaryActions are installed. */
  readonly records: boolean;
}

export interface Me {
  readonly user: string;
  readonly mode: Mode;
  readonly cluster: string;
  readonly canSteer: boolean;
  /** Why steering is off; absent when it is on. */
  readonly steeringOff?: string;
}

/** local: the kubeconfig's identity. none: read-only for everyone. token: each user's own bearer token. */
export type Mode = "local" | "none" | "token";

export interface Problem {
  readonly error: string;
}
