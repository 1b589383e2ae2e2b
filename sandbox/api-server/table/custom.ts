/**
 * Columns that CRDs declare, with the JSONPath dialect of Kubernetes: `.status.conditions[?(@.type=="Ready")].status`.
 */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { PrinterColumn } from "../resource.ts";
import { ageOf, type Column } from "./column.ts";

type Step = (values: readonly KubeFields[]) => readonly KubeFields[];

/** Every value at a path; empty when there is none. Unknown syntax finds nothing. */
export function valuesAt(object: KubeObject, path: string): readonly KubeFields[] {
  return stepsOf(path).reduce<readonly KubeFields[]>((values, step) => step(values), [object]);
}

const parsed = new Map<string, readonly Step[]>();

function stepsOf(path: string): readonly Step[] {
  const known = parsed.get(path) ?? parsePath(path);
  parsed.set(path, known);
  return known;
}

/** ['quoted'] | .field | [?(@.type=="Ready")] | [0] and [*] */
const TOKEN = new RegExp(
  [
    /\.?\['((?:[^'\\]|\\.)*)'\]/,
    /\.((?:[^.[\]\\]|\\.)+)/,
    /\[\?\(@\.([\w.]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\s*\)\]/,
    /\[(-?\d+|\*)\]/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gy",
);

function parsePath(path: string): readonly Step[] {
  const source = path.startsWith(".") || path.startsWith("[") ? path : `.${path}`;
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const match = TOKEN.exec(source);
    if (match === null) return [() => []];
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf([, quoted, field, filter, operator, double, single, bare, index]: RegExpExecArray): Step {
  const name = (quoted ?? field)?.replace(/\\(.)/g, "$1");
  if (name === "*") return (values) => values.flatMap(elements);
  if (name !== undefined) return (values) => values.flatMap((value) => present(value?.[name]));
  if (filter !== undefined) {
    const wanted = double ?? single ?? bare ?? "";
    const keys = filter.split(".");
    const equal = (item: KubeFields) => String(keys.reduce((at, key) => at?.[key], item)) === wanted;
    return (values) => values.flatMap(elements).filter((item) => equal(item) === (operator === "=="));
  }
  if (index === "*") return (values) => values.flatMap(elements);
  return (values) => values.flatMap((value) => (Array.isArray(value) ? present(value.at(Number(index))) : []));
}

const present = (value: KubeFields): readonly KubeFields[] => (value === undefined || value === null ? [] : [value]);

function elements(value: KubeFields): readonly KubeFields[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

/** The declared columns, ready to print. */
export function customColumns(columns: readonly PrinterColumn[]): readonly Column[] {
  return columns.map(({ name, type, jsonPath, format = "", description, priority = 0 }) => ({
    name,
    type: type === "date" ? "date" : type,
    format,
    priority,
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    cell: (object, nowMs) => cellOf(type, valuesAt(object, jsonPath), nowMs),
  }));
}

function cellOf(type: string, values: readonly KubeFields[], nowMs: number): unknown {
  const [value] = values;
  if (value === undefined) return type === "date" ? "<unknown>" : null;
  if (type === "date") return ageOf(String(value), nowMs);
  if (type === "integer" || type === "number") return Number(value);
  if (type === "boolean") return value === true || value === "true";
  return values.map((item) => (typeof item === "object" ? JSON.stringify(item) : String(item))).join(",");
}
