/** Applies manifests as a GitOps agent would, for machines without kubectl: server-side, kinds before their objects. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { apiVersionOf, collectionPath, type KubeObject, type ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

const OPTIONS = {
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const applyCommand: Command = {
  help: `Usage: aviary apply FILE|FOLDER... [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    if (options.words.length === 0) throw new UserError("name at least one file or folder of manifests", 2);
    const objects = readManifests(options.words);
    if (objects.length === 0) throw new UserError(`there is no object in ${options.words.join(", ")}`);
    const client = await connectCluster(options, env);
    for (const object of objects) {
      const name = `${object.kind.toLowerCase()}/${object.metadata.name}`;
      await applyObject(client, object, signal).catch((error: unknown) => {
        const refused = asUserError(error);
        throw refused instanceof UserError
          ? new UserError(`${name}: ${refused.message}`, 1, { cause: error })
          : refused;
      });
      out(`${name} applied\n`);
    }
    return 0;
  },
};

const ORDER: Readonly<Record<string, number>> = { Namespace: 0, CustomResourceDefinition: 1 };

/** Every object of the files, namespaces and kinds first. @throws UserError for what is no manifest */
export function readManifests(paths: readonly string[]): readonly KubeObject[] {
  const objects = paths.flatMap(filesOf).flatMap(readObjects);
  return objects.sort((a, b) => (ORDER[a.kind] ?? 2) - (ORDER[b.kind] ?? 2));
}

function filesOf(path: string): readonly string[] {
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
    throw new UserError(`cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`, 1, { cause });
  }
}

/** A YAML document of one file. @throws UserError, in one line */
export function parseDocuments(file: string): readonly unknown[] {
  return parseAllDocuments(readable(file, () => readFileSync(file, "utf8"))).map((document) => {
    const [error] = document.errors;
    // What follows the first line is the place, drawn.
    if (error !== undefined) throw new UserError(`${file} is not valid YAML: ${firstLine(error.message)}`);
    return document.toJS() as unknown;
  });
}

const LONGEST = 200;
const firstLine = (text: string): string => (text.split("\n")[0] ?? "").replace(/:$/, "").slice(0, LONGEST);

function readObjects(file: string): readonly KubeObject[] {
  return parseDocuments(file)
    .flatMap(itemsOf)
    .flatMap((document) => {
      if (document === null) return [];
      if (!isManifest(document)) {
        throw new UserError(`${file}: a document has no apiVersion, kind or metadata.name that is text`);
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

const RETRY_MS = 50;
const PATIENCE_MS = 10_000;

export async function applyObject(client: ClusterClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  const type = await resourceFor(client, object, signal);
  await client.kube.apply(type, object, { force: true }, signal);
}

/** Asks the cluster how the kind is called in paths; a kind whose CRD was just applied may take a moment. */
async function resourceFor(
  { transport }: ClusterClient,
  object: KubeObject,
  signal: AbortSignal,
): Promise<ResourceType> {
  const [group = "", version = ""] = object.apiVersion.includes("/")
    ? object.apiVersion.split("/")
    : ["", object.apiVersion];
  const probe = { group, version, plural: "", kind: object.kind, namespaced: false };
  const path = collectionPath(probe).replace(/\/$/, "");
  const until = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const known = await transport.send({ method: "GET", path }, signal).catch(() => ({ resources: [] }));
    const found = known.resources.find(
      ({ kind, name }: { kind: string; name: string }) => kind === object.kind && !name.includes("/"),
    );
    if (found !== undefined) return { ...probe, plural: found.name, namespaced: found.namespaced };
    if (systemClock.now() > until) {
      throw new UserError(`the cluster does not know ${apiVersionOf(probe)} ${object.kind}: apply its CRD first`);
    }
    await systemClock.sleep(RETRY_MS, signal);
  }
}
