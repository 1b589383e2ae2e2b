/**
 * Renders the query of a check: Go's text/template with the functions of MetricTemplates. The texts of the errors are
 * contract, including their spelling ("excution").
 */

import { quote } from "../go/format.ts";
import { clean } from "../net/show.ts";
import { bareVariables } from "./template/bare.ts";
import { ExecutionFault, execute } from "./template/evaluator.ts";
import { OutOfFuel } from "./template/fuel.ts";
import { BUILT_IN } from "./template/functions.ts";
import { TemplateFault } from "./template/lexer.ts";
import { parseTemplate } from "./template/parser.ts";
import type { Tree, Value } from "./template/tree.ts";

/** The values that a query template can name. */
export interface QueryModel {
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  readonly service: string;
  readonly ingress: string;
  readonly route: string;
  /** PromQL window as written, e.g. "1m". */
  readonly interval: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A template that cannot be parsed or executed; the message is the text that goes into events. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(clean(message));
    this.name = "TemplateError";
  }
}

const NAMES = ["name", "namespace", "target", "service", "ingress", "route", "interval"] as const;
/** The name of the template itself in errors, as in Flagger. */
const TITLE = "tmpl";

/** The longest quotation of the failed action, in characters. */
const LONGEST_SOURCE = 256;
/** No metric server accepts a longer query. */
const LONGEST = 65_536;

const FUNCTIONS = new Set([...NAMES, "variables", ...Object.keys(BUILT_IN), "and", "or"]);

/** @throws TemplateError "template parsing failed: …" */
function parsed(template: string): Tree {
  if (template.length > LONGEST) {
    throw new TemplateError(`template parsing failed: template: ${TITLE}: it is longer than ${LONGEST} characters`);
  }
  try {
    return parseTemplate(template, FUNCTIONS);
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    throw new TemplateError(
      `template parsing failed: template: ${TITLE}:${lineOf(template, error.at)}: ${error.message}`,
    );
  }
}

/** The parsed templates that were rendered last, by their text. */
const trees = new Map<string, Tree>();
/** Of all their texts together, in characters. A tree takes up to 150 times the memory of its text. */
const MOST_KEPT = 131_072;
let kept = 0;

/** Parses each version of a template once, not at every query. @throws TemplateError */
function treeOf(template: string): Tree {
  const known = trees.get(template);
  const tree = known ?? parsed(template);
  trees.delete(template);
  trees.set(template, tree);
  if (known === undefined) kept += template.length;
  for (const [oldest] of trees) {
    if (kept <= MOST_KEPT) break;
    trees.delete(oldest);
    kept -= oldest.length;
  }
  return tree;
}

/** @throws TemplateError "template parsing failed: …", "template excution failed: …" */
export function renderQuery(template: string, model: QueryModel): string {
  const functions = new Map<string, () => Value>(NAMES.map((name) => [name, () => model[name]]));
  const variables = new Map(Object.entries(model.variables));
  functions.set("variables", () => variables);
  const tree = treeOf(template);
  try {
    return execute(tree, functions);
  } catch (error) {
    if (error instanceof ExecutionFault) throw new TemplateError(executionText(template, error));
    if (!(error instanceof OutOfFuel)) throw error;
    throw new TemplateError(`template excution failed: template: ${TITLE}: ${error.message}`);
  }
}

/** Variables of the Canary that the template shows without quoting them; none for what cannot be parsed. */
export function bareVariablesIn(template: string): readonly string[] {
  try {
    return bareVariables(parsed(template));
  } catch (error) {
    if (error instanceof TemplateError) return [];
    throw error;
  }
}

function executionText(template: string, fault: ExecutionFault): string {
  const column = fault.at - (template.lastIndexOf("\n", fault.at - 1) + 1);
  const place = `${TITLE}:${lineOf(template, fault.at)}:${column}`;
  const name = quote(fault.template ?? TITLE);
  return `template excution failed: template: ${place}: executing ${name} at <${clean(fault.source, LONGEST_SOURCE)}>: ${fault.message}`;
}

function lineOf(template: string, at: number): number {
  return template.slice(0, at).split("\n").length;
}
