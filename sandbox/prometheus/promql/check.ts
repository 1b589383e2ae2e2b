/** The types of a query, checked before anything is evaluated. */
import { QueryError } from "./errors.ts";
import { isLabelName } from "./labels.ts";
import { AGGREGATIONS, COMPARISONS, SET_OPERATORS, SIGNATURES } from "./signatures.ts";
import type { Aggregate, Binary, Call, Expr, ValueType } from "./tree.ts";

const NAMES: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

/** @throws QueryError */
export function checkTypes(expr: Expr): ValueType {
  switch (expr.type) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "selector":
      return "vector";
    case "range":
      return "matrix";
    case "paren":
      return checkTypes(expr.expr);
    case "subquery":
      expect(expr.expr, "vector", "subquery");
      return "matrix";
    case "unary": {
      const type = checkTypes(expr.expr);
      if (type === "scalar" || type === "vector") return type;
      throw refused(
        `unary expression only allowed on expressions of type scalar or instant vector, got "${NAMES[type]}"`,
      );
    }
    case "aggregate":
      return checkAggregate(expr);
    case "call":
      return checkCall(expr);
    case "binary":
      return checkBinary(expr);
  }
}

function refused(message: string): QueryError {
  return new QueryError(`parse error: ${message}`);
}

function expect(expr: Expr, wanted: ValueType, where: string): void {
  const type = checkTypes(expr);
  if (type === wanted) return;
  if (where === "subquery") throw refused(`subquery is only allowed on instant vector, got ${type} instead`);
  throw refused(`expected type ${NAMES[wanted]} in ${where}, got ${NAMES[type]}`);
}

function checkAggregate({ op, param, expr, grouping }: Aggregate): ValueType {
  expect(expr, "vector", "aggregation expression");
  const wanted = AGGREGATIONS[op];
  if (param !== undefined && wanted !== undefined) expect(param, wanted, "aggregation parameter");
  for (const label of grouping?.labels ?? []) {
    if (!isLabelName(label)) throw refused(`unexpected "${label}" in grouping opts, expected label`);
  }
  return "vector";
}

function checkCall({ name, args }: Call): ValueType {
  const signature = SIGNATURES[name];
  if (signature === undefined) throw refused(`unknown function with name "${name}"`);
  const { args: types, optional = 0, gives } = signature;
  const least = types.length - (optional === "more" ? 1 : optional);
  if (args.length < least || (optional !== "more" && args.length > types.length)) {
    const bound = optional === 0 ? "" : args.length < least ? "at least " : "at most ";
    const count = args.length < least ? least : types.length;
    throw refused(`expected ${bound}${count} argument(s) in call to "${name}", got ${args.length}`);
  }
  args.forEach((arg, i) => {
    const type = types[i] ?? types.at(-1);
    if (type !== undefined) expect(arg, type, `call to function "${name}"`);
  });
  return gives;
}

function checkBinary({ op, left, right, bool, matching }: Binary): ValueType {
  const types = [checkTypes(left), checkTypes(right)];
  if (types.some((type) => type !== "scalar" && type !== "vector")) {
    throw refused("binary expression must contain only scalar and instant vector types");
  }
  const comparison = COMPARISONS.has(op);
  const vectors = types.every((type) => type === "vector");
  const scalars = types.every((type) => type === "scalar");
  if (bool && !comparison) throw refused("bool modifier can only be used on comparison operators");
  if (comparison && !bool && scalars) throw refused("comparisons between scalars must use BOOL modifier");
  if (SET_OPERATORS.has(op)) {
    if (!vectors) throw refused(`set operator "${op}" not allowed in binary scalar expression`);
    if (matching?.group !== undefined) throw refused(`no grouping allowed for "${op}" operation`);
  }
  if (matching === undefined) return scalars ? "scalar" : "vector";
  if (!vectors && matching.labels.length > 0) {
    throw refused("vector matching only allowed between instant vectors");
  }
  const both = matching.on ? matching.include.find((label) => matching.labels.includes(label)) : undefined;
  if (both !== undefined) throw refused(`label "${both}" must not occur in ON and GROUP clause at once`);
  return scalars ? "scalar" : "vector";
}
