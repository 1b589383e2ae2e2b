// Writes sandbox/generated/kubernetes-models.json: the types of Kubernetes that the sandbox's API server knows.
//
// The source is the text of @kubernetes/client-node's model files. It is a development dependency: an installed Aviary has
// the JSON alone. Text, because an import of that package costs half a second and 76 MB. The wanted part is plain data:
// `X.attributeTypeMap = [ ...JSON... ]` in the .js file (wire names, types, formats), and the property lines of the .d.ts
// file (which fields are required, and their documentation).
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PACKAGE = join(ROOT, "node_modules/@kubernetes/client-node");
const FILE = join(ROOT, "sandbox/generated/kubernetes-models.json");
/** Raised when the shape of the file changes. */
const FORMAT = 1;

const DOC = /\/\*\*([\s\S]*?)\*\/\s*/;
const FIELD = new RegExp(`(?:${DOC.source})?'([^']+)'(\\??):`, "g");

/** Writes the file unless it is there already, made from the same version. @returns its path */
export function writeKubernetesModels() {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  const source = `@kubernetes/client-node ${version}, format ${FORMAT}`;
  if (existsSync(FILE) && readFileSync(FILE, "utf8").startsWith(`{"source":${JSON.stringify(source)}`)) return FILE;
  const folder = join(PACKAGE, "dist/gen/models");
  const names = readdirSync(folder).flatMap((file) => /^(.*)\.d\.ts$/.exec(file)?.[1] ?? []);
  const models = Object.fromEntries(names.filter(isWanted).flatMap((name) => modelOf(folder, name)));
  mkdirSync(join(ROOT, "sandbox/generated"), { recursive: true });
  // Several test runs may write at once: a reader must never see half a file.
  const draft = `${FILE}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ source, models }));
  renameSync(draft, FILE);
  return FILE;
}

/** What vitest runs before the tests. */
export const setup = () => void writeKubernetesModels();

/** The sandbox serves stable versions alone. */
const isWanted = (name) => !/V\d+(alpha|beta)\d+/.test(name);

/** `[[name, { description, fields: [[wire name, type, format, required, description]] }]]`, or nothing for no model. */
function modelOf(folder, name) {
  const code = readFileSync(join(folder, `${name}.js`), "utf8");
  const table = /attributeTypeMap = (\[[\s\S]*?\n\]|\[\]);/.exec(code)?.[1];
  if (table === undefined) return [];
  const types = readFileSync(join(folder, `${name}.d.ts`), "utf8");
  const start = types.indexOf("export declare class");
  const declared = new Map(
    [...types.slice(start).matchAll(FIELD)].map(([, doc, field, optional]) => [field, [optional === "", prose(doc)]]),
  );
  // The file begins with a licence comment; the class comment is the last one before the class, if it has one.
  const comment = types.lastIndexOf("/**", start);
  const description = prose(comment > 0 ? DOC.exec(types.slice(comment, start))?.[1] : "");
  const fields = JSON.parse(table).map(({ name: field, baseName, type, format }) => {
    const [required, text] = declared.get(field) ?? [false, ""];
    return [baseName, type, format, required, text];
  });
  return [[name, { description, fields }]];
}

function prose(comment = "") {
  return comment
    .replace(/^\s*\* ?/gm, "")
    .replace(/\\(['"])/g, "$1")
    .trim();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) writeKubernetesModels();
