/**
 * Manifests of files, folders and the standard input. A manifest that cannot be read is reported in one line with the
 * file's name.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { errorText } from "../error-text.ts";
import { parseYamlDocuments } from "../json/yaml.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { UserError } from "./command.ts";
import { visibleFields } from "./visible-answers.ts";

/** Namespaces come before what is in them, and kinds before their objects. */
const ORDER: Readonly<Record<string, number>> = { Namespace: 0, CustomResourceDefinition: 1 };

/** Stands for the standard input. */
const STDIN = "-";

const MOST_BYTES = 32 * 1024 * 1024;
const MOST_DOCUMENTS = 10_000;

/** Every object of the files, namespaces and kinds first. @throws UserError for what is no manifest */
export function readManifests(paths: readonly string[]): readonly KubeObject[] {
  const objects = paths.flatMap(filesOf).flatMap(readObjects);
  return objects.sort((a, b) => (ORDER[a.kind] ?? 2) - (ORDER[b.kind] ?? 2));
}

/** As `readManifests`, for commands that show what the files hold and send none of it. */
export const readForShow = (paths: readonly string[]): readonly KubeObject[] => readManifests(paths).map(visibleFields);

function filesOf(path: string): readonly string[] {
  if (path === STDIN) return [path];
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UserError(`there is no file or folder ${path}`);
  if (!stat.isDirectory()) return [path];
  return readable(path, () => readdirSync(path, { withFileTypes: true }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((entry) => ({ entry, file: join(path, entry.name) }))
    .filter(({ entry, file }) => isFolder(entry, file) || [".yaml", ".yml", ".json"].includes(extname(file)))
    .flatMap(({ file }) => filesOf(file));
}

const isFolder = (entry: Dirent, file: string): boolean =>
  entry.isDirectory() || (entry.isSymbolicLink() && statSync(file, { throwIfNoEntry: false })?.isDirectory() === true);

/** @throws UserError for what the system does not let us read */
function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new UserError(`cannot read ${path}: ${errorText(cause)}`, 1, { cause });
  }
}

/** The YAML documents of one file as plain values. @throws UserError, in one line */
export function parseDocuments(file: string): readonly unknown[] {
  const name = file === STDIN ? "the standard input" : file;
  const text = readable(name, () => {
    if (file === STDIN) return readFileSync(0, "utf8");
    const { size } = statSync(file);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, more than ${MOST_BYTES}`);
    return readFileSync(file, "utf8");
  });
  const documents = text.match(/^---/gm)?.length ?? 0;
  if (documents > MOST_DOCUMENTS) {
    throw new UserError(`${name} holds ${documents} YAML documents, more than ${MOST_DOCUMENTS}: split it`);
  }
  try {
    return parseYamlDocuments(text).map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      // Aliases are resolved here: the library refuses those that multiply without measure.
      const value: unknown = document.toJS();
      // An alias that leads back to its own anchor has no end.
      JSON.stringify(value);
      return value;
    });
  } catch (cause) {
    // What follows the first line is the place, drawn.
    throw new UserError(`${name} is not valid YAML: ${firstLine(cause)}`, 1, { cause });
  }
}

const LONGEST = 200;

function firstLine(cause: unknown): string {
  if (cause instanceof RangeError) return "it is nested too deeply";
  const text = errorText(cause);
  return (text.split("\n")[0] ?? "").replace(/:$/, "").slice(0, LONGEST);
}

function readObjects(file: string): readonly KubeObject[] {
  const name = file === STDIN ? "the standard input" : file;
  return parseDocuments(file)
    .flatMap(itemsOf)
    .flatMap((document) => {
      if (document === null) return [];
      if (!isManifest(document)) {
        throw new UserError(
          `${name}: a document has no apiVersion, kind or metadata.name that is text: name files of Kubernetes manifests`,
        );
      }
      // kustomization.yaml is for kubectl and Flux; it is no object of the cluster.
      return document.apiVersion.startsWith("kustomize.config.k8s.io") ? [] : [document];
    });
}

/** What `kubectl get` prints of several objects is a List. */
function itemsOf(document: unknown): readonly unknown[] {
  const { kind, items } = Object(document) as Record<string, unknown>;
  return kind === "List" && Array.isArray(items) ? (items as unknown[]).flatMap(itemsOf) : [document];
}

function isManifest(document: unknown): document is KubeObject {
  const { apiVersion, kind, metadata } = Object(document) as Record<string, unknown>;
  const isKustomization = typeof apiVersion === "string" && apiVersion.startsWith("kustomize.config.k8s.io");
  const { name } = Object(metadata) as Record<string, unknown>;
  return isKustomization || [apiVersion, kind, name].every((word) => typeof word === "string" && word !== "");
}
