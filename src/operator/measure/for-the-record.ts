/**
 * Questions whose answers only the record of a run wants. They are asked after the turn, so no decision waits for them.
 */
import type { Canary } from "../../core/canary.ts";
import type { Probe } from "../../core/observation.ts";
import type { Asking } from "../../ports/asking.ts";
import type { Turn } from "../../ports/recorder.ts";

type AskForTheRecord = NonNullable<Turn["askForTheRecord"]>;

/** @param unasked checks behind the one that settled the decision; only metrics, because webhooks have effects */
export function recordAsker(canary: Canary, unasked: readonly Probe[], asking: Asking): AskForTheRecord {
  return async ({ windowMs }, signal) => {
    const count = async (of: "canary" | "primary") => await asking.count?.(canary, of, windowMs, signal);
    const [answers, ofCanary, ofPrimary] = await Promise.all([
      Promise.all(unasked.map(async (probe) => ({ probe, answer: await asking.ask(canary, probe, signal) }))),
      count("canary"),
      count("primary"),
    ]);
    return {
      answers,
      ...(ofCanary === undefined ? {} : { canary: ofCanary }),
      ...(ofPrimary === undefined ? {} : { primary: ofPrimary }),
    };
  };
}
