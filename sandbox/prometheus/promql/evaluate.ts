/** Evaluates a query at a moment: walks the tree, reads the store, applies functions and operators. */
import type { Series, SeriesStore } from "../series-store.ts";
import { aggregate } from "./aggregations.ts";
import { binary } from "./binary.ts";
import { ExecutionError } from "./errors.ts";
import { keyOf, type Labels, NAME, unnamed, withLabel } from "./labels.ts";
import { RANGE_FUNCTIONS } from "./range-functions.ts";
import {
  type Aggregate,
  type Call,
  type Expr,
  type Matcher,
  type Moment,
  type RangeSelector,
  type Selector,
  type Subquery,
  unwrapped,
} from "./tree.ts";
import {
  distinct,
  type Evaluated,
  type Matrix,
  type MatrixElement,
  type Point,
  type Vector,
  type VectorElement,
  vector,
} from "./values.ts";
import { histogramQuantile, labelJoin, labelReplace, PER_SAMPLE, perSample, sorted } from "./vector-functions.ts";

export interface EvaluationContext {
  readonly store: SeriesStore;
  /** How old the newest sample may be for a series to be there still. */
  readonly lookbackMs: number;
  /** Step of a subquery that names none. */
  readonly subqueryStepMs: number;
  /** Bounds of the whole query, for `@ start()` and `@ end()`. */
  readonly start: number;
  readonly end: number;
}

/** @throws ExecutionError, QueryError */
export function evaluate(expr: Expr, now: number, context: EvaluationContext): Evaluated {
  switch (expr.type) {
    case "number":
      return { type: "scalar", value: expr.value };
    case "string":
      return { type: "string", value: expr.value };
    case "paren":
      return evaluate(expr.expr, now, context);
    case "selector":
      return instant(expr, now, context);
    case "range":
      return range(expr, now, context);
    case "subquery":
      return subquery(expr, now, context);
    case "unary":
      return negated(evaluate(expr.expr, now, context), expr.negative);
    case "binary":
      return binary(expr, evaluate(expr.left, now, context), evaluate(expr.right, now, context));
    case "aggregate":
      return aggregation(expr, now, context);
    case "call":
      return call(expr, now, context);
  }
}

/** The moment a selector looks at. */
function momentOf({ at, offset }: Moment, now: number, { start, end }: EvaluationContext): number {
  const pinned = at === "start" ? start : at === "end" ? end : at;
  return (pinned ?? now) - offset;
}

function latest(expr: Selector, now: number, context: EvaluationContext): readonly { series: Series; point: Point }[] {
  const at = momentOf(expr, now, context);
  return context.store.select(expr.matchers).flatMap((series) => {
    const point = series.samples.latest(at - context.lookbackMs, at);
    return point === undefined ? [] : [{ series, point }];
  });
}

function instant(expr: Selector, now: number, context: EvaluationContext): Vector {
  return vector(latest(expr, now, context).map(({ series, point }) => ({ labels: series.labels, value: point.value })));
}

function range(expr: RangeSelector, now: number, context: EvaluationContext): Matrix {
  const to = momentOf(expr.selector, now, context);
  const from = to - expr.range;
  const series = context.store.select(expr.selector.matchers).flatMap(({ labels, samples }) => {
    const points = samples.between(from, to);
    return points.length === 0 ? [] : [{ labels, points }];
  });
  return { type: "matrix", series, from, to };
}

/** Evaluates the inner query at every multiple of the step within the range. */
function subquery(expr: Subquery, now: number, context: EvaluationContext): Matrix {
  const to = momentOf(expr, now, context);
  const from = to - expr.range;
  const step = expr.step ?? context.subqueryStepMs;
  const series = overSteps(expr.expr, Math.ceil(from / step) * step, to, step, context);
  return { type: "matrix", series, from, to };
}

/** The series an expression draws from `from` to `to`. */
export function overSteps(
  expr: Expr,
  from: number,
  to: number,
  step: number,
  context: EvaluationContext,
): readonly MatrixElement[] {
  const found = new Map<string, { readonly labels: Labels; readonly points: Point[] }>();
  for (let at = from; at <= to; at += step) {
    const result = evaluate(expr, at, context);
    const elements =
      result.type === "scalar"
        ? [{ labels: new Map<string, string>(), value: result.value }]
        : result.type === "vector"
          ? result.elements
          : [];
    for (const { labels, value } of elements) {
      const key = keyOf(labels);
      const series = found.get(key) ?? { labels, points: [] };
      series.points.push({ at, value });
      found.set(key, series);
    }
  }
  return [...found.values()];
}

function negated(value: Evaluated, negative: boolean): Evaluated {
  if (!negative) return value;
  if (value.type === "scalar") return { type: "scalar", value: -value.value };
  return distinct(
    vectorOf(value).elements.map((element) => ({ labels: unnamed(element.labels), value: -element.value })),
  );
}

