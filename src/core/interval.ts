import { parseDuration } from "./duration.ts";

const ONE_MINUTE = 60_000;

/** `analysis.interval` in milliseconds; one minute when it is empty or no duration. */
export function intervalOrDefault(text: string): number {
  const parsed = parseDuration(text);
  return typeof parsed === "number" && text !== "" ? parsed : ONE_MINUTE;
}
