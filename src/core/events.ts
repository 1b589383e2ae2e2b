/** Everything the engine ever says, each text in one place. Listeners decide where it goes. */
import type { Alert, CanaryRef, CanarySpec, Phase } from "./canary.ts";
import { dotted, primaryName } from "./canary.ts";

export interface RolloutEvent {
  readonly type: "Normal" | "Warning";
  readonly message: string;
  /** Logged as an error, not only as a warning. */
  readonly error?: boolean;
  /** The phase that event webhooks are told. */
  readonly phase: Phase;
}

/** What a turn has to say: the event, and the alert that goes with it. */
export interface Said {
  readonly event?: Omit<RolloutEvent, "phase">;
  readonly alert?: Alert;
}

type Speaker = { readonly ref: CanaryRef; readonly spec: CanarySpec };

const normal = (message: string): Said => ({ event: { type: "Normal", message } });
const warning = (message: string): Said => ({ event: { type: "Warning", message } });
const alert = (said: Said, severity: Alert["severity"], message: string, metadata = false): Said => ({
  ...said,
  alert: { message, severity, metadata },
});

const canaryOf = ({ ref }: Speaker): string => dotted(ref.name, ref);
const targetOf = ({ ref, spec }: Speaker): string => dotted(spec.targetRef.name, ref);
const primaryOf = ({ ref, spec }: Speaker): string => dotted(primaryName(spec), ref);

