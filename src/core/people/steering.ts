/**
 * What people ask of a rollout. Every verb is an RBAC verb on canaries, a command and a button, all by the same name.
 */
import type { StatusCore } from "../status/canary.ts";

/** The group of what Aviary adds to Flagger's objects. */
export const STEERING_GROUP = "aviary.flagger.app";
/** Of the objects of that group. */
export const STEERING_VERSION = "v1alpha1";

/** All verbs. The CRD's enum is this list. */
export const VERBS = [
  "pause",
  "resume",
  "approve",
  "refuse",
  "promote",
  "promote-full",
  "abort",
  "retry",
  "undo",
  "skip",
  "set-weight",
  "override",
] as const;

/** What a person may ask of a run. */
export type Verb = (typeof VERBS)[number];

/** The situation that the person saw. The action is refused when the situation has changed since. */
export interface Expected {
  /** Id of the run, see `RunRef`. */
  readonly run?: string;
  /** Hash of the revision that is released: `status.lastAppliedSpec`. */
  readonly revision?: string;
  readonly step?: number;
}

/** One action of one person. */
export interface Action {
  /** Unique; the uid of the CanaryAction. An action acts once. */
  readonly id: string;
  /** Of the CanaryAction, for messages. */
  readonly name: string;
  readonly verb: Verb;
  readonly by: string;
  readonly reason?: string;
  /** When it was asked, and when it is too late to act on it. Milliseconds since the epoch. */
  readonly at: number;
  readonly expiresAt: number;
  readonly expect: Expected;
  /** approve, refuse: the hook that is meant; absent: the one that waits. */
  readonly gate?: string;
  /** skip: the step; set-weight and skip: the weight; undo: the run. */
  readonly toStep?: number;
  readonly toWeight?: number;
  readonly toRun?: string;
  /** pause: how long, in milliseconds; absent: until a person resumes. */
  readonly forMs?: number;
  /** pause: checks are not asked meanwhile. */
  readonly freezeChecks?: boolean;
  /** skip: gates in between are not asked. */
  readonly gatesToo?: boolean;
}

/** The outcome of an action. `message` says what the action did ("weight 20 -> 25"), or why it did nothing. */
export interface ActionAnswer {
  readonly id: string;
  readonly outcome: "applied" | "refused" | "expired";
  readonly message: string;
}

/** What keeps runs from beginning. */
export interface Freeze {
  /** "sale" of the Canary's namespace; "aviary/sale" of another one, for a freeze of the cluster. */
  readonly name: string;
  readonly by: string;
  readonly reason?: string;
  /** Milliseconds since the epoch; absent: until the freeze is deleted. */
  readonly until?: number;
  /** What becomes of runs that are under way. */
  readonly runs: "finish" | "hold";
}

/** The fields of a run and of people that outlive a change of phase. On the wire they have the same form. */
export function steeringOf({ restarted, run, cause, paused, override, approved, acted, offSplit }: Steering): Steering {
  return {
    ...(restarted === undefined ? {} : { restarted }),
    ...(run === undefined ? {} : { run }),
    ...(cause === undefined ? {} : { cause }),
    ...(paused === undefined ? {} : { paused }),
    ...(override === undefined ? {} : { override }),
    ...(approved === undefined ? {} : { approved }),
    ...(acted === undefined ? {} : { acted }),
    ...(offSplit === undefined ? {} : { offSplit }),
  };
}

type Steering = Pick<
  StatusCore,
  "restarted" | "run" | "cause" | "paused" | "override" | "approved" | "acted" | "offSplit"
>;
