/** Binary operators: arithmetic, comparison and sets, between scalars and vectors. */
import { ExecutionError } from "./errors.ts";
import { keyOf, type Labels, NAME, only, shown, unnamed, without } from "./labels.ts";
import { COMPARISONS, NAME_KEEPING } from "./signatures.ts";
import type { Binary, Matching } from "./tree.ts";
import { distinct, type Evaluated, type Vector, type VectorElement, vector } from "./values.ts";

const DEFAULT_MATCHING: Matching = { on: false, labels: [], group: undefined, include: [] };

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": power,
  atan2: Math.atan2,
};

/** Go's Pow: 1 to anything is 1, and -1 to an infinity too. */
function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  return base ** exponent;
}

/** @returns the value, and whether a comparison lets it pass */
function apply(op: string, a: number, b: number): { readonly value: number; readonly passes: boolean } {
  const compare = COMPARE[op];
  if (compare !== undefined) return { value: a, passes: compare(a, b) };
  return { value: ARITHMETIC[op]?.(a, b) ?? Number.NaN, passes: true };
}

/** @throws ExecutionError when more series match than may */
export function binary(expr: Binary, left: Evaluated, right: Evaluated): Evaluated {
  const { op, bool } = expr;
  if (left.type === "scalar" && right.type === "scalar") {
    const { value, passes } = apply(op, left.value, right.value);
    return { type: "scalar", value: COMPARISONS.has(op) ? Number(passes) : value };
  }
  if (left.type === "vector" && right.type === "scalar") {
    return withScalar(left, (value) => apply(op, value, right.value), op, bool);
  }
  if (left.type === "scalar" && right.type === "vector") {
    // A comparison keeps the vector's value, on whichever side it stands.
    const outcome = (value: number) => ({ ...apply(op, left.value, value), ...(COMPARISONS.has(op) ? { value } : {}) });
    return withScalar(right, outcome, op, bool);
  }
  if (left.type !== "vector" || right.type !== "vector") throw new ExecutionError(`operator ${op} needs numbers`);
  const matching = expr.matching ?? DEFAULT_MATCHING;
  if (op === "and" || op === "or" || op === "unless") return sets(op, left, right, matching);
  return vectors(expr, left, right, matching);
}

function withScalar(
  input: Vector,
  outcome: (value: number) => { readonly value: number; readonly passes: boolean },
  op: string,
  bool: boolean,
): Vector {
  const elements = input.elements.flatMap(({ labels, value }) => {
    const made = outcome(value);
    if (bool) return [{ labels: unnamed(labels), value: Number(made.passes) }];
    if (!made.passes) return [];
    return [{ labels: NAME_KEEPING.has(op) ? labels : unnamed(labels), value: made.value }];
  });
  return distinct(elements);
}

function signature(labels: Labels, matching: Matching): string {
  return keyOf(matching.on ? only(labels, matching.labels) : without(labels, matching.labels));
}

function sets(op: "and" | "or" | "unless", left: Vector, right: Vector, matching: Matching): Vector {
  const signatures = (input: Vector) => new Set(input.elements.map(({ labels }) => signature(labels, matching)));
  if (op === "or") {
    const known = signatures(left);
    const more = right.elements.filter(({ labels }) => !known.has(signature(labels, matching)));
    return distinct([...left.elements, ...more]);
  }
  const others = signatures(right);
  return vector(left.elements.filter(({ labels }) => others.has(signature(labels, matching)) === (op === "and")));
}

function vectors({ op, bool }: Binary, left: Vector, right: Vector, matching: Matching): Vector {
  if (left.elements.length === 0 || right.elements.length === 0) return vector([]);
  const swapped = matching.group === "right";
  const [many, one] = swapped ? [right, left] : [left, right];
  const ones = oneSide(one, matching, swapped ? "left" : "right");
  const seen = new Map<string, Set<string>>();
  const elements: VectorElement[] = [];
  for (const element of many.elements) {
    const key = signature(element.labels, matching);
    const other = ones.get(key);
    if (other === undefined) continue;
    const { value, passes } = swapped ? apply(op, other.value, element.value) : apply(op, element.value, other.value);
    if (!passes && !bool) continue;
    const result = resultLabels(element.labels, other.labels, op, matching);
    const labels = bool ? unnamed(result) : result;
    admit(seen, key, labels, matching);
    elements.push({ labels, value: bool ? Number(passes) : value });
  }
  return distinct(elements);
}

function oneSide(input: Vector, matching: Matching, side: string): ReadonlyMap<string, VectorElement> {
  const found = new Map<string, VectorElement>();
  for (const element of input.elements) {
    const key = signature(element.labels, matching);
    const before = found.get(key);
    if (before !== undefined) {
      const group = shown(
        matching.on ? only(element.labels, matching.labels) : without(element.labels, matching.labels),
      );
      throw new ExecutionError(
        `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: ` +
          `[${shown(element.labels)}, ${shown(before.labels)}];many-to-many matching not allowed: ` +
          "matching labels must be unique on one side",
      );
    }
    found.set(key, element);
  }
  return found;
}

function resultLabels(many: Labels, one: Labels, op: string, matching: Matching): Labels {
  const labels = new Map(many);
  if (!NAME_KEEPING.has(op)) labels.delete(NAME);
  if (matching.group === undefined) {
    for (const name of many.keys()) if (matching.labels.includes(name) !== matching.on) labels.delete(name);
  }
  for (const name of matching.include) {
    const value = one.get(name) ?? "";
    if (value === "") labels.delete(name);
    else labels.set(name, value);
  }
  return labels;
}

function admit(seen: Map<string, Set<string>>, key: string, labels: Labels, matching: Matching): void {
  const results = seen.get(key) ?? new Set<string>();
  const result = keyOf(labels);
  if (matching.group === undefined && results.size > 0) {
    throw new ExecutionError(
      "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
    );
  }
  if (results.has(result)) {
    throw new ExecutionError("multiple matches for labels: grouping labels must ensure unique matches");
  }
  seen.set(key, results.add(result));
}
