/**
 * Reads PromQL. Lezer's grammar is made for editors: it recovers from errors, lets `offset`, `@` and `[…]` reach over
 * the operators before them, and knows words of later Prometheus versions. So its tree is taken apart into operands and
 * operators again, put together by PromQL's precedence, and everything that Prometheus 2 does not have is refused.
 */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import { checkTypes } from "./check.ts";
import { durationMs } from "./durations.ts";
import { notImplemented, QueryError } from "./errors.ts";
import { isLabelName, NAME } from "./labels.ts";
import { numberLiteral, stringLiteral } from "./literals.ts";
import { wholeMatch } from "./regex.ts";
import { AGGREGATIONS, MISSING_FUNCTIONS, SIGNATURES } from "./signatures.ts";
import type { Expr, Grouping, Matcher, Matching, Moment } from "./tree.ts";

/** @throws QueryError */
export function parseQuery(text: string): Expr {
  if (text.replace(/#[^\n]*/g, "").trim() === "") {
    throw new QueryError("unknown position: parse error: no expression found in input");
  }
  const root = parser.parse(text).topNode;
  refuseErrors(root, text);
  const top = childrenOf(root)[0];
  if (top === undefined) throw new QueryError("parse error: no expression found in input");
  const expr = new Reader(text).expression(top);
  checkTypes(expr);
  return expr;
}

function refuseErrors(root: SyntaxNode, text: string): void {
  const cursor = root.cursor();
  do {
    if (!cursor.type.isError) continue;
    const called = /([a-zA-Z_][a-zA-Z0-9_]*)\s*$/.exec(text.slice(0, cursor.from))?.[1];
    const name = text.slice(cursor.from).trimStart().startsWith("(") ? called : undefined;
    if (name !== undefined && MISSING_FUNCTIONS.has(name)) throw notImplemented(`function ${name}`);
    if (name !== undefined) throw new QueryError(`parse error: unknown function with name "${name}"`);
    const found = text.slice(cursor.from, cursor.from + 12) || "end of input";
    throw new QueryError(`1:${cursor.from + 1}: parse error: unexpected "${found}"`);
  } while (cursor.next());
}

type Piece =
  | { readonly kind: "sign"; readonly negative: boolean }
  | { readonly kind: "operand"; expr: Expr }
  | { readonly kind: "operator"; readonly op: string; readonly bool: boolean; readonly matching: Matching | undefined };

const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  "<": 3,
  "<=": 3,
  ">": 3,
  ">=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 6,
};
const SIGN_PRECEDENCE = 5;

class Reader {
  constructor(private readonly text: string) {}

  expression(node: SyntaxNode): Expr {
    return assemble(this.pieces(node));
  }

