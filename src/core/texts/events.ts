/**
 * Every event and alert of the engine, each text in one place. Listeners decide where it goes. Code compares reasons,
 * never texts.
 */

import type { Freeze } from "../people/steering.ts";
import type { Phase } from "../phases/positions.ts";
import { type CanaryRef, type CanarySpec, dotted, primaryName } from "../spec/spec.ts";
import type { Alert, OffSplit } from "../status/canary.ts";
import type { Reason } from "./reasons.ts";
import { splitText } from "./words.ts";

/** One event of one Canary. */
export interface RolloutEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: Reason;
  readonly message: string;
  /** Logged as an error, not only as a warning. */
  readonly error?: boolean;
  /** The webhook that keeps the gate closed. */
  readonly gate?: string;
  /** The phase in the payload of event webhooks. */
  readonly phase: Phase;
}

/** A notice: the event, and the alert that goes with it. */
export interface Notice {
  readonly event: Omit<RolloutEvent, "phase">;
  readonly alert?: Alert;
}

type Subject = { readonly ref: CanaryRef; readonly spec: CanarySpec };

const normal = (reason: Reason, message: string): Notice => ({ event: { type: "Normal", reason, message } });
const warning = (reason: Reason, message: string): Notice => ({ event: { type: "Warning", reason, message } });
const alert = (notice: Notice, severity: Alert["severity"], message: string, metadata = false): Notice => ({
  ...notice,
  alert: { message, severity, metadata },
});

const canaryOf = ({ ref }: Subject): string => dotted(ref.name, ref);
const targetOf = ({ ref, spec }: Subject): string => dotted(spec.targetRef.name, ref);
const primaryOf = ({ ref, spec }: Subject): string => dotted(primaryName(spec), ref);

