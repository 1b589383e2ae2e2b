/**
 * What a query gave. No data is an expected outcome, not a failure: nothing was asked of the canary yet, for example.
 */
export type Measurement =
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "no-data"; readonly detail: string };

/** A system that answers metric queries with one number. */
export interface MetricSource {
  /** As in `spec.provider.type` of a MetricTemplate. */
  readonly type: string;
  /** @throws MetricError when the system fails or answers something else; the signal's reason when that is aborted */
  measure(query: string, signal: AbortSignal): Promise<Measurement>;
  /** Resolves when the system can be asked. @throws MetricError */
  online(signal: AbortSignal): Promise<void>;
}
