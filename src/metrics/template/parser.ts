/**
 * Builds the tree of a Go text/template from its tokens.
 *
 *   block     = { text | "{{" action "}}" }          ends at {{end}} or {{else}}
 *   action    = if | with | range | define | block | template | break | continue | pipeline
 *   pipeline  = [ $x [, $y] (":=" | "=") ] command { "|" command }
 *   command   = operand { space operand }
 *   operand   = (constant | function | . | .field | $x | "(" pipeline ")") { .field }
 */
import { quote } from "../../go/format.ts";
import { TemplateFault, type Token, type TokenKind, tokenize } from "./lexer.ts";
import { charOf, numberOf, unquote } from "./literals.ts";
import type { Block, Command, Operand, Pipeline, Place, Statement, Tree } from "./tree.ts";

type Ending = "end" | "else" | "end-of-text";

interface BlockRead {
  readonly body: Block;
  readonly ending: Ending;
  readonly at: number;
}

const DEEPEST = 200;

/** @param functions names that a template may call @throws TemplateFault */
export function parseTemplate(template: string, functions: { has(name: string): boolean }): Tree {
  return new Parser(template, functions).tree();
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly named = new Map<string, Block>();
  private position = 0;
  private variables = ["$"];
  private loops = 0;
  private depth = 0;

  constructor(
    private readonly template: string,
    private readonly functions: { has(name: string): boolean },
  ) {
    this.tokens = tokenize(template);
  }

  tree(): Tree {
    const { body, ending, at } = this.block("input");
    if (ending !== "end-of-text") throw new TemplateFault(`unexpected {{${ending}}}`, at);
    return { body, named: this.named };
  }

  private peek(): Token {
    return this.tokens[Math.min(this.position, this.tokens.length - 1)] as Token;
  }

  private next(): Token {
    const token = this.peek();
    this.position += 1;
    return token;
  }

  private skipSpace(): Token {
    while (this.peek().kind === "space") this.position += 1;
    return this.peek();
  }

  private expect(kind: TokenKind, context: string): Token {
    const token = this.skipSpace();
    if (token.kind !== kind) throw unexpected(token, context);
    return this.next();
  }

  private place(at: number): Place {
    return { at, source: this.template.slice(at, this.peek().at).trim() };
  }

  /** The parser is recursive, and the stack is limited. */
  private nested<T>(work: () => T): T {
    if (this.depth === DEEPEST) throw new TemplateFault(`nested more than ${DEEPEST} deep`, this.peek().at);
    this.depth += 1;
    const made = work();
    this.depth -= 1;
    return made;
  }

  private block(context: string): BlockRead {
    const body: Statement[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === "end-of-text") return { body, ending: "end-of-text", at: token.at };
      if (token.kind === "text") body.push({ kind: "text", text: token.text });
      else {
        const word = this.skipSpace();
        if (word.kind === "word" && (word.text === "end" || word.text === "else")) {
          this.position += 1;
          return { body, ending: word.text, at: word.at };
        }
        const made = this.action(context);
        if (made !== undefined) body.push(made);
      }
    }
  }

  private action(context: string): Statement | undefined {
    const word = this.peek();
    switch (word.kind === "word" ? word.text : "") {
      case "if":
      case "with":
      case "range":
        this.position += 1;
        return this.nested(() => this.control(word.text as "if" | "with" | "range"));
      case "define":
        if (context !== "input") throw unexpected(word, "command");
        this.position += 1;
        this.define();
        return undefined;
      case "block":
        this.position += 1;
        return this.blockAction();
      case "template":
        this.position += 1;
        return this.templateAction();
      case "break":
      case "continue":
        this.position += 1;
        this.expect("close", `{{${word.text}}}`);
        if (this.loops === 0) throw new TemplateFault(`{{${word.text}}} outside {{range}}`, word.at);
        return { kind: word.text as "break" | "continue" };
      default:
        return { kind: "output", pipeline: this.pipeline("command", "close") };
    }
  }

  private control(kind: "if" | "with" | "range"): Statement {
    const outer = this.variables;
    this.variables = [...outer];
    const condition = this.pipeline(kind, "close");
    if (kind === "range") this.loops += 1;
    const { body, ending, at } = this.block(kind);
    if (kind === "range") this.loops -= 1;
    if (ending === "end-of-text") throw new TemplateFault("unexpected EOF", at);
    const otherwise = ending === "else" ? this.alternative(kind) : undefined;
    if (ending === "end") this.expect("close", "end");
    this.variables = outer;
    return { kind, pipeline: condition, body, otherwise };
  }

  /** What follows `else`; `else if` and `else with` share the final `end`. */
  private alternative(kind: "if" | "with" | "range"): Block {
    const word = this.skipSpace();
    if (word.kind === "word" && kind !== "range" && word.text === kind) {
      this.position += 1;
      return [this.nested(() => this.control(kind))];
    }
    this.expect("close", "else");
    const { body, ending, at } = this.block(kind);
    if (ending === "end-of-text") throw new TemplateFault("unexpected EOF", at);
    if (ending === "else") throw new TemplateFault("expected end; found {{else}}", at);
    this.expect("close", "end");
    return body;
  }

  private namedBlock(name: string, context: string): void {
    const [outer, outerLoops] = [this.variables, this.loops];
    [this.variables, this.loops] = [["$"], 0];
    const { body, ending, at } = this.nested(() => this.block(context));
    if (ending !== "end") throw new TemplateFault(`unexpected ${ending === "else" ? "{{else}}" : "EOF"}`, at);
    this.expect("close", "end");
    [this.variables, this.loops] = [outer, outerLoops];
    const isEmpty = (statements: Block) => statements.every((s) => s.kind === "text" && s.text.trim() === "");
    const before = this.named.get(name);
    if (before !== undefined && !isEmpty(before) && !isEmpty(body)) {
      throw new TemplateFault(`template: multiple definition of template ${quote(name)}`, at);
    }
    if (before === undefined || isEmpty(before)) this.named.set(name, body);
  }

  private templateName(context: string): Place & { readonly name: string } {
    const token = this.skipSpace();
    if (token.kind !== "string" && token.kind !== "raw") throw unexpected(token, context);
    const name = unquote(this.next());
    return { name, at: token.at, source: `{{template ${quote(name)}}}` };
  }

  private define(): void {
    const { name } = this.templateName("define clause");
    this.expect("close", "define clause");
    this.namedBlock(name, "define clause");
  }

  private blockAction(): Statement {
    const called = this.templateName("block clause");
    const argument = this.pipeline("block clause", "close");
    this.namedBlock(called.name, "block clause");
    return { kind: "template", ...called, pipeline: argument };
  }

  private templateAction(): Statement {
    const called = this.templateName("template clause");
    const argument = this.skipSpace().kind === "close" ? void this.next() : this.pipeline("template clause", "close");
    return { kind: "template", ...called, pipeline: argument };
  }

  private pipeline(context: string, closing: "close" | ")"): Pipeline {
    const at = this.skipSpace().at;
    const declared = this.declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.skipSpace();
      if (token.kind === closing) break;
      commands.push(this.command(context));
    }
    if (commands.length === 0) throw new TemplateFault(`missing value for ${context}`, at);
    const idle = commands.findIndex(({ first }, i) => i > 0 && ["constant", "nil", "dot"].includes(first.kind));
    if (idle > 0) throw new TemplateFault(`non executable command in pipeline stage ${idle + 1}`, at);
    const made = { ...declared, commands, ...this.place(at) };
    this.position += 1;
    return made;
  }

  private declarations(context: string): Pick<Pipeline, "variables" | "assigns"> {
    const names: string[] = [];
    const start = this.position;
    while (this.peek().kind === "variable") {
      const { text } = this.next();
      const sign = this.skipSpace();
      if (sign.kind === "comma") {
        if (context !== "range" || names.length > 0)
          throw new TemplateFault(`too many declarations in ${context}`, sign.at);
        names.push(text);
        this.position += 1;
        if (this.skipSpace().kind !== "variable")
          throw new TemplateFault("range can only initialize variables", this.peek().at);
      } else if (sign.kind === "declare" || sign.kind === "assign") {
        this.position += 1;
        const all = [...names, text];
        if (sign.kind === "declare") this.variables.push(...all);
        else for (const name of all) this.known(name, sign.at);
        return { variables: all, assigns: sign.kind === "assign" };
      } else break;
    }
    this.position = start;
    return { variables: [], assigns: false };
  }

  private known(name: string, at: number): void {
    if (!this.variables.includes(name)) throw new TemplateFault(`undefined variable ${quote(name)}`, at);
  }

  private command(context: string): Command {
    const at = this.skipSpace().at;
    const operands: Operand[] = [];
    let end = at;
    for (;;) {
      const start = this.skipSpace();
      const made = this.operand();
      if (made === undefined && operands.length === 0) throw unexpected(start, context);
      if (made !== undefined) {
        operands.push(made);
        end = this.peek().at;
      }
      const after = this.peek();
      if (after.kind === "space" || after.kind === "pipe") this.position += 1;
      if (after.kind === "pipe" || after.kind === "close" || after.kind === ")") break;
      if (after.kind !== "space") throw unexpected(after, "operand");
    }
    const [first, ...rest] = operands;
    if (first === undefined) throw new TemplateFault("empty command", at);
    return { first, rest, at, source: this.template.slice(at, end) };
  }

  private operand(): Operand | undefined {
    const token = this.peek();
    const first = this.term(token);
    if (first === undefined) return undefined;
    if (this.peek().kind !== "field") return first;
    if (["constant", "nil"].includes(first.kind) || token.kind === "dot") {
      throw new TemplateFault(`unexpected . after term ${quote(token.text)}`, token.at);
    }
    const at = this.peek().at;
    const names: string[] = [];
    while (this.peek().kind === "field") names.push(this.next().text.slice(1));
    const source = this.template.slice(token.at, this.peek().at);
    if (first.kind === "fields") return { ...first, names: [...first.names, ...names], source };
    return { kind: "fields", of: first, names, at, source };
  }

  private term(token: Token): Operand | undefined {
    const where = { at: token.at, source: token.text };
    const constant = (value: string | bigint | number | boolean | null): Operand => {
      this.position += 1;
      return value === null ? { kind: "nil", ...where } : { kind: "constant", value, ...where };
    };
    switch (token.kind) {
      case "word":
        return this.word(token, constant);
      case "dot":
        this.position += 1;
        return { kind: "dot", ...where };
      case "variable":
        this.known(token.text, token.at);
        this.position += 1;
        return { kind: "variable", name: token.text, ...where };
      case "field":
        this.position += 1;
        return { kind: "fields", of: { kind: "dot", ...where }, names: [token.text.slice(1)], ...where };
      case "number":
        return constant(numberOf(token) as bigint | number);
      case "char":
        return constant(charOf(token));
      case "string":
      case "raw":
        return constant(unquote(token));
      case "(": {
        this.position += 1;
        const inner = this.nested(() => this.pipeline("parenthesized pipeline", ")"));
        return {
          kind: "pipeline",
          pipeline: inner,
          at: token.at,
          source: this.template.slice(token.at, this.peek().at).trim(),
        };
      }
      default:
        return undefined;
    }
  }

  private word(token: Token, constant: (value: boolean | null) => Operand): Operand {
    if (token.text === "nil") return constant(null);
    if (token.text === "true" || token.text === "false") return constant(token.text === "true");
    if (KEYWORDS.has(token.text)) throw new TemplateFault(`unexpected <${token.text}> in command`, token.at);
    if (!this.functions.has(token.text)) throw new TemplateFault(`function ${quote(token.text)} not defined`, token.at);
    this.position += 1;
    return { kind: "function", name: token.text, at: token.at, source: token.text };
  }
}

const KEYWORDS = new Set(["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"]);

function shown(token: Token): string {
  if (token.kind === "word" && KEYWORDS.has(token.text)) return `<${token.text}>`;
  return quote(token.text.length > 10 ? `${token.text.slice(0, 10)}...` : token.text);
}

function unexpected(token: Token, context: string): TemplateFault {
  const message = token.kind === "end-of-text" ? "unexpected EOF" : `unexpected ${shown(token)} in ${context}`;
  return new TemplateFault(message, token.at);
}
