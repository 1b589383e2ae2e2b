/** The one condition of a Canary, `Promoted`, as a function of the phase. */
import type { CanaryStatus, Condition, Phase } from "./canary.ts";

const CONDITION_TYPE = "Promoted";

/** The present condition is kept while status and reason stay the same. */
export function conditionsFor(status: CanaryStatus, kind: string, now: number): readonly Condition[] {
  if (status.phase === "") return status.conditions;
  const isReverted = status.phase === "Succeeded" && status.reverted === true;
  const wanted = isReverted ? REVERTED : describe(status.phase, kind);
  const present = status.conditions.find(({ type }) => type === CONDITION_TYPE);
  if (present !== undefined && present.status === wanted.status && present.reason === status.phase) {
    return status.conditions;
  }
  const time = new Date(Math.floor(now / 1000) * 1000).toISOString().replace(".000Z", "Z");
  return [
    {
      type: CONDITION_TYPE,
      ...wanted,
      reason: status.phase,
      lastUpdateTime: time,
      lastTransitionTime: present?.status === wanted.status ? present.lastTransitionTime : time,
    },
  ];
}

/** Ours: what the target holds is what was promoted before. */
const REVERTED = { status: "True", message: "Target reverted to the promoted revision, nothing was promoted." };

function describe(phase: Phase, kind: string): { readonly status: string; readonly message: string } {
  switch (phase) {
    case "Initialized":
      return { status: "True", message: `${kind} initialization completed.` };
    case "Waiting":
    case "WaitingPromotion":
      return { status: "Unknown", message: "Waiting for approval." };
    case "Progressing":
      return { status: "Unknown", message: "New revision detected, progressing canary analysis." };
    case "Promoting":
      return { status: "Unknown", message: "Canary analysis completed, starting primary rolling update." };
    case "Finalising":
      return { status: "Unknown", message: "Canary analysis completed, routing all traffic to primary." };
    case "Succeeded":
      return { status: "True", message: "Canary analysis completed successfully, promotion finished." };
    case "Failed":
      // Said after a failed promotion, too, where nothing was scaled to zero (Q6).
      return { status: "False", message: `Canary analysis failed, ${kind} scaled to zero.` };
    case "":
    case "Initializing":
    case "Terminating":
    case "Terminated":
      // Terminating carries the same message (Q7).
      return { status: "Unknown", message: `New ${kind} detected, starting initialization.` };
  }
}
