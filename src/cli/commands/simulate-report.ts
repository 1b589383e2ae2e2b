/** A timeline as text. */
import { formatDuration } from "../../go/duration.ts";
import type { Timeline } from "../../simulate/timeline.ts";
import { alignColumns } from "../columns.ts";

export function describeTimeline({ entries, requests, end, noRelease }: Timeline): string {
  const rows = entries.map(
    ({ at, phase, weights, failedRequests, text }) =>
      `${seconds(at)}\t${phase || "-"}\t${weights}\t${failedRequests}\t${text}`,
  );
  const versions = Object.entries(requests).map(
    ([version, { requests: all, failed }]) =>
      `${version}\t${all}\t${failed}\t${((failed / Math.max(1, all)) * 100).toFixed(2)} %`,
  );
  const table = alignColumns(["TIME\tPHASE\tPRIMARY/CANARY\tFAILED\tWHAT HAPPENED", ...rows]);
  if (noRelease !== undefined) return `${table}\n\nno release: ${noRelease}\n`;
  return [
    table,
    "",
    alignColumns(["VERSION\tREQUESTS\tFAILED\tRATE", ...versions]),
    "",
    end === undefined ? "" : ending(end),
  ].join("\n");
}

function ending({ phase, image, targetReplicas, rested }: NonNullable<Timeline["end"]>): string {
  const primary = image === "" ? "there is no primary" : `the primary runs ${image}`;
  const pods = targetReplicas === undefined ? "" : `, the target has ${targetReplicas} pods`;
  return `${phase}: ${primary}${pods}${rested ? "" : "; given up waiting for its end (--until)"}\n`;
}

function seconds(ms: number): string {
  const rounded = Math.round(ms / 100) * 100;
  return rounded < 0 ? `-${formatDuration(-rounded)}` : formatDuration(rounded);
}
