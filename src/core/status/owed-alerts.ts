/**
 * Alerts that a stored status owes. Everyone who may write the status of a Canary (with Flagger's CRDs: its
 * annotations) can plant alerts there. So entries that are no alerts are dropped, and the number of alerts is bounded.
 */
import type { Alert } from "./canary.ts";

/** The most alerts that one Canary owes at the same time. Further ones are not owed. */
export const MOST_OWED = 20;

/** @param stored JSON that anyone may have written */
export function owedAlerts(stored: unknown): readonly Alert[] {
  if (!Array.isArray(stored)) return [];
  // The oldest stay: deliveries are counted from the oldest on.
  return stored.slice(0, MOST_OWED).filter(isAlert);
}

function isAlert(value: unknown): value is Alert {
  if (typeof value !== "object" || value === null) return false;
  const { message, severity, metadata } = value as Partial<Record<keyof Alert, unknown>>;
  return (
    typeof message === "string" &&
    (severity === "info" || severity === "warn" || severity === "error") &&
    typeof metadata === "boolean"
  );
}
