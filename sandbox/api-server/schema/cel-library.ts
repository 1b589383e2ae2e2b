/** The CEL environment of CRD rules: the language plus the Kubernetes functions that its package does not have. */
import { isIP } from "node:net";
import { Environment } from "@marcbachmann/cel-js";
import { bindHasTargets } from "./cel-has.ts";

type Program = (context?: Record<string, unknown>) => unknown;
type Comparable = bigint | number | string;

const compare = (a: Comparable, b: Comparable) => (a < b ? -1 : a > b ? 1 : 0);

function extreme(list: readonly unknown[], sign: 1 | -1): unknown {
  if (list.length === 0) throw new Error(`${sign === 1 ? "max" : "min"} called on empty list`);
  return list.reduce((best, item) => (compare(item as Comparable, best as Comparable) * sign > 0 ? item : best));
}

function sum(list: readonly unknown[]): unknown {
  if (list.every((item) => typeof item === "bigint")) return list.reduce((total, item) => total + item, 0n);
  return list.reduce<number>((total, item) => total + Number(item), 0);
}

function replace(text: string, from: string, to: string, limit: bigint): string {
  let rest = limit;
  return text.replaceAll(from, (match) => {
    if (rest === 0n) return match;
    rest -= 1n;
    return to;
  });
}

/**
 * Go writes flags into the expression, "^(?i)[a-z]+$"; they hold for what follows, which is all of it in rules of CRDs.
 */
function goExpression(text: string, flags = ""): RegExp {
  const written = [...text.matchAll(/\(\?([ims]+)\)/g)].map(([, letters]) => letters).join("");
  const all = [...new Set(`u${flags}${written}`)].join("");
  return new RegExp(text.replace(/\(\?[ims]+\)/g, ""), all);
}

const items = (list: unknown) => (list instanceof Set ? [...list] : (list as unknown[]));
const same = (a: unknown, b: unknown) => a === b;

/** The package has a `matches` of its own, which takes JavaScript's expressions only. */
const GO_MATCHES = { name: ".matchesGo(", signature: "string.matchesGo(string): bool" } as const;

function environment(): Environment {
  return new Environment({
    unlistedVariablesAreDyn: true,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
  })
    .registerFunction(
      "string.find(string): string",
      (text: string, re: string) => goExpression(re).exec(text)?.[0] ?? "",
    )
    .registerFunction("string.findAll(string): list", (text: string, re: string) =>
      [...text.matchAll(goExpression(re, "g"))].map(([match]) => match),
    )
    .registerFunction(GO_MATCHES.signature, (text: string, re: string) => goExpression(re).test(text))
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      text.replaceAll(from, () => to),
    )
    .registerFunction("string.replace(string, string, int): string", replace)
    .registerFunction("list.sum(): dyn", (list: unknown) => sum(items(list)))
    .registerFunction("list.min(): dyn", (list: unknown) => extreme(items(list), -1))
    .registerFunction("list.max(): dyn", (list: unknown) => extreme(items(list), 1))
    .registerFunction("list.isSorted(): bool", (list: unknown) =>
      items(list).every((item, i, all) => i === 0 || compare(all[i - 1] as Comparable, item as Comparable) <= 0),
    )
    .registerFunction("list.indexOf(dyn): int", (list: unknown, item: unknown) =>
      BigInt(items(list).findIndex((other) => same(other, item))),
    )
    .registerFunction("list.lastIndexOf(dyn): int", (list: unknown, item: unknown) =>
      BigInt(items(list).findLastIndex((other) => same(other, item))),
    )
    .registerFunction("isURL(string): bool", (text: string) => URL.canParse(text))
    .registerFunction("isIP(string): bool", (text: string) => isIP(text) !== 0);
}

/**
 * An environment with functions of its own. Expressions are compiled once; the environment is made when it is first
 * needed.
 */
export function celEnvironmentWith(more: (environment: Environment) => Environment) {
  let shared: Environment | undefined;
  const programs = new Map<string, Program>();
  const program = (expression: string): Program => {
    const known = programs.get(expression);
    if (known !== undefined) return known;
    shared ??= more(environment());
    const made = shared.parse(bindHasTargets(expression.replaceAll(".matches(", GO_MATCHES.name))) as Program;
    programs.set(expression, made);
    return made;
  };
  return {
    /** Evaluates an expression; throws when it cannot be parsed or evaluated. */
    evaluate(expression: string, variables: Record<string, unknown>): unknown {
      return program(expression)(variables);
    },
    /** The optional value of CEL: `optional.of(x)`, or none. */
    optional(value: unknown): unknown {
      return value === undefined ? program("optional.none()")({}) : program("optional.of(value)")({ value });
    },
  };
}

/** Of the rules in CRDs. */
export const celEnvironment = celEnvironmentWith((environment) => environment);
