/**
 * Owed alerts are stored in the status, under `aviary`, so that they outlive a crash. With Flagger's own CRD the API
 * server prunes that field. Then the alerts are stored in an annotation for as long as they are owed.
 */
import type { Alert } from "../../core/status/canary.ts";
import { owedAlerts } from "../../core/status/owed-alerts.ts";
import type { WireStatus } from "../../core/status/wire.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";

/** The annotation, as JSON; only where the CRD prunes `status.aviary`. */
export const OWED_ALERTS = "aviary.flagger.app/owed-alerts";

/**
 * @param stored the Canary as the API server answered after its status was saved
 * @returns the new value of the annotation (null: delete it), or undefined when the present value is right
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
