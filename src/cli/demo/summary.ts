/** The last words of the demo: how each release ended, why, whether that was right, and what users met. */
import type { Outcome } from "./release.ts";

export function summary(good: Outcome, bad: Outcome): string {
  const describe = (title: string, verdict: string, outcome: Outcome, lost: readonly string[] = []): string => {
    const { requests, failed, refused, phases, why } = outcome;
    const times = phases.map((entry) => `${entry.phase} ${(entry.ms / 1000).toFixed(1)} s`).join(", ");
    const users = `${requests} requests of users, ${failed} failed${refused > 0 ? `, ${refused} refused (4xx)` : ""}`;
    const because = why === "" ? "" : `  why: ${why}\n`;
    return `${title}: ${verdict}\n${because}  ${users}\n${lost.map((failure) => `  failed: ${failure}\n`).join("")}  ${times}\n`;
  };
  const promoted =
    good.phase === "Succeeded" ? "promoted, as it should be" : `${good.phase}, but it should be promoted`;
  const rolledBack =
    bad.phase === "Failed" ? "rolled back, as it should be" : `${bad.phase}, but it should be rolled back`;
  const success = good.phase === "Succeeded" && bad.phase === "Failed";
  const end = success
    ? "The demo went well: the bad release met few users, and is gone."
    : "The demo did not go as it should.";
  return [
    "\nSummary\n",
    // A bad release fails requests by its nature; a good one must not.
    describe("podinfo 6.0.1 (good)", promoted, good, good.failures),
    describe("podinfo 6.0.2 (bad)", rolledBack, bad),
    `${end}\n`,
  ].join("");
}
