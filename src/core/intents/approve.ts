import { update } from "../turn/turn.ts";
import { NO_WAIT } from "../turn/waits.ts";
import { gatesAhead, isWaitingAtGate } from "./gates.ts";
import { applied, type Intent, refused } from "./intent.ts";

/** Opens one gate for this revision and this step, once. Checks must pass all the same. */
export const approve: Intent = {
  phases: ["Waiting", "Progressing", "WaitingPromotion"],
  apply(turn, { gate }) {
    const ahead = gatesAhead(turn).filter(({ name }) => gate === undefined || name === gate);
    const [found, ...others] = ahead;
    if (found === undefined) return refused(gate === undefined ? "no gate is ahead" : `no gate "${gate}" is ahead`);
    if (others.length > 0) return refused(`more than one gate is ahead, name one: ${ahead.map(nameOf).join(", ")}`);
    const { status } = turn;
    const step = "step" in status ? status.step : 0;
    const before = status.approved?.step === step ? status.approved.hooks : [];
    const approved = { step, hooks: [...before, `${found.type} ${found.name}`] };
    const endsHold = "hold" in status && isWaitingAtGate(status);
    const opened = endsHold ? { ...status, approved, hold: NO_WAIT } : { ...status, approved };
    return applied(`gate ${found.name} (${found.type}) is open for this step`, update(opened));
  },
};

const nameOf = ({ name }: { readonly name: string }) => name;