/** Every notice, by name. The texts are contract. */
export const EVENTS = {
  suspended: () => normal("Suspended", "skipping canary run as object is suspended"),
  metricsAvailable: () => normal("MetricServersAvailable", "all the metrics providers are available!"),
  metricsUnavailable: (detail: string): Notice => ({
    event: {
      type: "Warning",
      reason: "MetricServersUnavailable",
      message: `Error checking metric providers: ${detail}`,
      error: true,
    },
  }),
  /** The adapter that finds the trouble (target, readiness, router, check) words these texts. */
  targetProblem: (text: string) => warning("TargetProblem", text),
  primaryNotReady: (text: string) => warning("PrimaryNotReady", text),
  canaryNotReady: (text: string) => warning("CanaryNotReady", text),
  notSupported: (text: string) => warning("NotSupported", text),
  checkFailed: (text: string, error?: boolean): Notice => ({
    event: { type: "Warning", reason: "CheckFailed", message: text, ...(error === undefined ? {} : { error }) },
  }),
  initialized: (s: Subject) =>
    alert(
      normal("Initialized", `Initialization done! ${canaryOf(s)}`),
      "info",
      `New ${s.spec.targetRef.kind} detected, initialization completed.`,
      true,
    ),
  newRevision: (s: Subject) =>
    alert(
      normal("NewRevision", `New revision detected! Scaling up ${targetOf(s)}`),
      "info",
      "New revision detected, progressing canary analysis.",
      true,
    ),
  restarting: (s: Subject) =>
    normal("AnalysisRestarted", `New revision detected! Restarting analysis for ${targetOf(s)}`),
  /**
   * Aviary's own: the target changes faster than a revision can be judged, or its record in the status does not stay as
   * it was written.
   */
  restartPutOff: (s: Subject, ms: number, again: boolean) =>
    warning(
      "RestartPutOff",
      `The next restart of the analysis for ${targetOf(s)} waits ${Math.ceil(ms / 1000)} s: ` +
        (again
          ? "it was restarted for this very revision before, what is recorded in the status does not stay as written"
          : "the revision changed again within one interval"),
    ),
  /** Aviary's own: the strategy was edited in the middle of a run. */
  strategyChanged: (s: Subject) =>
    normal("StrategyChanged", `Strategy of ${canaryOf(s)} was changed! Restarting analysis for ${targetOf(s)}`),
  /** Aviary's own: provider or Service were edited in the middle of a run. */
  routingChanged: (s: Subject, provider: string, service: string) =>
    normal(
      "RoutingChanged",
      `Routing of ${canaryOf(s)} was changed from ${provider} (Service ${service}) to ${s.spec.provider} ` +
        `(Service ${s.spec.service.name})! Restarting analysis for ${targetOf(s)}`,
    ),
  /** Aviary's own: the Canary names another target than before. */
  targetRenamed: (s: Subject, { kind, name }: { readonly kind: string; readonly name: string }) =>
    warning(
      "TargetRenamed",
      `Target of ${canaryOf(s)} was changed from ${kind} ${name} to ${s.spec.targetRef.kind} ${s.spec.targetRef.name}: ` +
        `${kind} ${name}-primary serves until the new primary is ready, and is not deleted: delete it afterwards`,
    ),
  starting: (s: Subject) => normal("AnalysisStarted", `Starting canary analysis for ${targetOf(s)}`),
  advanceWeight: (s: Subject, weight: number) =>
    normal("WeightAdvanced", `Advance ${canaryOf(s)} canary weight ${weight}`),
  advanceIteration: (s: Subject, iteration: number, total: number) =>
    normal("IterationAdvanced", `Advance ${canaryOf(s)} canary iteration ${iteration}/${total}`),
  advancePrimary: (s: Subject, weight: number) =>
    normal("PrimaryWeightAdvanced", `Advance ${canaryOf(s)} primary weight ${weight}`),
  allToCanary: (mirrored: boolean) =>
    normal(
      "RoutedToCanary",
      mirrored ? "Stop traffic mirroring and route all traffic to canary" : "Routing all traffic to canary",
    ),
  allToPrimary: () => normal("RoutedToPrimary", "Routing all traffic to primary"),
  /** Aviary's own: something is wrong, and the rollout goes on. */
  warned: (text: string) => warning("TargetProblem", text),
  /** Aviary's own: a Canary that is deleted cannot give the traffic back to a target that cannot serve. */
  handBackStuck: (s: Subject, detail: string): Notice =>
    alert(
      warning(
        "DeadlineExceeded",
        `${targetOf(s)} cannot get its traffic back, ${primaryOf(s)} goes on serving: ${detail}; release a revision that gets ` +
          "ready, or set spec.revertOnDeletion to false to delete the Canary and its primary as they are",
      ),
      "error",
      `Deletion waits, the target is not ready: ${detail}`,
    ),
  /** Aviary's own: all pods of the primary are replaced at once, and none can serve meanwhile. */
  covering: (s: Subject) =>
    normal(
      "RoutedToCanary",
      `The pods of ${primaryOf(s)} are replaced all at once, routing all traffic to ${targetOf(s)} until they are ready`,
    ),
  copying: (s: Subject) => normal("CopyingTemplate", `Copying ${targetOf(s)} template spec to ${primaryOf(s)}`),
  waitingForPrimary: (s: Subject, detail: string) =>
    normal("WaitingForPrimary", `Waiting for ${primaryOf(s)} rollout to finish: ${detail}`),
  promoted: (s: Subject) =>
    alert(
      normal("Promoted", `Promotion completed! Scaling down ${targetOf(s)}`),
      "info",
      "Canary analysis completed successfully, promotion finished.",
    ),
  promotedUnjudged: (s: Subject) =>
    alert(
      normal("PromotedUnjudged", `Promotion completed! Canary analysis was skipped for ${targetOf(s)}`),
      "info",
      "Canary analysis was skipped, promotion finished.",
    ),
  /** Aviary's own: the target holds the promoted revision again. */
  reverted: (s: Subject) =>
    alert(
      normal(
        "Reverted",
        `${targetOf(s)} was reverted to the promoted revision! Routing all traffic to ${primaryOf(s)}`,
      ),
      "info",
      "Target reverted to the promoted revision, canary analysis ended.",
    ),
  thresholdReached: (s: Subject, failedChecks: number) =>
    alert(
      warning("ThresholdReached", `Rolling back ${canaryOf(s)} failed checks threshold reached ${failedChecks}`),
      "error",
      `Failed checks threshold reached ${failedChecks}`,
    ),
  manualRollback: (s: Subject) =>
    alert(
      warning("ManualRollback", `Rolling back ${canaryOf(s)} manual webhook invoked`),
      "warn",
      "Rolling back manual webhook invoked",
    ),
  /** The readiness text is the event; the alert names the cause (Q21). */
  deadlineExceeded: (detail: string) =>
    alert(warning("DeadlineExceeded", detail), "error", `Progress deadline exceeded ${detail}`),
  failed: (s: Subject) => warning("Failed", `Canary failed! Scaling down ${canaryOf(s)}`),
  promotionFailed: (s: Subject, detail: string) =>
    alert(
      warning("PromotionFailed", `Promotion of ${targetOf(s)} failed, primary not ready: ${detail}`),
      "error",
      `Promotion failed, primary not ready: ${detail}`,
    ),
  /** Aviary's own: the primary lost all of its pods in the middle of a run. */
  primaryGone: (s: Subject, detail?: string) =>
    warning(
      "PrimaryGone",
      `${primaryOf(s)} cannot serve, routing all traffic to canary until it can${detail === undefined ? "" : `: ${detail}`}`,
    ),
  /** Aviary's own: after a failed promotion the primary has no work, so that its autoscaler took its pods. */
  primaryIdle: (s: Subject) =>
    warning(
      "PrimaryGone",
      `${primaryOf(s)} has no pods, because its autoscaler finds no work for it: ${targetOf(s)} serves all users until it ` +
        `has one: run kubectl scale ${s.spec.targetRef.kind.toLowerCase()}/${primaryName(s.spec)} --replicas=1 -n ${s.ref.namespace}`,
    ),
  /** Aviary's own: the primary went away so often that the run ends. */
  primaryUnstable: (s: Subject, detail: string) =>
    alert(
      warning("PrimaryUnstable", `Ending the run of ${canaryOf(s)}, ${primaryOf(s)} is unstable: ${detail}`),
      "error",
      `Primary is unstable: ${detail}`,
    ),
  /** Aviary's own: the primary has pods again, after the canary served everyone. */
  primaryBack: (s: Subject) => normal("PrimaryBack", `${primaryOf(s)} can serve again, routing its share back to it`),
  /** Aviary's own: the primary serves the last promoted revision again after a failed promotion. */
  primaryRestored: (s: Subject) =>
    normal("PrimaryRestored", `Restored ${primaryOf(s)}, routing all traffic to primary`),
  /** Aviary's own: the primary was deleted before it could be restored, and no other record of what it ran is left. */
  primaryLost: (s: Subject) =>
    warning(
      "PrimaryLost",
      `${primaryOf(s)} was deleted before it was restored, and what it ran before is lost: ` +
        `${canaryOf(s)} serves until another revision is released`,
    ),
  /** Aviary's own: the primary was deleted while the target held a revision that failed. */
  primaryRecreated: (s: Subject) =>
    recreated(s, "made again of the revision that failed, which is all there was: release a good one"),
  /** Aviary's own: the primary was deleted while the target held a revision that was not released yet. */
  primaryRecreatedUntested: (s: Subject) =>
    recreated(s, "made again of what the target holds, which is all there was and is not tested"),
  /**
   * Aviary's own: another writer changed the routes in the middle of a step, or an operator died before it could write
   * them.
   */
  routesRestored: (s: Subject) =>
    warning("RoutesNotInForce", `Routes of ${canaryOf(s)} are not as promised, restoring them`),
  gatePassed: (gate: string, hook: string) => normal("GatePassed", `${gate} check ${hook} passed`),
  rolloutRefused: (s: Subject, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for approval ${hook}`,
      "Canary is waiting for approval.",
      hook,
      muted,
    ),
  increaseRefused: (s: Subject, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for traffic increase approval ${hook}`,
      "Canary traffic increase is waiting for approval.",
      hook,
      muted,
    ),
  promotionRefused: (s: Subject, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for promotion approval ${hook}`,
      "Canary promotion is waiting for approval.",
      hook,
      muted,
    ),
  preRolloutFailed: (s: Subject, hook: string, detail: string) =>
    warning("HookFailed", `Halt ${canaryOf(s)} advancement pre-rollout check ${hook} failed ${detail}`),
  rolloutHookFailed: (s: Subject, hook: string, detail: string) =>
    warning("HookFailed", `Halt ${canaryOf(s)} advancement external check ${hook} failed ${detail}`),
  postRolloutPassed: (hook: string) => normal("PostRolloutPassed", `Post-rollout check ${hook} passed`),
  postRolloutFailed: (hook: string, detail: string) =>
    warning("PostRolloutFailed", `Post-rollout hook ${hook} failed ${detail}`),
  rollbackNotSignaled: (hook: string) =>
    normal("RollbackNotSignaled", `Rollback hook ${hook} not signaling a rollback`),
  rollbackSignaled: (hook: string) => normal("RollbackSignaled", `Rollback check ${hook} passed`),
  /** Aviary's own: the mesh does not follow, or requests go past it. */
  offSplit: (s: Subject, split: OffSplit) =>
    warning("OffSplit", `Requests of ${canaryOf(s)} are not split as promised: ${splitText(split)}`),
  /** Aviary's own: a CanaryFreeze keeps the release from beginning. */
  frozen: ({ name, by, reason, until }: Freeze) =>
    normal(
      "Frozen",
      `A new revision waits: frozen by ${by} (${name})${until === undefined ? "" : ` until ${timeText(until)}`}` +
        `${reason === undefined ? "" : `: ${reason}`}`,
    ),
  /** Aviary's own: a person rolled back. */
  aborted: (s: Subject, by: string) =>
    alert(warning("Aborted", `Rolling back ${canaryOf(s)} aborted by ${by}`), "warn", `Rolling back, aborted by ${by}`),
  /** Aviary's own: a person undid a promotion. */
  undone: (s: Subject, by: string) =>
    alert(
      warning("Undone", `${by} undid the last promotion of ${canaryOf(s)}: the primary gets its earlier revision back`),
      "warn",
      `Undone by ${by}: the primary gets its earlier revision back, the target still asks for the later one`,
    ),
  /** Aviary's own: a person acted. */
  acted: (s: Subject, verb: string, by: string, message: string) =>
    normal("Action", `${verb} of ${canaryOf(s)} by ${by}: ${message}`),
  terminating: (s: Subject) => normal("Terminating", `Terminating canary ${canaryOf(s)}`),
  terminated: (s: Subject) => normal("Terminated", `Terminated canary ${canaryOf(s)}`),
} as const;

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function gateRefused(message: string, alertMessage: string, gate: string, muted: boolean): Notice {
  const notice: Notice = { event: { type: "Warning", reason: "GateRefused", message, gate } };
  return muted ? notice : alert(notice, "warn", alertMessage);
}

/** An alert goes with the event, because users are served with a revision that was not approved. */
function recreated(s: Subject, how: string): Notice {
  const message = `${primaryOf(s)} was deleted and ${how}`;
  return alert(warning("PrimaryRecreated", message), "error", message);
}
