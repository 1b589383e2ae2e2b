/**
 * docs/reference/resources.md, generated from the schemas: every field of a Canary, a MetricTemplate and an
 * AlertProvider.
 */
import { type CrdObject, crds } from "./index.ts";
import type { Schema } from "./schema.ts";

export function describeResources(): string {
  return `${HEAD}\n${crds().map(section).join("\n")}`;
}

const HEAD = `# Resources

Every field of \`flagger.app/v1beta1\` as the API server knows it (\`deploy/crds\`): the fields of Flagger and a few more. A dot leads into
an object, \`[]\` into each entry of a list, \`{}\` into each value of a map. A field in bold is required in the object that holds it.
This page is made from \`src/crd\`. A test keeps the two equal.
`;

/** An object with more fields than this gets a table of its own. */
const TABLE_FROM = 12;

/** The part of a schema that the page shows. */
interface Shown {
  readonly description?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shown>>;
  readonly items?: Shown;
  readonly additionalProperties?: Shown;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly default?: unknown;
}

function section({ spec: { names, versions } }: CrdObject): string {
  const [{ schema }] = versions as [{ schema: { openAPIV3Schema: Schema } }];
  const shown = schema.openAPIV3Schema as Shown;
  const tables: string[] = [];
  for (const [name, part] of Object.entries(shown.properties ?? {})) tabulate(name, part, tables);
  return `## ${(names as { kind: string }).kind}\n\n${shown.description}\n\n${tables.join("\n")}`;
}

function tabulate(path: string, shown: Shown, tables: string[]): void {
  const at = tables.push("") - 1;
  const rows: string[] = [];
  fill("", shown, (field, of, required) => {
    const own = countFields(of) >= TABLE_FROM;
    rows.push(row(field, of, required, own ? `${path}.${field}` : undefined));
    if (own) tabulate(`${path}.${field}`, of, tables);
    return !own;
  });
  const about = shown.description === undefined ? "" : `${shown.description}\n\n`;
  tables[at] = `### ${path}\n\n${about}| field | type | what |\n|---|---|---|\n${rows.join("\n")}\n`;
}

type Visit = (field: string, shown: Shown, required: boolean) => boolean;

/** Calls `visit` for every field below, and descends into a field when `visit` returns true. */
function fill(prefix: string, shown: Shown, visit: Visit): void {
  const { mark, inner } = within(shown);
  if (isTextMatch(inner)) return;
  const start = prefix + mark;
  for (const [name, field] of Object.entries(inner.properties ?? {})) {
    const path = start === "" ? name : `${start}.${name}`;
    if (visit(path, field, inner.required?.includes(name) === true)) fill(path, field, visit);
  }
}

/** Descends through lists and maps to the object with fields, and returns the path as it is written. */
function within(shown: Shown): { readonly mark: string; readonly inner: Shown } {
  const next = shown.items ?? shown.additionalProperties;
  if (next === undefined) return { mark: "", inner: shown };
  const { mark, inner } = within(next);
  return { mark: (shown.items === undefined ? "{}" : "[]") + mark, inner };
}

function countFields(shown: Shown): number {
  let count = 0;
  fill("", shown, () => {
    count += 1;
    return true;
  });
  return count;
}

function row(field: string, shown: Shown, required: boolean, elsewhere: string | undefined): string {
  const name = required ? `**\`${field}\`**` : `\`${field}\``;
  const values = shown.enum?.filter((value) => value !== "").map((value) => `\`${value}\``) ?? [];
  const what = [
    shown.description ?? "",
    values.length === 0 ? "" : `One of ${values.join(", ")}.`,
    shown.default === undefined || shown.default === "" ? "" : `Default: ${shown.default}.`,
    elsewhere === undefined ? "" : `See [below](#${elsewhere.replaceAll(/[^a-z]/gi, "").toLowerCase()}).`,
  ];
  return `| ${name} | ${typeOf(shown)} | ${what.filter((text) => text !== "").join(" ")} |`;
}

function typeOf(shown: Shown): string {
  const { type, items, additionalProperties, properties = {} } = shown;
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (additionalProperties !== undefined) return `map of ${typeOf(additionalProperties)}`;
  if (isTextMatch(shown))
    return Object.keys(properties)
      .join(", ")
      .replace(/, (?=\w+$)/, " or ");
  return type ?? "number or string";
}

/** `{ exact: … }` and similar objects occur in many places; the page shows them as one type. */
function isTextMatch({ properties = {} }: Shown): boolean {
  return "exact" in properties && "regex" in properties;
}
