/** The syntax of names, labels and ports, each with the sentence the API server answers with. */
import { type FieldError, invalid } from "../errors.ts";

/** Says what is wrong with a text; empty when nothing is. */
export type NameRule = (text: string) => string[];

const explain = (rule: string, source: string, ...examples: string[]) =>
  `${rule} (e.g. ${examples.map((example) => `'${example}', `).join(" or ")}regex used for validation is '${source}')`;

function rule(words: string, source: string, max: number, ...examples: string[]): NameRule {
  const regex = new RegExp(`^(?:${source})$`);
  return (text) => [
    ...(text.length > max ? [`must be no more than ${max} characters`] : []),
    ...(regex.test(text) ? [] : [explain(words, source, ...examples)]),
  ];
}

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const EDGES = "and must start and end with an alphanumeric character";

export const dnsLabel: NameRule = rule(
  `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${EDGES}`,
  LABEL,
  63,
  "my-name",
  "123-abc",
);

export const dnsSubdomain: NameRule = rule(
  `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${EDGES}`,
  `${LABEL}(\\.${LABEL})*`,
  253,
  "example.com",
);

export const dns1035Label: NameRule = rule(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " +
    "and end with an alphanumeric character",
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  63,
  "my-name",
  "abc-123",
);

export const configKey: NameRule = rule(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  "[-._a-zA-Z0-9]+",
  253,
  "key.name",
  "KEY_NAME",
  "key-name",
);

/** RBAC names may be anything that is a path segment. */
export const pathSegment: NameRule = (text) => {
  if (text === "." || text === "..") return [`may not be '${text}'`];
  return ["/", "%"].filter((char) => text.includes(char)).map((char) => `may not contain '${char}'`);
};

const NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

export const labelValue: NameRule = rule(
  `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
  `(${NAME})?`,
  63,
  "MyValue",
  "my_value",
  "12345",
);

const namePart = rule(
  `name part must consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
  NAME,
  63,
  "MyName",
  "my.name",
  "123-abc",
);

/** Keys of labels and annotations: an optional DNS prefix, a slash, a name. */
export const qualifiedName: NameRule = (text) => {
  const parts = text.split("/");
  if (parts.length > 2) {
    const words = `a qualified name must consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`;
    return [
      `${explain(words, NAME, "MyName", "my.name", "123-abc")} with an optional DNS subdomain prefix and '/' ` +
        "(e.g. 'example.com/MyName')",
    ];
  }
  const name = parts.at(-1) ?? "";
  const prefix = parts.length === 2 ? (parts[0] ?? "") : undefined;
  const prefixWrong =
    prefix === undefined ? [] : prefix === "" ? ["prefix part must be non-empty"] : dnsSubdomain(prefix);
  return [...prefixWrong, ...(name === "" ? ["name part must be non-empty"] : []), ...namePart(name)];
};

/** Names of ports: at most 15 lower-case letters, digits and hyphens. */
export const portName: NameRule = (text) => [
  ...(text.length > 15 ? ["must be no more than 15 characters"] : []),
  ...(/^[-a-z0-9]+$/.test(text) ? [] : ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
  ...(/[a-z]/.test(text) ? [] : ["must contain at least one letter (a-z)"]),
  ...(text.includes("--") ? ["must not contain consecutive hyphens"] : []),
  ...(/^-|-$/.test(text) ? ["must not begin or end with a hyphen"] : []),
];

/** `path: Invalid value: "text": ...` for every complaint of a rule. */
export function named(rule: NameRule, path: string, text: unknown): FieldError[] {
  return typeof text === "string" ? rule(text).map((words) => invalid(path, text, words)) : [];
}

/** A port number. */
export function portNumber(path: string, port: unknown): FieldError[] {
  if (typeof port !== "number") return [];
  return port >= 1 && port <= 65535 ? [] : [invalid(path, port, "must be between 1 and 65535, inclusive")];
}

/** A port by number or by name. */
export function portReference(path: string, port: unknown): FieldError[] {
  return typeof port === "string" ? named(portName, path, port) : portNumber(path, port);
}
