/**
 * Builds the objects of a kustomize folder, as far as the sandbox needs kustomize: resources, namespace, labels,
 * annotations, images and patches (JSON and merge). A field that this file does not know is an error, so that nothing
 * is left out silently.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import jsonpatch from "fast-json-patch";
import { parseYamlDocuments } from "../../src/json/yaml.ts";
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";

const NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const KNOWN = [
  "apiVersion",
  "kind",
  "metadata",
  "resources",
  "namespace",
  "labels",
  "commonAnnotations",
  "images",
  "patches",
];
const CLUSTER_WIDE = new Set([
  ..."Namespace CustomResourceDefinition ClusterRole ClusterRoleBinding PersistentVolume StorageClass".split(" "),
  ..."ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding PriorityClass IngressClass GatewayClass".split(" "),
]);

/**
 * @param root no file outside this folder is read
 * @throws Error that names the file and what is wrong in it
 */
export function buildKustomization(root: string, path: string): readonly KubeObject[] {
  const folder = resolve(root, path);
  if (leadsOut(root, folder)) throw new Error(`path ${path} leads out of the repository`);
  if (!existsSync(folder)) throw new Error(`path ${path} is not in the repository`);
  return build(realpathSync(root), realpathSync(folder), []);
}

/** The text of a file. @throws Error when the file is outside */
function textOf(root: string, file: string): string {
  if (leadsOut(root, file)) throw new Error(`${relative(root, file)} leads out of the repository`);
  return readFileSync(file, "utf8");
}

/** A link, like a path, must not lead to a file of this machine. */
const leadsOut = (root: string, path: string): boolean =>
  !isInside(root, path) || (existsSync(path) && !isInside(realpathSync(root), realpathSync(path)));

function build(root: string, folder: string, above: readonly string[]): readonly KubeObject[] {
  if (above.includes(folder)) throw new Error(`${relative(root, folder)} includes itself`);
  const name = NAMES.find((each) => existsSync(join(folder, each)));
  // Flux writes a kustomization of all manifests into a folder that has none.
  if (name === undefined) return manifestsBelow(folder).flatMap((file) => readObjects(root, file));
  const file = join(folder, name);
  const where = relative(root, file);
  const spec: KubeFields = parseDocuments(root, file)[0] ?? {};
  const unknown = Object.keys(spec).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw new Error(
      `${where}: the sandbox's kustomize does not know the field "${unknown}" (it knows ${KNOWN.slice(3).join(", ")})`,
    );
  }
  const resources: string[] = spec.resources ?? [];
  const objects = resources.flatMap((entry) => {
    const target = resolve(folder, entry);
    if (/^https?:|^git@/.test(entry))
      throw new Error(`${where}: the sandbox's kustomize reads no remote resource (${entry})`);
    if (leadsOut(root, target)) throw new Error(`${where}: resource ${entry} leads out of the repository`);
    if (!existsSync(target)) throw new Error(`${where}: resource ${entry} is missing`);
    return statSync(target).isDirectory() ? build(root, target, [...above, folder]) : readObjects(root, target);
  });
  return transform(objects, spec, where, (path) => textOf(root, resolve(folder, path)));
}

const isInside = (root: string, path: string): boolean => !relative(resolve(root), path).startsWith("..");

function manifestsBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return manifestsBelow(path);
      return /\.ya?ml$/.test(entry.name) ? [path] : [];
    });
}

function parseDocuments(root: string, file: string): readonly KubeFields[] {
  return parseYamlDocuments(textOf(root, file)).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined)
      throw new Error(`${relative(root, file)} is not valid YAML: ${error.message.split("\n")[0]}`);
    const value: KubeFields = document.toJS();
    return value === null ? [] : [value];
  });
}

function readObjects(root: string, file: string): readonly KubeObject[] {
  return parseDocuments(root, file).map((object) => {
    if (typeof object.kind !== "string" || typeof object.apiVersion !== "string" || !object.metadata?.name) {
      throw new Error(`${relative(root, file)} has a document without apiVersion, kind or metadata.name`);
    }
    return object as KubeObject;
  });
}

function transform(
  objects: readonly KubeObject[],
  spec: KubeFields,
  where: string,
  read: (path: string) => string,
): readonly KubeObject[] {
  let result = objects.map((object) => structuredClone(object));
  for (const patch of spec.patches ?? []) result = applyPatch(result, patch, where, read);
  for (const object of result) {
    if (spec.namespace !== undefined && !CLUSTER_WIDE.has(object.kind)) object.metadata.namespace = spec.namespace;
    for (const { pairs } of spec.labels ?? []) object.metadata.labels = { ...object.metadata.labels, ...pairs };
    if (spec.commonAnnotations !== undefined) {
      object.metadata.annotations = { ...object.metadata.annotations, ...spec.commonAnnotations };
    }
    for (const image of spec.images ?? []) setImage(object, image);
  }
  return result;
}

/** Every `image` of every container, at any depth of the pod template. */
function setImage(
  value: KubeFields,
  image: { name: string; newName?: string; newTag?: string; digest?: string },
): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of ["containers", "initContainers"]) {
    for (const container of Array.isArray(value[key]) ? value[key] : []) {
      const [, name, rest = ""] = /^(.*?)([:@][^/]*)?$/.exec(container.image ?? "") ?? [];
      if (name !== image.name) continue;
      const tag =
        image.digest === undefined ? (image.newTag === undefined ? rest : `:${image.newTag}`) : `@${image.digest}`;
      container.image = `${image.newName ?? name}${tag}`;
    }
  }
  for (const child of Object.values(value)) setImage(child, image);
}

function applyPatch(
  objects: KubeObject[],
  patch: KubeFields,
  where: string,
  read: (path: string) => string,
): KubeObject[] {
  const text: string = patch.patch ?? read(patch.path);
  const content: KubeFields = parseYamlDocuments(text)[0]?.toJS();
  const target: KubeFields = patch.target ?? { kind: content.kind, name: content.metadata?.name };
  let met = 0;
  const result = objects.map((object) => {
    if (!matches(object, target)) return object;
    met += 1;
    if (Array.isArray(content)) return jsonpatch.applyPatch(object, content, true, false).newDocument;
    return merged(object, content) as KubeObject;
  });
  if (met === 0)
    throw new Error(`${where}: a patch for ${target.kind ?? "any kind"} ${target.name ?? ""} meets no resource`);
  return result;
}

const matches = (object: KubeObject, { kind, name, namespace }: KubeFields): boolean =>
  (kind === undefined || new RegExp(`^(${kind})$`).test(object.kind)) &&
  (name === undefined || new RegExp(`^(${name})$`).test(object.metadata.name)) &&
  (namespace === undefined || object.metadata.namespace === namespace);

/**
 * Lists of named items merge by name, as kustomize merges containers, ports and variables; other lists are replaced.
 */
function merged(base: unknown, patch: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(patch) && patch.every((item) => typeof Object(item).name === "string")) {
    const rest = patch.filter(({ name }) => !base.some((item) => item.name === name));
    return [...base.map((item) => merged(item, patch.find(({ name }) => name === item.name) ?? {})), ...rest];
  }
  if (!isMap(base) || !isMap(patch)) return patch;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = key in base ? merged(base[key], value) : value;
  }
  return result;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
