import { EVENTS } from "../texts/events.ts";
import { rollBack } from "../turn/turn.ts";
import { gatesAhead, isWaitingAtGate } from "./gates.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** Refuses the gate at which the run waits: the run is rolled back. */
export const refuse: Intent = {
  phases: ["Waiting", "Progressing", "WaitingPromotion"],
  apply(turn, { by, reason, gate }) {
    if (!isWaitingAtGate(turn.status)) return refused("no gate waits");
    const isAhead = gate === undefined || gatesAhead(turn).some(({ name }) => name === gate);
    if (!isAhead) return refused(`no gate "${gate}" waits`);
    const end = { kind: "abort", by, ...(reason === undefined ? {} : { reason }) } as const;
    return applied("refused, rolled back", rollBack(turn, end, EVENTS.aborted(turn, by)));
  },
};