export const EVENTS = {
  suspended: () => normal("skipping canary run as object is suspended"),
  metricsAvailable: () => normal("all the metrics providers are available!"),
  metricsUnavailable: (detail: string): Said => ({
    event: { type: "Warning", message: `Error checking metric providers: ${detail}`, error: true },
  }),
  /** Texts that come from where the trouble is: readiness, routing, metrics. */
  warning,
  initialized: (s: Speaker) =>
    alert(
      normal(`Initialization done! ${canaryOf(s)}`),
      "info",
      `New ${s.spec.targetRef.kind} detected, initialization completed.`,
      true,
    ),
  newRevision: (s: Speaker) =>
    alert(
      normal(`New revision detected! Scaling up ${targetOf(s)}`),
      "info",
      "New revision detected, progressing canary analysis.",
      true,
    ),
  restarting: (s: Speaker) => normal(`New revision detected! Restarting analysis for ${targetOf(s)}`),
  /** Ours: the target changes faster than anything can be judged, or what is recorded of it does not stay as it was written. */
  restartPutOff: (s: Speaker, ms: number, again: boolean) =>
    warning(
      `The next restart of the analysis for ${targetOf(s)} waits ${Math.ceil(ms / 1000)} s: ` +
        (again
          ? "it was restarted for this very revision before, what is recorded in the status does not stay as written"
          : "the revision changed again within one interval"),
    ),
  /** Ours: somebody edited the strategy in the middle of a run. */
  strategyChanged: (s: Speaker) =>
    normal(`Strategy of ${canaryOf(s)} was changed! Restarting analysis for ${targetOf(s)}`),
  starting: (s: Speaker) => normal(`Starting canary analysis for ${targetOf(s)}`),
  advanceWeight: (s: Speaker, weight: number) => normal(`Advance ${canaryOf(s)} canary weight ${weight}`),
  advanceIteration: (s: Speaker, iteration: number, total: number) =>
    normal(`Advance ${canaryOf(s)} canary iteration ${iteration}/${total}`),
  advancePrimary: (s: Speaker, weight: number) => normal(`Advance ${canaryOf(s)} primary weight ${weight}`),
  allToCanary: (mirrored: boolean) =>
    normal(mirrored ? "Stop traffic mirroring and route all traffic to canary" : "Routing all traffic to canary"),
  allToPrimary: () => normal("Routing all traffic to primary"),
  copying: (s: Speaker) => normal(`Copying ${targetOf(s)} template spec to ${primaryOf(s)}`),
  waitingForPrimary: (s: Speaker, detail: string) => normal(`Waiting for ${primaryOf(s)} rollout to finish: ${detail}`),
  promoted: (s: Speaker) =>
    alert(
      normal(`Promotion completed! Scaling down ${targetOf(s)}`),
      "info",
      "Canary analysis completed successfully, promotion finished.",
    ),
  promotedUnjudged: (s: Speaker) =>
    alert(
      normal(`Promotion completed! Canary analysis was skipped for ${targetOf(s)}`),
      "info",
      "Canary analysis was skipped, promotion finished.",
    ),
  /** Ours: the target holds the promoted revision again. */
  reverted: (s: Speaker) =>
    alert(
      normal(`${targetOf(s)} was reverted to the promoted revision! Routing all traffic to ${primaryOf(s)}`),
      "info",
      "Target reverted to the promoted revision, canary analysis ended.",
    ),
  thresholdReached: (s: Speaker, failedChecks: number) =>
    alert(
      warning(`Rolling back ${canaryOf(s)} failed checks threshold reached ${failedChecks}`),
      "error",
      `Failed checks threshold reached ${failedChecks}`,
    ),
  manualRollback: (s: Speaker) =>
    alert(warning(`Rolling back ${canaryOf(s)} manual webhook invoked`), "warn", "Rolling back manual webhook invoked"),
  /** The readiness text is the event; the alert names the cause (Q21). */
  deadlineExceeded: (detail: string) => alert(warning(detail), "error", `Progress deadline exceeded ${detail}`),
  failed: (s: Speaker) => warning(`Canary failed! Scaling down ${canaryOf(s)}`),
  promotionFailed: (s: Speaker, detail: string) =>
    alert(
      warning(`Promotion of ${targetOf(s)} failed, primary not ready: ${detail}`),
      "error",
      `Promotion failed, primary not ready: ${detail}`,
    ),
  /** Ours: the primary lost all of its pods in the middle of a run. */
  primaryGone: (s: Speaker) => warning(`${primaryOf(s)} cannot serve, routing all traffic to canary until it can`),
  /** Ours: the primary serves the last promoted revision again after a failed promotion. */
  primaryRestored: (s: Speaker) => normal(`Restored ${primaryOf(s)}, routing all traffic to primary`),
  /** Ours: the primary was deleted before it could be restored, and nobody else knows what it ran. */
  primaryLost: (s: Speaker) =>
    warning(
      `${primaryOf(s)} was deleted before it was restored, and what it ran before is lost: ` +
        `${canaryOf(s)} serves until another revision is released`,
    ),
  /** Ours: the primary was deleted while the target held a revision that failed. */
  primaryRemade: (s: Speaker) =>
    remade(s, "made again of the revision that failed, which is all there was: release a good one"),
  /** Ours: the primary was deleted while the target held a revision that was not released yet. */
  primaryRemadeUntested: (s: Speaker) =>
    remade(s, "made again of what the target holds, which is all there was and is not tested"),
  /** Ours: somebody else changed the routes in the middle of a step, or an operator died before it could write them. */
  routesRestored: (s: Speaker) => warning(`Routes of ${canaryOf(s)} are not as promised, restoring them`),
  gatePassed: (gate: string, hook: string) => normal(`${gate} check ${hook} passed`),
  rolloutRefused: (s: Speaker, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for approval ${hook}`,
      "Canary is waiting for approval.",
      muted,
    ),
  increaseRefused: (s: Speaker, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for traffic increase approval ${hook}`,
      "Canary traffic increase is waiting for approval.",
      muted,
    ),
  promotionRefused: (s: Speaker, hook: string, muted: boolean) =>
    gateRefused(
      `Halt ${canaryOf(s)} advancement waiting for promotion approval ${hook}`,
      "Canary promotion is waiting for approval.",
      muted,
    ),
  preRolloutFailed: (s: Speaker, hook: string, detail: string) =>
    warning(`Halt ${canaryOf(s)} advancement pre-rollout check ${hook} failed ${detail}`),
  rolloutHookFailed: (s: Speaker, hook: string, detail: string) =>
    warning(`Halt ${canaryOf(s)} advancement external check ${hook} failed ${detail}`),
  postRolloutPassed: (hook: string) => normal(`Post-rollout check ${hook} passed`),
  postRolloutFailed: (hook: string, detail: string) => warning(`Post-rollout hook ${hook} failed ${detail}`),
  rollbackNotSignaled: (hook: string) => normal(`Rollback hook ${hook} not signaling a rollback`),
  rollbackSignaled: (hook: string) => normal(`Rollback check ${hook} passed`),
  terminating: (s: Speaker) => normal(`Terminating canary ${canaryOf(s)}`),
  terminated: (s: Speaker) => normal(`Terminated canary ${canaryOf(s)}`),
} as const;

function gateRefused(message: string, alertMessage: string, muted: boolean): Said {
  return muted ? warning(message) : alert(warning(message), "warn", alertMessage);
}

/** Users are served with something that nobody approved: somebody should hear of it. */
function remade(s: Speaker, how: string): Said {
  const message = `${primaryOf(s)} was deleted and ${how}`;
  return alert(warning(message), "error", message);
}
