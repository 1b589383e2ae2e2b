/**
 * All mutants. A row names no file, only its module: the fragment `from` stands exactly once in the sources of src/<module>/, or of
 * the folder `in` where the module has it more than once. So a row survives a file that is renamed, moved or formatted anew.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MODULES = ["core", "operator", "routers", "services", "workloads", "kube", "gates", "metrics", "net", "json"];

const tables = await Promise.all(
  MODULES.map(async (module) => ({ module, rows: (await import(`./${module}.mjs`)).ROWS })),
);

/** Each with the folder or file that holds it. */
export const MUTANTS = tables.flatMap(({ module, rows }) =>
  rows.map((row) => ({ ...row, in: row.in ?? `src/${module}/` })),
);

/** White space does not count: the formatter may have broken the line elsewhere. */
export function patternOf(from) {
  const words = from.trim().split(/\s+/);
  return new RegExp(words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+"), "g");
}

function sourcesUnder(root, path) {
  if (path.endsWith(".ts")) return existsSync(join(root, path)) ? [path] : [];
  if (!existsSync(join(root, path))) return [];
  return readdirSync(join(root, path), { recursive: true })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(path, name));
}

/**
 * Finds the file of each mutant.
 * @returns the mutants with their `file`, and in words the rows that do not fit
 */
export function locate(root) {
  const texts = new Map();
  const textsUnder = (path) => {
    const known =
      texts.get(path) ?? sourcesUnder(root, path).map((file) => [file, readFileSync(join(root, file), "utf8")]);
    texts.set(path, known);
    return known;
  };
  const names = MUTANTS.map(({ breaks }) => breaks);
  const found = [];
  const misfits = [];
  for (const [index, mutant] of MUTANTS.entries()) {
    const { breaks, from, to } = mutant;
    const pattern = patternOf(from);
    const hits = textsUnder(mutant.in).flatMap(([file, text]) => (text.match(pattern) ?? []).map(() => file));
    const row = `the mutant "${breaks}"`;
    if (from === to) misfits.push(`${row} changes nothing`);
    else if (names.indexOf(breaks) !== index) misfits.push(`${row} is in scripts/mutants/ twice`);
    else if (hits.length !== 1) misfits.push(`${row}: ${mutant.in} has it ${hits.length} times, not once: ${from}`);
    else found.push({ ...mutant, file: hits[0] });
  }
  return { found, misfits };
}
