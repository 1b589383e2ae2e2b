import { isRecovering } from "../run/recovery.ts";
import { EVENTS } from "../texts/events.ts";
import type { PreviousReading, PrimaryReading } from "../turn/observation.ts";
import { endRun, enterPhase } from "../turn/turn.ts";
import { NO_WAIT } from "../turn/waits.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** What a person can do where an undo is refused. */
export const REVERT_INSTEAD = "revert the target instead (kubectl rollout undo, or in Git)";

/**
 * The primary gets an earlier promoted revision back, as after a promotion that failed: the last one, or that of the
 * run that is named, as far as its template and its configuration are kept (ADR 0017). The target is not changed, so a
 * GitOps agent has nothing to revert. The target's revision counts as one that failed. The primary keeps the traffic
 * all the time.
 */
export const undo: Intent = {
  phases: ["Succeeded", "Initialized", "Failed"],
  apply(turn, { by, reason, toRun }) {
    const { status, observation } = turn;
    const { primary } = observation.readings;
    const { promotionId: carried } = primary;
    if (isRecovering(status)) return refused("the primary gets an earlier revision back already");
    const wanted = earlierRevision(primary, toRun);
    if (typeof wanted === "string") return refused(`${wanted}: ${REVERT_INSTEAD}`);
    if (carried === undefined) return refused(`${NOTHING_KEPT}: ${REVERT_INSTEAD}`);
    // The last pods of the canary are about to be deleted, so the canary cannot cover.
    if ((primary.gap ?? wanted.gap) === true && primary.available > 0) {
      return refused(`all pods of the primary would be replaced at once, and users get no answer: ${REVERT_INSTEAD}`);
    }
    const restoring = {
      phase: "Failed",
      recovery: { kind: "undoing", promotion: carried, ...(wanted.to === undefined ? {} : { to: wanted.to }) },
      owesPostRollout: false,
      drain: NO_WAIT,
    } as const;
    const changes = { failedChecks: 0, iterations: 0, canaryWeight: 0, promotedSpec: wanted.spec };
    const end = { kind: "undo", by, ...(reason === undefined ? {} : { reason }) } as const;
    const undone = enterPhase(turn, restoring, changes, EVENTS.undone(turn, by));
    return applied("the primary gets its earlier revision back, the target stays as it is", endRun(turn, end, undone));
  },
};

/**
 * An earlier revision. `to`: the promotion that left it, when it is not the revision directly before the present one.
 */
export interface EarlierRevision {
  readonly spec: string;
  readonly to?: string;
  readonly gap?: true;
}

const NOTHING_KEPT = "no earlier revision is kept";

/** What the primary remembers of the revisions that it ran. */
export type KeptByPrimary = Pick<PrimaryReading, "previous" | "earlier" | "promotionId" | "run">;

/**
 * The revision that an undo restores.
 * @param toRun undefined: the revision before the present one
 * @returns a text that says why there is none
 */
export function earlierRevision(kept: KeptByPrimary, toRun: string | undefined): EarlierRevision | string {
  return toRun === undefined ? previousRevision(kept) : revisionOfRun(kept, toRun);
}

function previousRevision({ previous, earlier = [] }: KeptByPrimary): EarlierRevision | string {
  if (previous !== undefined) return previous;
  const [run] = runsOf(earlier);
  return run === undefined ? NOTHING_KEPT : `the revision before is not kept; one from before that is (--to ${run})`;
}

function revisionOfRun(
  { previous, earlier = [], promotionId, run: present }: KeptByPrimary,
  run: string,
): EarlierRevision | string {
  const found = earlier.find((one) => one.run === run);
  if (present === run || (found !== undefined && found.promotionId === promotionId)) {
    return `the primary runs the revision of run ${run} already`;
  }
  if (previous?.run === run) return { spec: previous.spec };
  if (found === undefined) {
    const kept = runsOf([...(previous === undefined ? [] : [previous]), ...earlier]);
    return `the revision of run ${run} is not kept${kept.length === 0 ? "" : `, only those of ${kept.join(", ")}`}`;
  }
  if (found.changedConfigs.length > 0) {
    return `the configuration of run ${run} is not kept (${found.changedConfigs.join(", ")})`;
  }
  return { spec: found.spec, to: found.promotionId, ...(found.gap === undefined ? {} : { gap: found.gap }) };
}

const runsOf = (kept: readonly PreviousReading[]): readonly string[] =>
  kept.flatMap(({ run }) => (run === undefined ? [] : [run]));
