/** Runs a parsed template. There is no data object: dot is nil until `with` or `range` sets it. */
import { errorText } from "../../error-text.ts";
import { quote } from "../../go/format.ts";
import { Fuel, OutOfFuel } from "./fuel.ts";
import { BUILT_IN, isTrue, type TemplateFunction } from "./functions.ts";
import { TemplateFault } from "./lexer.ts";
import { printed, typeName } from "./printf.ts";
import type { Block, Command, Operand, Pipeline, Place, Statement, Tree, Value } from "./tree.ts";

/** A fault with the text of the node that was being evaluated. */
export class ExecutionFault extends TemplateFault {
  constructor(
    message: string,
    place: Place,
    readonly source: string = place.source,
    /** Name of the template with the fault; undefined: the main one. */
    readonly template?: string,
  ) {
    super(message, place.at);
    this.name = "ExecutionFault";
  }
}

interface Variable {
  readonly name: string;
  value: Value;
}

/** The variables that are visible at a statement. A block appends to `variables` and drops them at its end. */
interface Scope {
  readonly dot: Value;
  readonly variables: Variable[];
  /** The depth of template calls. */
  readonly depth: number;
}

type FunctionName = Operand & { readonly kind: "function" };

/** Functions that do not read a whole map. */
const READS_ONE = new Set(["index", "len", "not"]);

type Flow = "on" | "break" | "continue";

/** Go's limit is 100,000. */
const DEEPEST = 100;

/** @throws ExecutionFault, OutOfFuel */
export function execute(tree: Tree, functions: ReadonlyMap<string, () => Value>): string {
  return new Execution(tree, functions).run();
}

class Execution {
  private output = "";
  private readonly fuel = new Fuel();

  constructor(
    private readonly tree: Tree,
    private readonly functions: ReadonlyMap<string, () => Value>,
  ) {}

  run(): string {
    this.block(this.tree.body, { dot: null, variables: [{ name: "$", value: null }], depth: 0 });
    return this.output;
  }

  private block(statements: Block, scope: Scope): Flow {
    return this.fuel.within(() => {
      for (const statement of statements) {
        this.fuel.step();
        const flow = this.statement(statement, scope);
        if (flow !== "on") return flow;
      }
      return "on";
    });
  }

  private write(text: string): void {
    this.fuel.write(text.length);
    this.output += text;
  }

  /** The scope of a block: it sees the outer variables, and its own end with it. */
  private inner(scope: Scope): Scope {
    this.fuel.step(scope.variables.length);
    return { ...scope, variables: [...scope.variables] };
  }

  private statement(statement: Statement, scope: Scope): Flow {
    switch (statement.kind) {
      case "text":
        this.write(statement.text);
        return "on";
      case "output":
        this.print(statement.pipeline, scope);
        return "on";
      case "break":
      case "continue":
        return statement.kind;
      case "template":
        this.named(statement, scope);
        return "on";
      case "range":
        return this.range(statement, this.inner(scope));
      case "if":
      case "with": {
        const within = this.inner(scope);
        const value = this.pipeline(statement.pipeline, within);
        if (!isTrue(value)) return statement.otherwise === undefined ? "on" : this.block(statement.otherwise, within);
        return this.block(statement.body, statement.kind === "with" ? { ...within, dot: value } : within);
      }
    }
  }

  private print(pipeline: Pipeline, scope: Scope): void {
    const value = this.pipeline(pipeline, scope);
    if (pipeline.variables.length > 0) return;
    this.fuel.step(entriesOf(value));
    this.write(value === null ? "<no value>" : printed(value));
  }

  private named(statement: Extract<Statement, { kind: "template" }>, scope: Scope): void {
    const body = this.tree.named.get(statement.name);
    if (body === undefined) throw new ExecutionFault(`template ${quote(statement.name)} not defined`, statement);
    if (scope.depth === DEEPEST) throw new ExecutionFault(`exceeded maximum template depth (${DEEPEST})`, statement);
    const dot = statement.pipeline === undefined ? null : this.pipeline(statement.pipeline, scope);
    try {
      this.block(body, { dot, variables: [{ name: "$", value: dot }], depth: scope.depth + 1 });
    } catch (error) {
      if (!(error instanceof ExecutionFault) || error.template !== undefined) throw error;
      throw new ExecutionFault(error.message, error, error.source, statement.name);
    }
  }

  private range(statement: Extract<Statement, { kind: "if" | "with" | "range" }>, scope: Scope): Flow {
    const { pipeline } = statement;
    const value = this.pipeline({ ...pipeline, variables: [] }, scope);
    let empty = true;
    this.fuel.step(entriesOf(value));
    for (const [index, element] of iterations(value, pipeline)) {
      empty = false;
      this.fuel.step();
      const within = this.inner(scope);
      const [first, second] = pipeline.variables;
      const bound: [string | undefined, Value][] =
        second === undefined
          ? [[first, element]]
          : [
              [first, index],
              [second, element],
            ];
      for (const [name, item] of bound) if (name !== undefined) bind(within, name, item, pipeline.assigns);
      if (this.block(statement.body, { ...within, dot: element }) === "break") break;
    }
    return empty && statement.otherwise !== undefined ? this.block(statement.otherwise, scope) : "on";
  }

