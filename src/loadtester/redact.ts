/** What of a command line may be logged and answered: command lines hold tokens. */

const SECRET = "***";
const NAME = "[\\w-]{0,40}(?:token|secret|api[_-]?key|password|passwd)";
const VALUE = "(?:\"[^\"]*\"|'[^']*'|[^\\s&'\"|;]+)";

const RULES: readonly (readonly [RegExp, string])[] = [
  // http://user:password@host
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@'"]{1,2000}@/gi, `$1${SECRET}@`],
  // Authorization: Bearer x, Cookie: x, X-Api-Key: x, in quotes or to the end of the word
  [
    new RegExp(
      `\\b((?:proxy-)?authorization|cookie|${NAME})(\\s{0,9}:\\s{0,9})(?:(?:bearer|basic|token)\\s+)?[^\\s'"]+`,
      "gi",
    ),
    `$1$2${SECRET}`,
  ],
  // token=x, PASSWORD=x, ?api_key=x
  [new RegExp(`(${NAME}=)${VALUE}`, "gi"), `$1${SECRET}`],
  // --password x
  [new RegExp(`(--?${NAME}\\s{1,9})(?!-)${VALUE}`, "gi"), `$1${SECRET}`],
  // curl -u user:password
  [new RegExp(`(\\s(?:-u\\s{0,9}|--user[=\\s]\\s{0,9}))${VALUE}`, "g"), `$1${SECRET}`],
];

/** `command` without what looks like a password or a token. */
export function redacted(command: string): string {
  return RULES.reduce((text, [pattern, shown]) => text.replace(pattern, shown), command);
}