function aggregation(expr: Aggregate, now: number, context: EvaluationContext): Vector {
  const param = expr.param === undefined ? 0 : evaluate(expr.param, now, context);
  const input = vectorOf(evaluate(expr.expr, now, context));
  const given = typeof param === "number" ? param : param.type === "string" ? param.value : scalarOf(param);
  return aggregate(expr.op, input, expr.grouping, given);
}

function call(expr: Call, now: number, context: EvaluationContext): Evaluated {
  const { name, args } = expr;
  const ownRange = RANGE_FUNCTIONS[name];
  if (ownRange !== undefined) return overRange(expr, now, context);
  const [first] = args;
  if (name === "absent" || name === "absent_over_time") return absent(expr, now, context);
  if (name === "timestamp" && first !== undefined) return timestamps(unwrapped(first), now, context);
  const values = args.map((arg) => evaluate(arg, now, context));
  const [value] = values;
  const input = () => (value === undefined ? vector([{ labels: new Map(), value: now / 1000 }]) : vectorOf(value));
  const texts = () => values.flatMap((item) => (item.type === "string" ? [item.value] : []));
  const scalars = values.flatMap((item) => (item.type === "scalar" ? [item.value] : []));
  switch (name) {
    case "time":
      return { type: "scalar", value: now / 1000 };
    case "pi":
      return { type: "scalar", value: Math.PI };
    case "scalar": {
      const [only, ...more] = input().elements;
      return { type: "scalar", value: only === undefined || more.length > 0 ? Number.NaN : only.value };
    }
    case "vector":
      return vector([{ labels: new Map(), value: scalars[0] ?? Number.NaN }]);
    case "sort":
      return sorted(input(), false);
    case "sort_desc":
      return sorted(input(), true);
    case "label_replace":
      return labelReplace(input(), texts());
    case "label_join":
      return labelJoin(input(), texts());
    case "histogram_quantile":
      return histogramQuantile(scalars[0] ?? Number.NaN, vectorOf(values[1] ?? vector([])));
    default:
      if (PER_SAMPLE[name] === undefined) throw new ExecutionError(`unknown function ${name}`);
      return perSample(name, input(), scalars);
  }
}

function overRange({ name, args }: Call, now: number, context: EvaluationContext): Vector {
  const values = args.map((arg) => evaluate(arg, now, context));
  const matrix = values.find((value) => value.type === "matrix");
  const change = RANGE_FUNCTIONS[name];
  if (matrix?.type !== "matrix" || change === undefined) throw new ExecutionError(`${name} needs a range vector`);
  const scalars = values.flatMap((value) => (value.type === "scalar" ? [value.value] : []));
  const { from, to } = matrix;
  const elements = matrix.series.flatMap(({ labels, points }): VectorElement[] => {
    if (points.length === 0) return [];
    const value = change({ points, from, to, now, scalars });
    // The last value is still the same quantity, so it keeps its name.
    return value === undefined ? [] : [{ labels: name === "last_over_time" ? labels : unnamed(labels), value }];
  });
  return distinct(elements);
}

function timestamps(expr: Expr, now: number, context: EvaluationContext): Vector {
  if (expr.type !== "selector") {
    const { elements } = vectorOf(evaluate(expr, now, context));
    return distinct(elements.map(({ labels }) => ({ labels: unnamed(labels), value: now / 1000 })));
  }
  const found = latest(expr, now, context);
  return distinct(found.map(({ series, point }) => ({ labels: unnamed(series.labels), value: point.at / 1000 })));
}

/** 1 with the labels that the selector asks for by "=", when nothing is there. */
function absent({ args }: Call, now: number, context: EvaluationContext): Vector {
  const [arg] = args;
  if (arg === undefined) return vector([]);
  const value = evaluate(arg, now, context);
  const found = value.type === "matrix" ? value.series.length : vectorOf(value).elements.length;
  if (found > 0) return vector([]);
  const bare = unwrapped(arg);
  const matchers = bare.type === "selector" ? bare.matchers : bare.type === "range" ? bare.selector.matchers : [];
  return vector([{ labels: absentLabels(matchers), value: 1 }]);
}

function absentLabels(matchers: readonly Matcher[]): Labels {
  const seen = new Set<string>();
  let labels: Labels = new Map();
  for (const { name, op, value } of matchers) {
    if (name === NAME) continue;
    labels = withLabel(labels, name, op === "=" && !seen.has(name) ? value : "");
    if (op === "=") seen.add(name);
  }
  return labels;
}

function vectorOf(value: Evaluated): Vector {
  if (value.type !== "vector") throw new ExecutionError(`expected an instant vector, got a ${value.type}`);
  return value;
}

function scalarOf(value: Evaluated): number {
  if (value.type !== "scalar") throw new ExecutionError(`expected a scalar, got a ${value.type}`);
  return value.value;
}
