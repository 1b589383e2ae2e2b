/**
 * A judge decides what one measurement of a metric means. `analysis.metrics[].judge` names the judge. A judge is pure:
 * it gets evidence, and returns a verdict. The phases count the verdicts, and decide about the rollout.
 */
import type { Failure } from "../run/cause.ts";
import type { Metric, MetricSourceKind, Range } from "../spec/spec.ts";

/** One measurement of one metric. */
export interface Evidence {
  readonly metric: Metric;
  readonly source: MetricSourceKind;
  /** Whose requests were measured. */
  readonly of: "canary" | "primary";
  /** Percent for `success-rate`, milliseconds for `duration`, else the query's own unit. May be infinite or NaN. */
  readonly value: number;
}

/** What the judge makes of the measurement. */
export type Verdict =
  | { readonly kind: "pass" }
  | {
      readonly kind: "fail";
      /** What is wrong, for the event: "success rate 94.73% < 99%". */
      readonly finding: string;
      /** The same as data. */
      readonly data: Pick<Failure, "value" | "text" | "sign" | "limit">;
    };

/** One judge; a row in table.ts. */
export interface Judge {
  /** The value of `analysis.metrics[].judge`. */
  readonly name: string;
  /** One sentence for the CRD: which values pass. */
  readonly about: string;
  /** The range of values that pass, for plans and records; open where the judge has no fixed limits. */
  limits(metric: Metric, source: MetricSourceKind): Range;
  judge(evidence: Evidence): Verdict;
}
