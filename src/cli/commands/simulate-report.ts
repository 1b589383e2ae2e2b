/** A timeline as text. */
import { formatDuration } from "../../core/duration.ts";
import type { Timeline } from "../../simulate/timeline.ts";
import { alignColumns } from "../columns.ts";

export function describeTimeline({ entries, requests, end }: Timeline): string {
  const rows = entries.map(
    ({ at, phase, weights, failedRequests, text }) =>
      `${seconds(at)}\t${phase || "-"}\t${weights}\t${failedRequests}\t${text}`,
  );
  const versions = Object.entries(requests).map(
    ([version, { requests: all, failed }]) =>
      `${version}\t${all}\t${failed}\t${((failed / Math.max(1, all)) * 100).toFixed(2)} %`,
  );
  const ending =
    end === undefined ? "" : `${end.phase}: the primary runs ${end.image}, the target has ${end.targetReplicas} pods\n`;
  return [
    alignColumns(["TIME\tPHASE\tPRIMARY/CANARY\tFAILED\tWHAT HAPPENED", ...rows]),
    "",
    alignColumns(["VERSION\tREQUESTS\tFAILED\tRATE", ...versions]),
    "",
    ending,
  ].join("\n");
}

function seconds(ms: number): string {
  const rounded = Math.round(ms / 100) * 100;
  return rounded < 0 ? `-${formatDuration(-rounded)}` : formatDuration(rounded);
}
