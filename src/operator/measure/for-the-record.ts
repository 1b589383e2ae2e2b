/**
 * Questions whose answers only the record of a run wants. They are asked after the turn, so no decision waits for them.
 */
import type { Canary } from "../../core/status/canary.ts";
import type { Probe } from "../../core/turn/observation.ts";
import type { ProbeRunner } from "../../ports/probe-runner.ts";
import type { Turn } from "../../ports/recorder.ts";

type AskForTheRecord = NonNullable<Turn["askForTheRecord"]>;

/** @param unasked the checks after the one that settled the decision; only metrics, because webhooks have effects */
export function recordAsker(canary: Canary, unasked: readonly Probe[], probeRunner: ProbeRunner): AskForTheRecord {
  return async ({ windowMs }, signal) => {
    const count = async (of: "canary" | "primary") => await probeRunner.count?.(canary, of, windowMs, signal);
    const [answers, ofCanary, ofPrimary] = await Promise.all([
      Promise.all(unasked.map(async (probe) => ({ probe, answer: await probeRunner.run(canary, probe, signal) }))),
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
