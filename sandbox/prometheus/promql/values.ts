/** What an expression evaluates to, at one moment. */
import { ExecutionError } from "./errors.ts";
import { keyOf, type Labels } from "./labels.ts";

export interface Point {
  readonly at: number;
  readonly value: number;
}

export interface VectorElement {
  readonly labels: Labels;
  readonly value: number;
}

/** One series of a range: the samples between `from` and `to`, both included. */
export interface MatrixElement {
  readonly labels: Labels;
  readonly points: readonly Point[];
}

export interface Matrix {
  readonly type: "matrix";
  readonly series: readonly MatrixElement[];
  readonly from: number;
  readonly to: number;
}

export interface Vector {
  readonly type: "vector";
  readonly elements: readonly VectorElement[];
}

export type Evaluated =
  | { readonly type: "scalar"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | Vector
  | Matrix;

export function vector(elements: readonly VectorElement[]): Vector {
  return { type: "vector", elements };
}

/** @throws ExecutionError when two elements have the same labels */
export function distinct(elements: readonly VectorElement[]): Vector {
  const keys = new Set(elements.map(({ labels }) => keyOf(labels)));
  if (keys.size === elements.length) return vector(elements);
  throw new ExecutionError("vector cannot contain metrics with the same labelset");
}
