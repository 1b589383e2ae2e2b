/**
 * The one sentence that says why a run ended: made here, shown in conditions, records, the command line and the
 * console.
 */
import { formatDuration } from "../../go/duration.ts";
import { formatFloat } from "../../go/format.ts";
import type { Requests } from "../record/run-record.ts";
import type { Cause, Failure, Place } from "../run/cause.ts";
import type { OffSplit } from "../status/canary.ts";
import { withCure } from "./cures.ts";

/** @example "Rolled back at step 4 of 10 (20 %): request-success-rate 90.00 % < 99 %, failed check 3." */
export function sentenceOf(cause: Cause, requests?: Requests): string {
  return `${beginning(cause)}${requestsText(requests)}.`;
}

function beginning(cause: Cause): string {
  const back = `Rolled back ${placeText(cause)}`;
  switch (cause.kind) {
    case "promoted":
      return "Promoted";
    case "promoted-unjudged":
      return cause.by === undefined ? "Promoted without analysis" : `Promoted by ${personText(cause.by, cause.reason)}`;
    case "threshold":
      return `${back}: ${checkText(cause.failedChecks, cause.failure)}`;
    case "deadline":
      return `${back}: the ${cause.of} did not become ready in time: ${cause.detail}`;
    case "rollback-hook":
      return `${back}: webhook "${cause.hook}" asked for it`;
    case "abort":
      return `Aborted ${placeText(cause)} by ${personText(cause.by, cause.reason)}`;
    case "undo":
      return (
        `Undone by ${personText(cause.by, cause.reason)}; the primary runs an earlier revision again, ` +
        "the target still asks for the later one: release a newer one, or retry"
      );
    case "primary-not-ready":
      return `Rolled back in the promotion: the primary did not become ready: ${cause.detail}`;
    case "primary-checks":
      return `Rolled back in the promotion: the primary failed: ${checkText(cause.failedChecks, cause.failure)}`;
    case "primary-gone":
      return `Ended ${placeText(cause)}: the primary lost its pods, the canary serves all traffic: ${cause.detail}`;
    case "superseded":
      return `Superseded ${placeText(cause)} by a newer ${cause.by}`;
    case "reverted":
      return `Ended ${placeText(cause)}: the target holds the promoted revision again`;
    case "deleted":
      return `Ended ${placeText(cause)}: the Canary was deleted`;
  }
}

/** Where the run stood. */
export function placeText({ step, steps, weight }: Place): string {
  return step === 0 ? "before the first step" : `at step ${step} of ${steps} (${weight} %)`;
}

function personText(by: string, reason: string | undefined): string {
  return reason === undefined || reason === "" ? by : `${by}: "${reason}"`;
}

function checkText(failedChecks: number, failure: Failure | undefined): string {
  const count = failedChecks === 1 ? "1 failed check" : `${failedChecks} failed checks`;
  return failure === undefined ? count : `${failureText(failure)} (${count})`;
}

/** @example "request-success-rate 90.00 % < 99 %" */
export function failureText({ check, source, value, text, sign, limit, detail }: Failure): string {
  if (source === "hook") return `webhook "${check}" failed${detail === undefined ? "" : `: ${detail}`}`;
  if (source === "pods") return detail ?? check;
  const measured = text ?? (value === undefined ? undefined : valueText(source, value));
  if (measured === undefined) return `${check} had no value${detail === undefined ? "" : `: ${withCure(detail)}`}`;
  if (sign === undefined || limit === undefined) return `${check} ${measured}`;
  return `${check} ${measured} ${sign} ${limitText(source, limit)}`;
}

function valueText(source: Failure["source"], value: number): string {
  if (source === "success-rate") return `${value.toFixed(2)} %`;
  return source === "duration" ? formatDuration(value) : formatFloat(Math.round(value * 100) / 100);
}

function limitText(source: Failure["source"], limit: number): string {
  if (source === "success-rate") return `${formatFloat(limit)} %`;
  return source === "duration" ? formatDuration(limit) : formatFloat(limit);
}

/**
 * @example "the canary got 31.0 % of 1,006 requests, promised were 10 %; the mesh does not follow its routes, or
 *   requests go past it"
 */
export function splitText({ promised, measured, canary, primary }: OffSplit): string {
  return (
    `the canary got ${measured.toFixed(1)} % of ${grouped(canary + primary)} requests, promised were ${promised} %; ` +
    "the mesh does not follow its routes, or requests go past it"
  );
}

function requestsText(requests: Requests | undefined): string {
  if (requests?.canary === undefined) return "";
  const failed = requests.canaryFailed === undefined ? "" : `, ${grouped(requests.canaryFailed)} failed`;
  return `; ${grouped(requests.canary)} requests met it${failed}`;
}

function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}
