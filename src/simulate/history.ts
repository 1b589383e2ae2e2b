/** A run as a journal: every turn that changed something, enough to replay it. */
import type { Scenario } from "./scenario.ts";
import { run } from "./universe.ts";
import { CALM } from "./weather.ts";

/** @returns the lines that recorders/journal would write */
export async function recordHistory(scenario: Scenario, seed: number): Promise<readonly string[]> {
  const lines: string[] = [];
  const watchers = [
    () => ({
      turn({
        input,
        transition,
      }: {
        input: { status: unknown };
        transition: { status: unknown; events: readonly unknown[] };
      }) {
        if (transition.status === input.status && transition.events.length === 0) return;
        lines.push(JSON.stringify({ input, transition }));
      },
    }),
  ];
  await run({ scenario, seed, weather: CALM, watchers });
  return lines;
}
