/**
 * Alerts that are owed outlive a crash in the status, under `aviary`. Flagger's own CRD does not know that field and
 * the API server prunes it: there they are kept in an annotation for as long as they are owed.
 */
import type { Alert } from "../../core/canary.ts";
import { owedAlerts } from "../../core/owed-alerts.ts";
import type { WireStatus } from "../../core/status.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";

export const OWED_ALERTS = "aviary.flagger.app/owed-alerts";

/**
 * @param stored the Canary as the API server answered after its status was saved
 * @returns what the annotation must become (null: go), or undefined when it is right as it is
 */
export function annotationFor(stored: KubeObject, owed: readonly Alert[]): string | null | undefined {
  const pruned = (stored["status"] as WireStatus | undefined)?.aviary === undefined;
  const wanted = pruned && owed.length > 0 ? JSON.stringify(owed) : null;
  return wanted === (stored.metadata.annotations?.[OWED_ALERTS] ?? null) ? undefined : wanted;
}

/** The alerts in the annotation; none when it cannot be read. */
export function owedFrom({ metadata }: KubeObject): readonly Alert[] {
  const text = metadata.annotations?.[OWED_ALERTS];
  if (text === undefined) return [];
  try {
    return owedAlerts(JSON.parse(text));
  } catch {
    return []; // An alert that cannot be read cannot be sent.
  }
}
