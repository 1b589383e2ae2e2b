/** What the console's server tells the browser: plain JSON, made by views.ts, drawn by the pages. */
import type { Verb } from "../core/people/steering.ts";

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
  /** A new revision waits until a freeze is over. Absent when none waits. */
  readonly frozen?: true;
  /** The operator refuses the Canary: no release begins until its spec is mended. Absent when it does not. */
  readonly refused?: true;
  /** Names of the webhooks that a person is asked to open; empty unless the release waits for one. */
  readonly gates: readonly string[];
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
  /** How its last container ended, e.g. "OOMKilled, exit code 137". */
  readonly ended?: string;
  readonly node?: string;
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
  /** success-rate, duration, query, template, hook or pods. */
  readonly source?: string;
  readonly passed: boolean;
  readonly value?: number;
  readonly min?: number;
  readonly max?: number;
  readonly detail?: string;
  readonly requests?: number;
  readonly of: string;
  /** It decided nothing: another check of the same turn had failed already. */
  readonly forTheRecord?: boolean;
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
  /** The people who acted on it. */
  readonly by: readonly string[];
}

export interface RunView extends RunRow {
  readonly previousImages: Readonly<Record<string, string>>;
  readonly changedConfigs: readonly string[];
  readonly revision: string;
  readonly previousRevision: string;
  readonly strategy: string;
  readonly threshold: number;
  readonly intervalMs: number;
  /** The last step that it entered; 0 before the first. */
  readonly step: number;
  readonly steps: readonly StepView[];
  readonly checks: readonly CheckView[];
  readonly timeline: readonly {
    readonly at: string;
    readonly type: string;
    readonly message: string;
    readonly phase?: string;
    readonly step?: number;
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
  /** Requests were not split as promised, as a sentence with the counts. */
  readonly offSplit?: string;
  readonly gaps: number;
}

export interface CanaryView extends CanaryRow {
  /** What a click means: the run and revision that the person saw. */
  readonly runId: string;
  readonly revision: string;
  /** "pods", "events", "releases": what the user has no right to see. */
  readonly notShown: readonly string[];
  readonly hold?: { readonly by: string; readonly at: number; readonly until?: number; readonly reason?: string };
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

/** One check over time. Points are milliseconds since the epoch and a value. */
export interface ChartView {
  readonly check: string;
  readonly unit: "%" | "ms" | "";
  readonly min?: number;
  readonly max?: number;
  readonly canary: readonly (readonly [at: number, value: number])[];
  /** Empty where the mesh does not tell the primary from the canary. */
  readonly primary: readonly (readonly [at: number, value: number])[];
}

export interface SeriesView {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  readonly charts: readonly ChartView[];
  /** Percent of the requests that the canary got, as measured. */
  readonly share?: {
    readonly points: readonly (readonly [at: number, percent: number])[];
    readonly percent: number;
    /** Of both versions, in the window. */
    readonly requests: number;
    readonly window: string;
    readonly at: number;
  };
  /** Why the split is not known, though Prometheus answered. */
  readonly unmeasured?: string;
  /** Why nothing is known: neither split nor charts. */
  readonly trouble?: string;
}

export interface FreezeView {
  readonly namespace: string;
  readonly name: string;
  /** Empty: all Canaries of the namespace. */
  readonly canaries: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly by: string;
  readonly reason: string;
  readonly runs: "finish" | "hold";
  readonly state: "active" | "later" | "over";
}

/** What the installation needs, and whether it is there. */
export interface FindingView {
  readonly verdict: "ok" | "warning" | "error";
  readonly what: string;
  readonly cure?: string;
}

export interface InsightsView {
  readonly days: number;
  readonly runs: number;
  readonly promoted: number;
  readonly rolledBack: number;
  readonly otherwise: number;
  /** Milliseconds; absent without a run that was promoted. */
  readonly medianMs?: number;
  /** Oldest first. */
  readonly perDay: readonly { readonly day: string; readonly promoted: number; readonly rolledBack: number }[];
  readonly checks: readonly { readonly check: string; readonly asked: number; readonly failed: number }[];
  readonly canaries: readonly {
    readonly namespace: string;
    readonly canary: string;
    readonly runs: number;
    readonly rolledBack: number;
  }[];
  readonly records: boolean;
}

export interface RightView {
  readonly verb: string;
  /** Absent when the user may. */
  readonly refusal?: string;
}

export interface Me {
  readonly user: string;
  readonly groups: readonly string[];
  readonly mode: Mode;
  readonly cluster: string;
  readonly canSteer: boolean;
  /** Why steering is off; absent when it is on. */
  readonly steeringOff?: string;
}

/**
 * local: the kubeconfig's identity. none: read-only for everyone. token: each user's own bearer token. oidc: a sign-in
 * at an identity provider. proxy: a proxy that proves itself names the user.
 */
export const MODES = ["local", "none", "token", "oidc", "proxy"] as const;
export type Mode = (typeof MODES)[number];

export interface Problem {
  readonly error: string;
}
