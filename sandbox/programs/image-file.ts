/** `images.yaml`: which program of this machine stands for an image. It is read anew whenever it has changed. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { parseYaml } from "../../src/json/yaml.ts";

/** One entry. */
export interface ImageProgram {
  /** A program and its arguments, as in a shell: words in quotes stay together. There is no shell. */
  readonly command: string;
  /** The folder in which the program starts. */
  readonly workingDir?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export type ImagePrograms = ReadonlyMap<string, ImageProgram>;

const FIELDS: ReadonlySet<string> = new Set(["command", "workingDir", "env"]);

/** @throws Error that names the file, the place and the cure */
export function readImageFile(file: string): ImagePrograms {
  if (!existsSync(file)) return new Map();
  const wrong = (what: string): never => {
    throw new Error(`${file}: ${what}`);
  };
  let content: unknown;
  try {
    content = parseYaml(readFileSync(file, "utf8"));
  } catch (error) {
    wrong(`this is not valid YAML: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
  }
  if (content === null || content === undefined) return new Map();
  const { images, ...others } = isFields(content) ? content : wrong('expected "images:" with an entry for each image');
  for (const name of Object.keys(others)) wrong(`"${name}" is not known: only "images" may stand here`);
  if (!isFields(images)) wrong('expected an entry for each image below "images:"');
  return new Map(Object.entries(images as Fields).map(([image, entry]) => [image, programOf(image, entry, wrong)]));
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function programOf(image: string, given: unknown, wrong: (what: string) => never): ImageProgram {
  const entry = typeof given === "string" ? { command: given } : given;
  if (!isFields(entry)) return wrong(`images["${image}"]: expected "command:", found ${JSON.stringify(given)}`);
  for (const name of Object.keys(entry)) {
    if (!FIELDS.has(name)) wrong(`images["${image}"].${name} is not known: use command, workingDir or env`);
  }
  const { command, workingDir, env } = entry;
  if (typeof command !== "string" || commandWords(command).length === 0) {
    return wrong(`images["${image}"].command: expected a command line such as "node server.js"`);
  }
  if (workingDir !== undefined && typeof workingDir !== "string") {
    return wrong(`images["${image}"].workingDir: expected the path of a folder`);
  }
  if (env !== undefined && !isFields(env)) wrong(`images["${image}"].env: expected names and values`);
  return {
    command,
    ...(workingDir !== undefined && { workingDir }),
    ...(env !== undefined && {
      env: Object.fromEntries(Object.entries(env as Fields).map(([name, value]) => [name, String(value)])),
    }),
  };
}

/** Adds, replaces or (undefined) removes an entry. @returns false when there was nothing to remove */
export function editImageFile(file: string, image: string, program: ImageProgram | undefined): boolean {
  const images = new Map(readImageFile(file));
  if (program === undefined && !images.delete(image)) return false;
  if (program !== undefined) images.set(image, program);
  const draft = `${file}.new`;
  writeFileSync(draft, stringify({ images: Object.fromEntries(images) }), { mode: 0o600 });
  renameSync(draft, file);
  return true;
}

/** The entries as they are now. A file that cannot be read is an error for the caller. */
export function followImageFile(file: string): () => ImagePrograms {
  let known: ImagePrograms = new Map();
  let readAt: string | undefined;
  return () => {
    const stat = existsSync(file) ? statSync(file) : undefined;
    const now = stat === undefined ? "absent" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
    if (now !== readAt) {
      known = readImageFile(file);
      readAt = now;
    }
    return known;
  };
}

/** The words of a command line; single and double quotes keep blanks, a backslash the next character. */
export function commandWords(line: string): readonly string[] {
  const words: string[] = [];
  for (const [text] of line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/gs)) {
    words.push(
      text.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs, (_, double?: string, single?: string, plain?: string) =>
        double === undefined ? (single ?? plain ?? "") : double.replace(/\\(["\\$`])/g, "$1"),
      ),
    );
  }
  return words;
}
