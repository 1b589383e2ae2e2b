/**
 * Variables of a Canary that stand in a query as they are. The author of a Canary can end a quoted text with one of
 * them and go on with a query of their own, which the template's credentials then ask.
 */
import type { Block, Command, Operand, Pipeline, Statement, Tree } from "./tree.ts";

/** Functions whose result cannot end a quoted text, or is no text of the author. */
const ESCAPES = new Set(["urlquery", "js", "len", "eq", "ne", "lt", "le", "gt", "ge", "not"]);
const FROM_CANARY = "variables";

/** @returns the actions, as written: "variables.ns" */
export function bareVariables({ body, named }: Tree): readonly string[] {
  const search: Search = { tainted: new Set(), found: [] };
  for (const block of [body, ...named.values()]) searchBlock(block, search);
  return [...new Set(search.found)];
}

interface Search {
  /** Variables of the template that hold a variable of the Canary. */
  readonly tainted: Set<string>;
  readonly found: string[];
}

function searchBlock(block: Block, search: Search): void {
  for (const statement of block) searchStatement(statement, search);
}

function searchStatement(statement: Statement, search: Search): void {
  switch (statement.kind) {
    case "output": {
      const { pipeline } = statement;
      const isBare = isTainted(pipeline, search);
      for (const name of pipeline.variables) if (isBare) search.tainted.add(name);
      if (isBare && pipeline.variables.length === 0) search.found.push(pipeline.source);
      return;
    }
    case "if":
    case "with":
    case "range": {
      const { pipeline, body, otherwise } = statement;
      // Dot and the loop's variables hold what is looped over.
      const holds = statement.kind !== "if" && isTainted(pipeline, search);
      for (const name of [...pipeline.variables, ...(statement.kind === "if" ? [] : [DOT])]) {
        if (holds) search.tainted.add(name);
      }
      searchBlock(body, search);
      if (otherwise !== undefined) searchBlock(otherwise, search);
      return;
    }
    case "template":
      // A named template shows what it is given as its dot.
      if (statement.pipeline !== undefined && isTainted(statement.pipeline, search)) search.tainted.add(DOT);
      return;
    default:
      return;
  }
}

const DOT = ".";

/** Whether the value holds a variable of the Canary that nothing escaped. */
function isTainted({ commands }: Pipeline, search: Search): boolean {
  return commands.reduce((before, command) => comesBare(command, before, search), false);
}

function comesBare(command: Command, piped: boolean, search: Search): boolean {
  const { first, rest } = command;
  const isBare = piped || [first, ...rest].some((operand) => holdsVariable(operand, search));
  if (!isBare || first.kind !== "function") return isBare;
  if (ESCAPES.has(first.name)) return false;
  return first.name !== "printf" || !quotesAll(rest[0]);
}

/** Every verb is %q, or one that writes no text. */
function quotesAll(format: Operand | undefined): boolean {
  if (format?.kind !== "constant" || typeof format.value !== "string") return false;
  const verbs = [...format.value.replaceAll("%%", "").matchAll(/%[-+# 0]*\d*(?:\.\d*)?(.)/g)].map(([, verb]) => verb);
  return verbs.every((verb) => verb !== undefined && "qdxXfegtTcU".includes(verb));
}

function holdsVariable(operand: Operand, search: Search): boolean {
  switch (operand.kind) {
    case "function":
      return operand.name === FROM_CANARY;
    case "fields":
      return holdsVariable(operand.of, search);
    case "pipeline":
      return isTainted(operand.pipeline, search);
    case "variable":
      return search.tainted.has(operand.name);
    case "dot":
      return search.tainted.has(DOT);
    default:
      return false;
  }
}
