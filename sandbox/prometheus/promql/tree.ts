/** What a PromQL query is made of, once read. Times and durations are milliseconds. */

export type ValueType = "scalar" | "vector" | "matrix" | "string";

export interface Matcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
  readonly matches: (value: string) => boolean;
}

/** Where in time a selector looks: relative to the evaluation, or pinned by `@`. */
export interface Moment {
  readonly offset: number;
  readonly at: number | "start" | "end" | undefined;
}

export interface Selector extends Moment {
  readonly type: "selector";
  readonly matchers: readonly Matcher[];
}

export interface RangeSelector {
  readonly type: "range";
  readonly selector: Selector;
  readonly range: number;
}

export interface Subquery extends Moment {
  readonly type: "subquery";
  readonly expr: Expr;
  readonly range: number;
  readonly step: number | undefined;
}

export interface Grouping {
  readonly by: boolean;
  readonly labels: readonly string[];
}

export interface Matching {
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Which side may have many; labels of the other side to copy. */
  readonly group: "left" | "right" | undefined;
  readonly include: readonly string[];
}

export interface Binary {
  readonly type: "binary";
  readonly op: string;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  /** Absent when nothing was written. */
  readonly matching: Matching | undefined;
}

export interface Aggregate {
  readonly type: "aggregate";
  readonly op: string;
  readonly param: Expr | undefined;
  readonly expr: Expr;
  readonly grouping: Grouping | undefined;
}

export interface Call {
  readonly type: "call";
  readonly name: string;
  readonly args: readonly Expr[];
}

export type Expr =
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | Selector
  | RangeSelector
  | Subquery
  | Aggregate
  | Call
  | Binary
  | { readonly type: "unary"; readonly negative: boolean; readonly expr: Expr }
  | { readonly type: "paren"; readonly expr: Expr };

export function unwrapped(expr: Expr): Expr {
  return expr.type === "paren" ? unwrapped(expr.expr) : expr;
}