  private textOf(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  private pieces(node: SyntaxNode): Piece[] {
    switch (node.name) {
      case "BinaryExpr":
        return this.binary(node);
      case "UnaryExpr":
        return [
          { kind: "sign", negative: this.textOf(childOf(node, "UnaryOp")) === "-" },
          ...this.pieces(lastOf(node)),
        ];
      case "OffsetExpr":
        return this.onLast(node, (expr) => this.withOffset(expr, childOf(node, "OffsetDurationExpr")));
      case "StepInvariantExpr":
        return this.onLast(node, (expr) => this.pinned(expr, node));
      case "MatrixSelector":
        return this.onLast(node, (expr) => rangeOf(expr, this.duration(childOf(node, "DurationExpr"))));
      case "SubqueryExpr":
        return this.onLast(node, (expr) => this.subquery(expr, node));
      case "NumberDurationLiteral":
        return this.number(node);
      default:
        return [{ kind: "operand", expr: this.operand(node) }];
    }
  }

  /** What stands behind an expression belongs to its last operand alone. */
  private onLast(node: SyntaxNode, change: (expr: Expr) => Expr): Piece[] {
    const pieces = this.pieces(firstOf(node));
    const last = pieces.at(-1);
    if (last?.kind !== "operand") throw new QueryError("parse error: an operand is missing");
    last.expr = change(last.expr);
    return pieces;
  }

  private binary(node: SyntaxNode): Piece[] {
    const [left, operator, ...rest] = childrenOf(node);
    const right = rest.at(-1);
    if (left === undefined || operator === undefined || right === undefined) {
      throw new QueryError("parse error: an operand is missing");
    }
    const modifiers = rest.slice(0, -1);
    const fill = modifiers.find(({ name }) => name === "FillModifier");
    if (fill !== undefined) throw notImplemented(this.textOf(fill));
    const op = this.textOf(operator).toLowerCase();
    if (PRECEDENCE[op] === undefined) throw notImplemented(`operator ${op}`);
    const matching = modifiers.find(({ name }) => name === "MatchingModifierClause");
    return [
      ...this.pieces(left),
      {
        kind: "operator",
        op,
        bool: modifiers.some(({ name }) => name === "BoolModifier"),
        matching: matching === undefined ? undefined : this.matching(matching),
      },
      ...this.pieces(right),
    ];
  }

  private matching(node: SyntaxNode): Matching {
    const [kind, labels, group, include] = childrenOf(node);
    return {
      on: kind?.name === "On",
      labels: labels === undefined ? [] : this.labelNames(labels),
      group: group === undefined ? undefined : group.name === "GroupLeft" ? "left" : "right",
      include: include === undefined ? [] : this.labelNames(include),
    };
  }

  private labelNames(node: SyntaxNode): readonly string[] {
    return childrenOf(node).map((child) => {
      if (child.name !== "LabelName") throw notImplemented(`quoted label name ${this.textOf(child)}`);
      return this.textOf(child);
    });
  }

  private number(node: SyntaxNode): Piece[] {
    const text = this.textOf(node);
    const sign = /^[-+]/.exec(text)?.[0];
    const operand: Piece = {
      kind: "operand",
      expr: { type: "number", value: numberLiteral(text.replace(/^[-+]\s*/, "")) },
    };
    return sign === undefined ? [operand] : [{ kind: "sign", negative: sign === "-" }, operand];
  }

  private operand(node: SyntaxNode): Expr {
    switch (node.name) {
      case "ParenExpr":
        return { type: "paren", expr: this.expression(firstOf(node)) };
      case "StringLiteral":
        return { type: "string", value: stringLiteral(this.textOf(node)) };
      case "VectorSelector":
        return { type: "selector", matchers: this.matchers(node), offset: 0, at: undefined };
      case "FunctionCall": {
        const name = this.textOf(childOf(node, "FunctionIdentifier"));
        if (!Object.hasOwn(SIGNATURES, name)) throw notImplemented(`function ${name}`);
        return { type: "call", name, args: this.args(node) };
      }
      case "AggregateExpr":
        return this.aggregate(node);
      default:
        throw notImplemented(this.textOf(node));
    }
  }

  private args(node: SyntaxNode): readonly Expr[] {
    return childrenOf(childOf(node, "FunctionCallBody")).map((child) => this.expression(child));
  }

  private aggregate(node: SyntaxNode): Expr {
    const op = this.textOf(childOf(node, "AggregateOp")).toLowerCase();
    if (!Object.hasOwn(AGGREGATIONS, op)) throw notImplemented(`aggregation ${op}`);
    const args = this.args(node);
    const wanted = AGGREGATIONS[op] === undefined ? 1 : 2;
    const expr = args.at(-1);
    if (expr === undefined) throw new QueryError("parse error: no arguments for aggregate expression provided");
    if (args.length !== wanted) {
      throw new QueryError(
        `parse error: wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    }
    const modifier = node.getChild("AggregateModifier");
    return {
      type: "aggregate",
      op,
      param: wanted === 2 ? args[0] : undefined,
      expr,
      grouping: this.grouping(modifier),
    };
  }

  private grouping(modifier: SyntaxNode | null): Grouping | undefined {
    if (modifier === null) return undefined;
    const labels = this.labelNames(childOf(modifier, "GroupingLabels"));
    return { by: modifier.getChild("By") !== null, labels };
  }

  private matchers(node: SyntaxNode): readonly Matcher[] {
    const identifier = node.getChild("Identifier");
    const written = node.getChild("LabelMatchers");
    const matchers = (written === null ? [] : childrenOf(written)).map((child) => this.matcher(child));
    if (identifier !== null) {
      if (matchers.some(({ name }) => name === NAME)) {
        throw new QueryError("parse error: metric name must not be set twice");
      }
      matchers.push(matcherOf(NAME, "=", this.textOf(identifier)));
    }
    if (!matchers.some(({ matches }) => !matches(""))) {
      throw new QueryError("parse error: vector selector must contain at least one non-empty matcher");
    }
    return matchers;
  }

  private matcher(node: SyntaxNode): Matcher {
    if (node.name !== "UnquotedLabelMatcher") throw notImplemented(`quoted label name ${this.textOf(node)}`);
    const op = this.textOf(childOf(node, "MatchOp")) as Matcher["op"];
    const value = stringLiteral(this.textOf(childOf(node, "StringLiteral")));
    return matcherOf(this.textOf(childOf(node, "LabelName")), op, value);
  }

  private duration(node: SyntaxNode): number {
    const ms = durationMs(this.textOf(node).trim());
    if (ms === 0) throw new QueryError("parse error: duration must be greater than 0");
    return ms;
  }

  private withOffset(expr: Expr, node: SyntaxNode): Expr {
    const [, sign, text] = /^\s*([-+]?)\s*(.*)$/s.exec(this.textOf(node)) ?? [];
    const offset = durationMs(text ?? "") * (sign === "-" ? -1 : 1);
    return moved(expr, (moment) => {
      if (moment.offset !== 0) throw new QueryError("parse error: offset may not be set multiple times");
      return { ...moment, offset };
    });
  }

  private pinned(expr: Expr, node: SyntaxNode): Expr {
    const word = node.getChild("AtModifierPreprocessors");
    const time = node.getChild("NumberDurationLiteral");
    const at =
      word !== null
        ? this.textOf(word).startsWith("start")
          ? "start"
          : "end"
        : Math.round(signed(time === null ? "" : this.textOf(time)) * 1000);
    if (typeof at === "number" && !Number.isFinite(at)) {
      throw new QueryError("parse error: timestamp out of bounds for @ modifier");
    }
    return moved(expr, (moment) => {
      if (moment.at !== undefined) throw new QueryError("parse error: @ <timestamp> may not be set multiple times");
      return { ...moment, at };
    });
  }

  private subquery(expr: Expr, node: SyntaxNode): Expr {
    const [range, step] = node.getChildren("DurationExpr").map((child) => this.duration(child));
    return { type: "subquery", expr, range: range ?? 0, step, offset: 0, at: undefined };
  }
}

function signed(text: string): number {
  const value = numberLiteral(text.replace(/^[-+]\s*/, ""));
  return text.startsWith("-") ? -value : value;
}

function rangeOf(expr: Expr, range: number): Expr {
  if (expr.type !== "selector") throw new QueryError("parse error: ranges only allowed for vector selectors");
  if (expr.offset !== 0 || expr.at !== undefined) {
    throw new QueryError("parse error: no offset modifiers allowed before range");
  }
  return { type: "range", selector: expr, range };
}

function moved(expr: Expr, change: (moment: Moment) => Moment): Expr {
  if (expr.type === "range") return { ...expr, selector: { ...expr.selector, ...change(expr.selector) } };
  if (expr.type === "selector" || expr.type === "subquery") return { ...expr, ...change(expr) };
  throw new QueryError(
    "parse error: offset and @ modifiers must be preceded by an instant vector selector, a range selector or a subquery",
  );
}

function matcherOf(name: string, op: Matcher["op"], value: string): Matcher {
  if (!isLabelName(name)) throw new QueryError(`parse error: invalid label name "${name}"`);
  if (op === "=") return { name, op, value, matches: (other) => other === value };
  if (op === "!=") return { name, op, value, matches: (other) => other !== value };
  const pattern = wholeMatch(value);
  return { name, op, value, matches: (other) => pattern.test(other) === (op === "=~") };
}

/** Operator precedence: climbs from the weakest to the strongest; "^" binds to the right, signs as strong as "*". */
function assemble(pieces: readonly Piece[]): Expr {
  let position = 0;
  const operand = (): Expr => {
    const piece = pieces[position];
    position += 1;
    if (piece?.kind === "sign") {
      const expr = climb(operand(), SIGN_PRECEDENCE + 1);
      return { type: "unary", negative: piece.negative, expr };
    }
    if (piece?.kind !== "operand") throw new QueryError("parse error: an operand is missing");
    return piece.expr;
  };
  const climb = (first: Expr, least: number): Expr => {
    let left = first;
    for (;;) {
      const piece = pieces[position];
      const strength = piece?.kind === "operator" ? (PRECEDENCE[piece.op] ?? 0) : 0;
      if (piece?.kind !== "operator" || strength < least) return left;
      position += 1;
      const right = climb(operand(), piece.op === "^" ? strength : strength + 1);
      left = { type: "binary", op: piece.op, left, right, bool: piece.bool, matching: piece.matching };
    }
  };
  return climb(operand(), 1);
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== "LineComment") children.push(child);
  }
  return children;
}

function childOf(node: SyntaxNode, name: string): SyntaxNode {
  const child = node.getChild(name);
  if (child === null) throw new QueryError(`parse error: ${name} is missing`);
  return child;
}

function firstOf(node: SyntaxNode): SyntaxNode {
  const child = childrenOf(node)[0];
  if (child === undefined) throw new QueryError("parse error: an operand is missing");
  return child;
}

function lastOf(node: SyntaxNode): SyntaxNode {
  const child = childrenOf(node).at(-1);
  if (child === undefined) throw new QueryError("parse error: an operand is missing");
  return child;
}
