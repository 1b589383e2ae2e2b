/** The objects of aviary.flagger.app/v1alpha1 on the wire: what people ask for, what is frozen, and what happened. */
import { type Expected, STEERING_GROUP, STEERING_VERSION, type Verb } from "../core/people/steering.ts";
import { type KubeObject, namespaced } from "./kubernetes.ts";

/** The kinds of that group. */
export const STEERING = {
  action: namespaced(STEERING_GROUP, STEERING_VERSION, "CanaryAction", "canaryactions"),
  freeze: namespaced(STEERING_GROUP, STEERING_VERSION, "CanaryFreeze", "canaryfreezes"),
  run: namespaced(STEERING_GROUP, STEERING_VERSION, "CanaryRun", "canaryruns"),
} as const;

/** On a CanaryAction and a CanaryRun: the name of the Canary as far as a label holds it, see `canaryLabel`. */
export const CANARY_LABEL = "aviary.flagger.app/canary";

/** A label has 63 characters at most, and ends with a letter or a digit. */
const LONGEST_LABEL = 63;

/**
 * The value of CANARY_LABEL. Two long names may have the same value, so that `isOfCanary` decides what belongs to a
 * Canary.
 */
export function canaryLabel(name: string): string {
  return name.slice(0, LONGEST_LABEL).replace(/[^A-Za-z0-9]+$/, "");
}

/**
 * Finds the CanaryActions and CanaryRuns of a Canary, and perhaps those of another one with a long name: see
 * `isOfCanary`.
 */
export const canarySelector = (name: string): string => `${CANARY_LABEL}=${canaryLabel(name)}`;

/** Whether a CanaryAction or a CanaryRun is about the Canary of that name, in its own namespace. */
export const isOfCanary = ({ spec }: KubeObject, name: string): boolean => spec?.canary === name;

/** On a CanaryRun: its verdict. */
export const VERDICT_LABEL = "aviary.flagger.app/verdict";

/** `spec` of a CanaryAction: created once, never changed. */
export interface CanaryActionSpec {
  /** Name of the Canary, in the namespace of the action. */
  readonly canary: string;
  readonly verb: Verb;
  /** The command line and the console always fill it. */
  readonly expect?: Expected;
  /** The user; a ValidatingAdmissionPolicy holds it against who creates the object. */
  readonly by: string;
  readonly reason?: string;
  /** Go duration; "10m" when absent. */
  readonly expiresAfter?: string;
  readonly gate?: string;
  readonly to?: { readonly step?: number; readonly weight?: number; readonly run?: string };
  /** pause: Go duration. */
  readonly for?: string;
  readonly freezeChecks?: boolean;
  readonly gatesToo?: boolean;
}

/** Written once, by the operator. */
export interface CanaryActionStatus {
  readonly phase: "Applied" | "Refused" | "Expired";
  /** "weight 20 -> 25", or why nothing was done. */
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
  /** The run that it acted on. */
  readonly run?: string;
}

/** `spec` of a CanaryFreeze: while it stands, no run begins in its namespace. */
export interface CanaryFreezeSpec {
  /** Names of Canaries; all of the namespace when absent or empty. */
  readonly canaries?: readonly string[];
  /** ISO 8601; at once when absent. */
  readonly from?: string;
  /** ISO 8601; until it is deleted when absent. */
  readonly until?: string;
  readonly by: string;
  readonly reason?: string;
  /** What becomes of runs that are under way; "finish" when absent. */
  readonly runs?: "finish" | "hold";
  /** "cluster" freezes every namespace; it counts in the operator's own namespace only. "namespace" when absent. */
  readonly scope?: "namespace" | "cluster";
  /** Labels that a Canary must carry; any Canary when absent. */
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  /** Windows: five fields of cron, the minute in which each window begins. Needs `duration`. */
  readonly schedule?: string;
  /** Go duration: how long each window is. */
  readonly duration?: string;
  /** IANA name of the zone that the schedule is in; "UTC" when absent. */
  readonly timeZone?: string;
}
