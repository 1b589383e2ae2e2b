/** Queries over a store: one moment, or a range of moments. */

import { checkTypes } from "./promql/check.ts";
import { QueryError } from "./promql/errors.ts";
import { type EvaluationContext, evaluate, overSteps } from "./promql/evaluate.ts";
import { parseQuery } from "./promql/parse.ts";
import type { Evaluated, MatrixElement } from "./promql/values.ts";
import type { SeriesStore } from "./series-store.ts";

export interface QueryEngineOptions {
  readonly store: SeriesStore;
  /** How old a series' newest sample may be. */
  readonly lookbackMs: number;
  /** Step of subqueries that name none; Prometheus' default evaluation interval is a minute. */
  readonly subqueryStepMs?: number;
}

export interface QueryEngine {
  /** @throws QueryError, ExecutionError */
  instant(query: string, at: number): Evaluated;
  /** @throws QueryError, ExecutionError */
  range(query: string, start: number, end: number, step: number): readonly MatrixElement[];
}

const SUBQUERY_STEP_MS = 60_000;
const MOST_POINTS = 11_000;

export function createQueryEngine(options: QueryEngineOptions): QueryEngine {
  const context = (start: number, end: number): EvaluationContext => ({
    store: options.store,
    lookbackMs: options.lookbackMs,
    subqueryStepMs: options.subqueryStepMs ?? SUBQUERY_STEP_MS,
    start,
    end,
  });
  return {
    instant: (query, at) => evaluate(parseQuery(query), at, context(at, at)),
    range: (query, start, end, step) => {
      const expr = parseQuery(query);
      const type = checkTypes(expr);
      if (type !== "scalar" && type !== "vector") {
        const name = type === "matrix" ? "range vector" : type;
        throw new QueryError(`invalid expression type "${name}" for range query, must be Scalar or instant Vector`);
      }
      if ((end - start) / step > MOST_POINTS) {
        throw new QueryError(
          "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        );
      }
      return overSteps(expr, start, end, step, context(start, end));
    },
  };
}