  private pipeline(pipeline: Pipeline, scope: Scope): Value {
    let value: Value | undefined;
    for (const command of pipeline.commands) value = this.command(command, value, scope);
    for (const name of pipeline.variables) bind(scope, name, value ?? null, pipeline.assigns);
    return value ?? null;
  }

  /** @param piped the value of the command before it, its last argument */
  private command(command: Command, piped: Value | undefined, scope: Scope): Value {
    const { first, rest } = command;
    if (first.kind === "function") return this.call(first, command, piped, scope);
    if (first.kind === "nil") throw new ExecutionFault("nil is not a command", first);
    if (first.kind === "fields" && (rest.length > 0 || piped !== undefined)) {
      this.operand(first, scope);
      throw new ExecutionFault(`${first.names.at(-1)} is not a method but has arguments`, first);
    }
    if (rest.length > 0 || piped !== undefined) {
      throw new ExecutionFault(`can't give argument to non-function ${first.source}`, first);
    }
    return this.operand(first, scope);
  }

  private operand(operand: Operand, scope: Scope): Value {
    this.fuel.step();
    switch (operand.kind) {
      case "constant":
        return operand.value;
      case "nil":
        return null;
      case "dot":
        return scope.dot;
      case "variable":
        this.fuel.step(scope.variables.length >> 4);
        return scope.variables.findLast(({ name }) => name === operand.name)?.value ?? null;
      case "pipeline":
        return this.fuel.within(() => this.pipeline(operand.pipeline, scope));
      case "function":
        return this.call(operand, { first: operand, rest: [], ...operand }, undefined, scope);
      case "fields": {
        const place = operand.of.kind === "function" || operand.of.kind === "pipeline" ? operand.of : operand;
        return operand.names.reduce((value, name) => field(value, name, place), this.operand(operand.of, scope));
      }
    }
  }

  private call(name: FunctionName, command: Command, piped: Value | undefined, scope: Scope): Value {
    const { rest } = command;
    const own = this.functions.get(name.name);
    const known: TemplateFunction | undefined =
      own === undefined ? BUILT_IN[name.name] : { least: 0, most: 0, call: own };
    if (known === undefined) return this.shortCircuit(name, rest, piped, scope);
    const args = rest.map((operand) => this.operand(operand, scope));
    if (piped !== undefined) args.push(piped);
    checkCount(name, known.least, known.most, args.length);
    this.charge(args, READS_ONE.has(name.name));
    try {
      const value = known.call(args);
      if (own === undefined) this.charge([value]);
      return value;
    } catch (error) {
      if (error instanceof OutOfFuel) throw error;
      throw new ExecutionFault(`error calling ${name.name}: ${errorText(error)}`, command);
    }
  }

  /** A function reads all of its arguments and makes all of its result. @param one it reads one entry of a map only */
  private charge(values: readonly Value[], one = false): void {
    for (const value of values) {
      if (typeof value === "string") this.fuel.write(value.length);
      if (value === null || typeof value !== "object" || one) continue;
      this.fuel.step(value.size);
      for (const [key, text] of value) this.fuel.write(key.length + text.length);
    }
  }

  /** `and`, `or`: the first argument that decides; those behind it are not evaluated. */
  private shortCircuit(name: FunctionName, rest: readonly Operand[], piped: Value | undefined, scope: Scope): Value {
    checkCount(name, 1, undefined, rest.length + (piped === undefined ? 0 : 1));
    let value: Value = null;
    for (const operand of rest) {
      value = this.operand(operand, scope);
      if (isTrue(value) === (name.name === "or")) return value;
    }
    return piped === undefined ? value : piped;
  }
}

/** Declares, or assigns to the innermost variable of that name (shared with the blocks around, hence the object). */
function bind(scope: Scope, name: string, value: Value, assigns: boolean): void {
  const known = assigns ? scope.variables.findLast((variable) => variable.name === name) : undefined;
  if (known === undefined) scope.variables.push({ name, value });
  else known.value = value;
}

function entriesOf(value: Value): number {
  return value !== null && typeof value === "object" ? value.size : 0;
}

function checkCount(name: Place & { name: string }, least: number, most: number | undefined, count: number): void {
  if (count >= least && (most === undefined || count <= most)) return;
  const wanted = most === undefined ? `at least ${least}` : String(least);
  throw new ExecutionFault(`wrong number of args for ${name.name}: want ${wanted} got ${count}`, name);
}

function field(value: Value, name: string, place: Place): Value {
  if (value === null) throw new ExecutionFault(`nil data; no entry for key ${quote(name)}`, place);
  if (typeof value !== "object") {
    throw new ExecutionFault(`can't evaluate field ${name} in type ${typeName(value)}`, place);
  }
  const found = value.get(name);
  if (found === undefined) throw new ExecutionFault(`map has no entry for key ${quote(name)}`, place);
  return found;
}

function* iterations(value: Value, pipeline: Pipeline): Generator<readonly [Value, Value]> {
  if (value === null) return;
  if (typeof value === "bigint") {
    if (pipeline.variables.length > 1) {
      throw new ExecutionFault(`can't use ${value} to iterate over more than one variable`, pipeline);
    }
    for (let i = 0n; i < value; i += 1n) yield [null, i];
  } else if (typeof value === "object") {
    yield* [...value].sort(([a], [b]) => (a < b ? -1 : 1));
  } else throw new ExecutionFault(`range can't iterate over ${printed(value)}`, pipeline);
}
